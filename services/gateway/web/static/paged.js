// A list that is loaded page by page, and says how much of it is shown.

import { call } from "./api.js";
import { find, make, replaceEntries, show } from "./dom.js";

const PAGE = 50;
const COUNTED_FOR = 15_000; // milliseconds for which a total is good enough while events arrive

export class PagedList {
  #name;
  #options;
  #query = null;
  #cursor = "";
  #shown = 0;
  #total = null;
  #countedAt = 0;
  #loading = null; // what the list begins with, while it is asked for
  #isPaging = false; // whether the person has asked for more
  #turn = 0; // grows with every beginning; what was asked before is not for this list any more

  /**
   * @param {string} name of the list in the document: `name`, `name-count`, `name-problem`, `name-empty`, `more-name`
   * @param {object} options
   * @param {(item: object) => HTMLElement} options.entry
   * @param {[string, string]} options.nouns what one and several of the things are called
   * @param {(query: object, page: {cursor: string, limit: number}) => Promise<{items: object[], next_cursor: ?string}>} options.load
   * @param {(query: object) => Promise<number>} [options.count] how many there are in all
   */
  constructor(name, options) {
    this.#name = name;
    this.#options = options;
    this.#find("more").addEventListener("click", () => this.#append());
    this.#find("changed").addEventListener("click", () => this.load(this.#query));
  }

  /** Begins anew. */
  async load(query) {
    const turn = (this.#turn += 1);
    const isSame = JSON.stringify(query) === JSON.stringify(this.#query);
    this.#query = query;
    if (!isSame) [this.#total, this.#countedAt] = [null, 0];
    show(this.#find("changed"), false);
    this.#list.setAttribute("aria-busy", "true");
    this.#loading = this.#take(turn, "", (entries) => {
      this.#shown = 0;
      replaceEntries(this.#list, entries);
    });
    await this.#loading;
  }

  /** Looks again at what is shown; where more than the first page is, the person says when. */
  async refresh() {
    if (!this.#query) return;
    if (this.#shown > PAGE || this.#isPaging) show(this.#find("changed"), true);
    else await this.load(this.#query);
  }

  /** Shows a thing as it is now, if it is in the list. */
  update(item) {
    const old = [...this.#list.querySelectorAll(".entry")].find((one) => one.dataset.id === item.id);
    if (!old) return;
    const hadFocus = old === document.activeElement;
    const entry = this.#options.entry(item);
    old.replaceWith(entry);
    if (hadFocus) entry.focus();
  }

  clear() {
    this.#turn += 1;
    this.#query = null;
    this.#shown = 0;
    this.#list.replaceChildren();
    for (const part of ["count", "empty", "more", "changed", "problem"]) show(this.#find(part), false);
  }

  /** Shows the next page, also where the list is being looked at again at this moment: no press is lost. */
  async #append() {
    if (this.#isPaging) return;
    this.#isPaging = true;
    try {
      await this.#loading;
      if (!this.#cursor) return;
      await this.#take(this.#turn, this.#cursor, (entries) => {
        this.#list.append(...entries.map((one) => make("li", {}, one)));
        entries[0]?.focus();
      });
    } finally {
      this.#isPaging = false;
    }
  }

  async #take(turn, cursor, place) {
    try {
      const page = await this.#options.load(this.#query, { cursor, limit: PAGE });
      if (turn !== this.#turn) return;
      place(page.items.map((item) => this.#options.entry(item)));
      this.#shown += page.items.length;
      this.#cursor = page.next_cursor ?? "";
      show(this.#find("more"), Boolean(this.#cursor));
      show(this.#find("empty"), !this.#shown);
      this.#sayProblem(null);
      this.#say();
      if (this.#cursor) this.#count(turn);
    } catch (problem) {
      if (turn === this.#turn && problem.status !== 401) this.#sayProblem(problem, () => (cursor ? this.#append() : this.load(this.#query)));
    } finally {
      this.#list.removeAttribute("aria-busy");
    }
  }

  async #count(turn) {
    const { count } = this.#options;
    if (!count || Date.now() - this.#countedAt < COUNTED_FOR) return;
    const total = await count(this.#query).catch(() => null); // the list is of use without its number
    if (turn !== this.#turn) return;
    [this.#total, this.#countedAt] = [total, Date.now()];
    this.#say();
  }

  #say() {
    const [one, several] = this.#options.nouns;
    const number = (count) => count.toLocaleString();
    let text = `${this.#shown === 1 ? "1" : `All ${number(this.#shown)}`} ${this.#shown === 1 ? one : several}`;
    if (this.#cursor && this.#total > this.#shown) text = `Showing ${number(this.#shown)} of ${number(this.#total)} ${several}`;
    else if (this.#cursor) text = `Showing the first ${number(this.#shown)} ${several}; there are more`;
    const said = this.#find("count");
    show(said, this.#shown > 0);
    if (said.textContent !== text) said.textContent = text;
  }

  #sayProblem(problem, again) {
    const said = this.#find("problem");
    show(said, Boolean(problem));
    said.replaceChildren(...(problem ? [`${problem.message} `, make("button", { type: "button", class: "quiet", text: "Try again", on: { click: again } })] : []));
  }

  get #list() {
    return find(this.#name);
  }

  #find(part) {
    return find(part === "more" ? `more-${this.#name}` : `${this.#name}-${part}`);
  }
}

/** Loads pages of an address of the API. */
export const pagesOf = (path) => (query, page) => call("GET", path, { query: { ...query, ...page } });
