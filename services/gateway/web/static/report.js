// A report in the dialog: what is known of it, and what a coordinator does with it.

import { call } from "./api.js";
import { REVIEW_REASONS, catalogue, may, regionName, severityOf } from "./catalogue.js";
import { degrees, lookButton, open } from "./dialog.js";
import { facts, find, make, moment, sayProblem, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { clearProblem, onSubmit } from "./forms.js";
import { furtherPages, partsOf } from "./parts.js";

const NEXT_STEPS = {
  pending: { confirmed: "Confirm", rejected: "Reject" },
  confirmed: { in_progress: "Start work", resolved: "Resolve", rejected: "Reject" },
  in_progress: { resolved: "Resolve", confirmed: "Stop work" },
  resolved: { closed: "Close", in_progress: "Reopen" },
  rejected: { pending: "Reopen" },
  duplicate: { pending: "Reopen" },
  closed: {},
};

/** @param {(report: object) => void} [onChange] called when its status was changed here */
export function openReport(id, look, onChange = () => {}) {
  return open(`report:${id}`, "Report", async (entitle) => {
    const report = await call("GET", `/reports/${id}`);
    const [history, parts] = await Promise.all([historyOf(report), partsOf(report)]);
    entitle(report.title);
    const severity = severityOf(report);
    const [longitude, latitude] = report.location.coordinates ?? [];
    const again = () => openReport(id, look, onChange);
    return [
      facts([
        ["Type", catalogue.types.get(report.report_type_id)?.name],
        ["Severity", `${severity.level} (${severity.name})`],
        ["Status", words(report.status)],
        ["Region", regionName(report.region_id)],
        ["Place", [report.location.address, report.location.coordinates && degrees(report.location)].filter(Boolean).join(" – ")],
        ["Reported", moment(report.reported_at)],
        ["Received", report.needs_review ? moment(report.received_at) : null],
        ["Needs review", report.review_reasons.map((reason) => REVIEW_REASONS[reason] ?? words(reason)).join(" ")],
        ["Note", report.status_notes],
      ]),
      make("p", { class: "text", text: report.description }),
      ...(report.location.coordinates ? [lookButton(() => look(longitude, latitude))] : []),
      ...reviewForm(report, again, onChange),
      ...statusForm(report, again, onChange),
      ...history,
      ...parts,
    ];
  });
}

async function historyOf(report) {
  const list = make("ol", { class: "steps" });
  const more = await furtherPages("steps", `/reports/${report.id}/history`, (steps, isLast) => {
    // The history is written from events, a moment after the report itself.
    const now = { changed_at: report.updated_at, status: report.status, notes: report.status_notes };
    if (isLast && steps.at(-1)?.status !== report.status) steps.push(now);
    list.append(...steps.map((step) => make("li", { text: [moment(step.changed_at), words(step.status), step.notes].filter(Boolean).join(" – ") })));
  });
  return [make("h3", { text: "History" }), list, more];
}

/** The form in which a coordinator mends what is in doubt about a report, or finds it in order as it is. */
function reviewForm(report, again, onChange) {
  if (!report.needs_review || !may("report:update", report.region_id)) return [];
  const regions = catalogue.regions.filter(({ id, properties }) => !properties.is_reserved && may("report:update", id));
  const choices = regions.map(({ id, properties }) => make("option", { value: id, text: properties.name }));
  const region = make("select", { id: "review-region", name: "region_id" }, make("option", { value: "", text: "Unchanged" }), ...choices);
  const degreesOf = (name) => make("input", { id: `review-${name}`, name, inputmode: "decimal", autocomplete: "off" });
  const field = (input, text) => make("div", { class: "field" }, make("label", { for: input.id, text }), input);
  const settle = make("button", { type: "button", text: "Accept the report as it is" });
  const form = make(
    "form",
    { class: "adding", id: "review", novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(region, "Region"),
    make("div", { class: "pair" }, field(degreesOf("latitude"), "Latitude"), field(degreesOf("longitude"), "Longitude")),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: "Save the correction" }), settle),
  );
  const draft = new Draft(form);
  draft.open(`review:${report.id}`);
  const done = async (changed) => {
    draft.clear();
    onChange(changed);
    await again();
    find("detail-title").focus();
  };
  onSubmit(
    form,
    async ({ region_id: chosen, latitude, longitude }) => {
      const body = chosen.value ? { region_id: chosen.value } : {};
      if (latitude.value.trim() || longitude.value.trim()) {
        const coordinates = [longitude, latitude].map(({ value }) => (value.trim() ? Number(value.trim().replace(",", ".")) : null));
        body.location = { ...report.location, type: "Point", coordinates };
      }
      await done(await call("PATCH", `/reports/${report.id}`, { body, version: report.version }));
    },
    (name) => ({ "location.coordinates": "latitude", location: "latitude" })[name] ?? name,
  );
  settle.addEventListener("click", async () => {
    settle.disabled = true;
    clearProblem(form);
    try {
      await done(await call("PUT", `/reports/${report.id}/review`, { version: report.version }));
    } catch (refused) {
      sayProblem(form.querySelector("[data-problem]"), refused);
      settle.disabled = false;
    }
  });
  return [make("section", { "aria-label": "Review" }, make("h3", { text: "Review" }), form)];
}

function statusForm(report, again, onChange) {
  const steps = Object.entries(NEXT_STEPS[report.status] ?? {});
  if (!steps.length || !may("report:change_status", report.region_id)) return [];
  const note = make("textarea", { id: "status-note", name: "note", rows: 2 });
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const change = async (status) => {
    buttons.forEach((button) => (button.disabled = true));
    sayProblem(problem, null);
    try {
      const body = note.value.trim() ? { status, notes: note.value } : { status };
      const changed = await call("PUT", `/reports/${report.id}/status`, { body, version: report.version });
      draft.clear();
      onChange(changed);
      await again();
      find("detail-title").focus();
    } catch (refused) {
      sayProblem(problem, refused);
      buttons.forEach((button) => (button.disabled = false));
      if (refused.status === 412) problem.append(" ", make("button", { type: "button", class: "quiet", text: "Show the current version", on: { click: again } }));
    }
  };
  const buttons = steps.map(([status, label], place) =>
    make("button", { type: "button", class: place ? "" : "primary", text: label, "data-status": status, on: { click: () => change(status) } }),
  );
  const noteField = make("div", { class: "field" }, make("label", { for: "status-note", text: "Note (optional)" }), note);
  const form = make("form", { class: "adding", novalidate: true, on: { submit: (event) => event.preventDefault() } }, noteField, make("p", { class: "buttons" }, ...buttons));
  const draft = new Draft(form);
  draft.open(`status:${report.id}`);
  return [make("section", { "aria-label": "Next step" }, problem, form)];
}
