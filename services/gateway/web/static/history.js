// Who did what and when, and the alerts that a report or a resource has led to.

import { alertTitle, may } from "./catalogue.js";
import { link } from "./dialog.js";
import { make, moment, words } from "./dom.js";
import { furtherPages } from "./parts.js";
import { nameOf } from "./people.js";

/** The section with the statuses that a thing entered, and who changed them. */
export async function stepsOf(path, thing) {
  const list = make("ol", { class: "steps" });
  const more = await furtherPages("steps", path, (steps, isLast) => {
    // The history is written from events, a moment after the thing itself.
    const now = { changed_at: thing.updated_at, changed_by: thing.updated_by, status: thing.status, notes: thing.status_notes };
    if (isLast && steps.at(-1)?.status !== thing.status) steps.push(now);
    list.append(...steps.map(stepEntry));
  });
  return [make("section", { "aria-label": "History" }, make("h3", { text: "History" }), list, more)];
}

function stepEntry(step) {
  const who = make("span");
  nameOf(step.changed_by).then((name) => {
    who.textContent = name && ` – ${name}`;
  });
  return make("li", {}, [moment(step.changed_at), words(step.status)].join(" – "), who, step.notes ? ` – ${step.notes}` : "");
}

/** The section with the alerts of a report or a resource, the newest first; nothing where there are none. */
export async function alertsOf(thing) {
  if (!may("alert:read") && !may("alert:read_draft")) return [];
  const list = make("ul", { class: "parts" });
  const about = (alert) => [alert.priority, words(alert.status), moment(alert.issued_at)].join(" · ");
  const entry = (alert) => make("li", {}, link("alert", alert.id, alertTitle(alert)), make("span", { class: "about", text: about(alert) }));
  const more = await furtherPages("alerts", "/alerts", (alerts) => list.append(...alerts.map(entry)), { source_id: thing.id });
  return list.children.length ? [make("section", { "aria-label": "Alerts" }, make("h3", { text: "Alerts" }), list, more)] : [];
}
