// The forms by which lists are filtered and sorted. What is chosen stands in the address.

import { inAddress, putInAddress } from "./address.js";
import { once, show } from "./dom.js";

const WIDE = 900; // pixels; where there are fewer, the list begins nearer to the top
const TYPING = 350; // milliseconds without a key after which a search begins

export class Filters {
  #form;
  #prefix;
  #initial = {};

  /**
   * @param {HTMLFormElement} form
   * @param {string} prefix of the names in the address
   * @param {(input: HTMLElement|null) => void} changed called after each change, with the field that was changed
   */
  constructor(form, prefix, changed) {
    this.#form = form;
    this.#prefix = prefix;
    this.changed = changed;
    const typed = once(TYPING, () => this.#change(null));
    form.addEventListener("input", ({ target }) => target.type === "search" && typed());
    form.addEventListener("change", ({ target }) => target.type !== "search" && this.#change(target));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change(null);
    });
    this.#clearButton.addEventListener("click", () => {
      form.reset();
      this.#change(null);
      this.#inputs[0].focus();
    });
  }

  /** Takes what the address says, once the choices are there. */
  open() {
    this.#form.reset();
    this.#initial = this.values;
    for (const fold of this.#form.querySelectorAll("[data-fold]")) fold.open = window.innerWidth > WIDE;
    for (const input of this.#inputs) {
      const said = inAddress(this.#nameOf(input));
      if (said === null) continue;
      if (input.type === "checkbox") input.checked = Boolean(said);
      else if (input.type === "datetime-local") input.value = localTime(said);
      else if (input.tagName !== "SELECT" || [...input.options].some(({ value }) => value === said)) input.value = said;
      for (let fold = input.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    }
    this.#say();
  }

  /** What is chosen, by the names of the fields; checkboxes are "1" or empty. */
  get values() {
    return Object.fromEntries(this.#inputs.map((input) => [input.name, valueOf(input)]));
  }

  get #inputs() {
    return [...this.#form.elements].filter(({ name }) => name);
  }

  get #clearButton() {
    return this.#form.querySelector("[data-clear]");
  }

  #nameOf = ({ name }) => `${this.#prefix}.${name}`;

  #change(input) {
    const values = this.values;
    const differs = (one) => values[one.name] !== this.#initial[one.name];
    putInAddress(Object.fromEntries(this.#inputs.map((one) => [this.#nameOf(one), differs(one) ? values[one.name] : null])));
    this.#say();
    this.changed(input);
  }

  #say() {
    const values = this.values;
    show(this.#clearButton, Object.entries(this.#initial).some(([name, value]) => values[name] !== value));
  }
}

function valueOf(input) {
  if (input.type === "checkbox") return input.checked ? "1" : "";
  if (input.type === "datetime-local") return input.value ? new Date(input.value).toISOString() : "";
  return input.value.trim();
}

/** A moment as the field for times shows it, which is in the zone of this device. */
function localTime(moment) {
  const then = new Date(moment);
  if (Number.isNaN(then.getTime())) return "";
  return new Date(then.getTime() - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
