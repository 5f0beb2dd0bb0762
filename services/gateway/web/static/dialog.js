// The dialog in which one thing is looked at: a report, an alert or a resource.

import { find, make } from "./dom.js";

/** Who opens what: a function for each kind of thing (`report`, `alert`, `resource`), set by the page. */
export const openers = {};

/** A button that opens another thing in the dialog. */
export const link = (kind, id, text) => make("button", { type: "button", class: "quiet link", text, "data-link": id, on: { click: () => openers[kind](id) } });

/** A labelled field of a form. */
export const field = (input, text) => make("div", { class: "field" }, make("label", { for: input.id, text }), input);

const dialog = find("detail");
let current = 0;
let opener = null; // what had the focus before

find("detail-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// The list that it was opened from may have been made anew meanwhile; then the focus goes to the entry that is there now.
dialog.addEventListener("close", () => {
  if (document.activeElement !== document.body) return;
  const entries = [...document.querySelectorAll("#panels .entry")];
  const now = entries.find((entry) => entry.dataset.id === opener?.dataset.id && entry.checkVisibility());
  (now ?? find("panels")).focus();
});

let tell = () => {};

/** @param {(what: ?string) => void} listener is told what is opened (`report:ID`), and null when it is closed */
export function onDetail(listener) {
  tell = listener;
  dialog.addEventListener("close", () => listener(null));
}

/** Opens the dialog and fills it with what `load` gives, which may entitle it anew; the newest opening wins. */
export async function open(what, title, load) {
  const mine = ++current;
  const entitle = (text) => {
    if (mine === current) find("detail-title").textContent = text;
  };
  entitle(title);
  find("detail-body").replaceChildren(make("p", { class: "hint", text: "Loading…", role: "status" }));
  if (!dialog.open) {
    opener = document.activeElement;
    dialog.showModal();
  }
  tell(what);
  let content;
  try {
    content = await load(entitle);
  } catch (problem) {
    content = [make("p", { class: "problem", role: "alert", text: problem.message })];
  }
  if (mine === current) find("detail-body").replaceChildren(...content);
}

export const closeDetail = () => dialog.open && dialog.close();

/** A position in words. */
export const degrees = ({ coordinates: [longitude, latitude] }) => `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;

/** A button that closes the dialog and shows the place on the map. */
export function lookButton(look) {
  const show = () => {
    dialog.close();
    look();
  };
  return make("p", { class: "buttons" }, make("button", { type: "button", class: "quiet", text: "Show on the map", on: { click: show } }));
}
