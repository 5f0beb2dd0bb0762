// Duplicates: which report one repeats, which ones repeat it, and marking one as such.

import { call } from "./api.js";
import { may } from "./catalogue.js";
import { field, link } from "./dialog.js";
import { find, make, moment, once, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { agreed, effectsOfChange } from "./effects.js";
import { onSubmit } from "./forms.js";
import { furtherPages } from "./parts.js";

const NEAR = 5_000; // metres within which reports are offered first
const OFFERED = 20;
const TYPING = 300; // milliseconds after the last key

/** The report that this one repeats. */
export async function originalOf(report) {
  if (!report.duplicate_of) return [];
  const title = await call("GET", `/reports/${report.duplicate_of}`).then((original) => original.title, () => null);
  const said = title === null ? "another report" : link("report", report.duplicate_of, title);
  return [make("p", {}, "This is a duplicate of ", said, ".")];
}

/** The reports that repeat this one. */
export async function duplicatesOf(report) {
  const list = make("ul", { class: "parts" });
  const entry = (one) => make("li", {}, link("report", one.id, one.title), make("span", { class: "about", text: moment(one.reported_at) }));
  const more = await furtherPages("duplicates", "/reports", (reports) => list.append(...reports.map(entry)), { duplicate_of: report.id });
  return list.children.length ? [make("section", { "aria-label": "Duplicates" }, make("h3", { text: "Duplicates" }), list, more)] : [];
}

/** The form in which a report is marked as the duplicate of one that is found nearby or by its words. */
export function duplicateForm(report, again, onChange) {
  if (!["pending", "confirmed"].includes(report.status) || !may("report:change_status", report.region_id)) return [];
  const search = make("input", { id: "duplicate-search", name: "text", type: "search", autocomplete: "off" });
  const choices = make("fieldset", { class: "choices", "data-field": "duplicate_of" }, make("legend", { text: "Original report" }));
  const note = make("textarea", { id: "duplicate-note", name: "notes", rows: 2 });
  const place = make("div");
  const form = make(
    "form",
    { class: "adding", id: "duplicate", novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(search, "Search for the original (without words: what is nearby)"),
    choices,
    field(note, "Note (optional; it stays internal)"),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: "Mark as duplicate" })),
    place,
  );
  let asked = 0;
  const offer = async () => {
    const mine = ++asked;
    const text = search.value.trim();
    const [lon, lat] = report.location.coordinates ?? [];
    const nearby = text || lon === undefined ? {} : { near: `${lon},${lat},${NEAR}` };
    const query = { ...nearby, text, limit: OFFERED + 1 };
    const said = await call("GET", "/reports", { query }).then(
      ({ items }) => choicesOf(items.filter(({ id }) => id !== report.id)),
      (problem) => [make("p", { class: "hint", text: problem.message })],
    );
    if (mine !== asked) return;
    // What was chosen stays chosen, also where it is not found any more.
    const chosen = choices.querySelector("input:checked");
    const kept = chosen && said.every((one) => one.querySelector?.("input")?.value !== chosen.value) ? [chosen.closest("label")] : [];
    choices.replaceChildren(choices.firstChild, ...kept, ...said);
    if (chosen) choices.querySelector(`input[value="${chosen.value}"]`).checked = true;
  };
  search.addEventListener("input", once(TYPING, offer));
  const fold = make("details", { class: "fold" }, make("summary", { text: "Mark as a duplicate" }), form);
  const draft = new Draft(form);
  draft.open(`duplicate:${report.id}`);
  fold.addEventListener("toggle", () => fold.open && offer());
  onSubmit(form, async (fields) => {
    const chosen = form.querySelector('input[name="duplicate_of"]:checked')?.value;
    const body = { status: "duplicate", ...(chosen && { duplicate_of: chosen }), ...(fields.notes.value.trim() && { notes: fields.notes.value }) };
    await agreed(place, () => effectsOfChange("report", report.id, { status: "duplicate" }), "Mark as duplicate and do this", async () => {
      const changed = await call("PUT", `/reports/${report.id}/status`, { body, version: report.version });
      draft.clear();
      onChange(changed);
      await again();
      find("detail-title").focus();
    });
  }, () => "text");
  return [fold];
}

function choicesOf(reports) {
  if (!reports.length) return [make("p", { class: "hint", text: "No other report is found." })];
  return reports.map((one) =>
    make(
      "label",
      { class: "check" },
      make("input", { type: "radio", name: "duplicate_of", value: one.id }),
      ` ${one.title} (${words(one.status)}, ${moment(one.reported_at)})`,
    ),
  );
}
