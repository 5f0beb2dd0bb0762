// Makes elements. Whatever comes from the API goes through here as text; nothing of it is ever read as markup.

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [options] `class`, `text`, `on` (listeners by event); the rest are attributes,
 *   of which null and false are left out.
 * @param {...(Node|string|null)} children
 */
export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const find = (id) => document.getElementById(id);

export function show(element, isShown) {
  element.hidden = !isShown;
}

/** Says a problem in a paragraph that is kept for it; null takes it back. */
export function sayProblem(paragraph, problem) {
  paragraph.textContent = problem ? problem.message : "";
  show(paragraph, Boolean(problem));
}

/** An entry of a list: a mark, what it is, something about it; a button that opens it. */
export function entry(id, mark, what, about, open) {
  return make(
    "button",
    { type: "button", class: "entry", "data-id": id, on: { click: open } },
    mark,
    make("span", { class: "what", text: what }),
    make("span", { class: "about", text: about }),
  );
}

/** Puts other entries into a list; who was on one of them stays there. */
export function replaceEntries(list, entries) {
  const id = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...entries.map((one) => make("li", {}, one)));
  if (id) [...list.querySelectorAll(".entry")].find((one) => one.dataset.id === id)?.focus();
}

/** A definition list of the facts that there are. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl", { class: "facts" }, ...known.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
}

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const moment = (text) => (text ? moments.format(new Date(text)) : "");
/** The time, with the day where it was not today. */
export function timeOfDay(text) {
  const then = text ? new Date(text) : new Date();
  return then.toDateString() === new Date().toDateString() ? clock.format(then) : moments.format(then);
}
export const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
export const words = (status) => status.replaceAll("_", " ");

/** The calls within `wait` milliseconds become one. */
export function once(wait, work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
}
