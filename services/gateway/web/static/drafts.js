// What is typed into a form is kept in this browser, for the account that typed it, until it is sent or discarded.

import { newKey } from "./api.js";
import { catalogue } from "./catalogue.js";
import { make, moment } from "./dom.js";

const PREFIX = "impactx.draft:";
const KEPT = 7 * 24 * 3_600_000; // milliseconds
const NOT_KEPT = new Set(["file", "password", "submit", "button"]);

export class Draft {
  #form;
  #name = "";
  #empty = ""; // the fields of the form as it begins
  #attempt = null; // what was sent last, as long as nothing was typed since
  #hint = null;
  #hasFiles = false; // which are not kept

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    for (const event of ["input", "change"]) form.addEventListener(event, ({ target }) => this.#typed(target.type === "file"));
  }

  /**
   * Shows what the account typed into this form before, if anything.
   *
   * @param {string} name of the form, with the id of what it is about
   * @returns {boolean} whether there was something
   */
  open(name) {
    this.#name = `${PREFIX}${catalogue.me.id}:${name}`;
    this.#empty = JSON.stringify(this.#fields());
    const kept = read(this.#name);
    if (!kept) return false;
    for (const [field, value] of Object.entries(kept.fields)) {
      const input = this.#form.elements[field];
      if (!input) continue;
      if (input.type === "checkbox") input.checked = value;
      else input.value = value;
    }
    this.#attempt = kept.attempt;
    this.#hasFiles = Boolean(kept.hasFiles);
    this.#say(kept.at);
    return true;
  }

  /** Empties the form and keeps what was typed for later; for the end of a session. */
  close() {
    this.#name = "";
    this.#attempt = null;
    this.#hasFiles = false;
    this.#unsay();
    this.#form.reset();
  }

  /** Empties the form and forgets what was typed; after it was sent. */
  clear() {
    if (this.#name) remove(this.#name);
    this.#attempt = null;
    this.#hasFiles = false;
    this.#unsay();
    this.#form.reset();
  }

  /**
   * What is to be sent, with the key by which the server knows a repeat. As long as nothing else is typed it stays the
   * same, also over a reload, so that a report is not filed twice where an answer was lost.
   *
   * @param {() => object} bodyOf makes the body from the form
   * @returns {{body: object, key: string}}
   */
  attempt(bodyOf) {
    this.#attempt ??= { body: bodyOf(), key: newKey() };
    if (!(this.#attempt.body instanceof FormData)) this.#write();
    return this.#attempt;
  }

  /** Notes a change that no event tells of. */
  changed() {
    this.#typed();
  }

  #typed(isFile = false) {
    this.#hasFiles ||= isFile;
    this.#attempt = null;
    this.#write();
  }

  #write() {
    if (!this.#name) return;
    const fields = this.#fields();
    if (JSON.stringify(fields) === this.#empty) remove(this.#name);
    else write(this.#name, { at: new Date().toISOString(), fields, attempt: this.#attempt, hasFiles: this.#hasFiles });
  }

  #fields() {
    const kept = [...this.#form.elements].filter(({ name, type }) => name && !NOT_KEPT.has(type));
    return Object.fromEntries(kept.map((input) => [input.name, input.type === "checkbox" ? input.checked : input.value]));
  }

  #say(at) {
    this.#unsay();
    const text = `Restored: what you typed here on ${moment(at)}.${this.#hasFiles ? " Choose the files again." : ""}`;
    const discard = () => {
      this.clear();
      this.#form.dispatchEvent(new Event("discarded"));
      this.#form.querySelector("input, select, textarea")?.focus();
    };
    this.#hint = make("p", { class: "restored", role: "status" }, make("span", { text }), make("button", { type: "button", class: "quiet", text: "Discard", on: { click: discard } }));
    this.#form.prepend(this.#hint);
  }

  #unsay() {
    this.#hint?.remove();
    this.#hint = null;
  }
}

/** Forgets what this account typed; when it signs out. */
export function forgetDrafts() {
  if (!catalogue.me) return;
  for (const name of names()) if (name.startsWith(`${PREFIX}${catalogue.me.id}:`)) remove(name);
}

/** Forgets what nobody came back for. */
export function forgetOldDrafts() {
  for (const name of names()) {
    const at = Date.parse(read(name)?.at);
    if (!(Date.now() - at < KEPT)) remove(name);
  }
}

// A browser may have no room, or refuse to keep anything; then nothing is kept, and everything else works.

const names = () => {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  } catch {
    return [];
  }
};

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, kept) {
  try {
    localStorage.setItem(name, JSON.stringify(kept));
  } catch {
    /* see above */
  }
}

function remove(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    /* see above */
  }
}
