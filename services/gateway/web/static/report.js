// A report in the dialog: what is known of it, and what a coordinator does with it.

import { call } from "./api.js";
import { REVIEW_REASONS, catalogue, may, regionName, severityOf } from "./catalogue.js";
import { degrees, field, lookButton, open } from "./dialog.js";
import { facts, find, make, moment, sayProblem, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { duplicateForm, duplicatesOf, originalOf } from "./duplicates.js";
import { agreed, effectsOfChange } from "./effects.js";
import { clearProblem, nothingChanged, onSubmit } from "./forms.js";
import { alertsOf, stepsOf } from "./history.js";
import { mayEdit, partsOf } from "./parts.js";

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
    const [steps, original, duplicates, alerts, parts] = await Promise.all([
      stepsOf(`/reports/${id}/history`, report),
      originalOf(report),
      duplicatesOf(report),
      alertsOf(report),
      partsOf(report),
    ]);
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
      ...original,
      make("p", { class: "text", text: report.description }),
      ...(report.location.coordinates ? [lookButton(() => look(longitude, latitude))] : []),
      ...reviewForm(report, again, onChange),
      ...statusForm(report, again, onChange),
      ...duplicateForm(report, again, onChange),
      ...editForm(report, again, onChange),
      ...duplicates,
      ...alerts,
      ...steps,
      ...parts,
    ];
  });
}

/** The form in which a coordinator mends what is in doubt about a report, or finds it in order as it is. */
function reviewForm(report, again, onChange) {
  if (!report.needs_review || !may("report:update", report.region_id)) return [];
  const regions = catalogue.regions.filter(({ id, properties }) => !properties.is_reserved && may("report:update", id));
  const choices = regions.map(({ id, properties }) => make("option", { value: id, text: properties.name }));
  const region = make("select", { id: "review-region", name: "region_id" }, make("option", { value: "", text: "Unchanged" }), ...choices);
  const degreesOf = (name) => make("input", { id: `review-${name}`, name, inputmode: "decimal", autocomplete: "off" });
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

/** The next steps of a report; what follows from a step is shown before it is taken. */
function statusForm(report, again, onChange) {
  const steps = Object.entries(NEXT_STEPS[report.status] ?? {});
  if (!steps.length || !may("report:change_status", report.region_id)) return [];
  const note = make("textarea", { id: "status-note", name: "note", rows: 2 });
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const place = make("div");
  const change = async (status) => {
    const body = note.value.trim() ? { status, notes: note.value } : { status };
    const changed = await call("PUT", `/reports/${report.id}/status`, { body, version: report.version });
    draft.clear();
    onChange(changed);
    await again();
    find("detail-title").focus();
  };
  const choose = async (status, label) => {
    buttons.forEach((button) => (button.disabled = true));
    sayProblem(problem, null);
    try {
      await agreed(place, () => effectsOfChange("report", report.id, { status }), label, () => change(status));
    } catch (refused) {
      sayProblem(problem, refused);
      if (refused.status === 412) problem.append(" ", make("button", { type: "button", class: "quiet", text: "Show the current version", on: { click: again } }));
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };
  const buttons = steps.map(([status, label], index) =>
    make("button", { type: "button", class: index ? "" : "primary", text: label, "data-status": status, on: { click: () => choose(status, label) } }),
  );
  const noteField = field(note, "Note (optional; it stays internal)");
  const form = make("form", { class: "adding", novalidate: true, on: { submit: (event) => event.preventDefault() } }, noteField, make("p", { class: "buttons" }, ...buttons));
  const draft = new Draft(form);
  draft.open(`status:${report.id}`);
  return [make("section", { "aria-label": "Next step" }, problem, form, place)];
}

/** The form in which what a report says is corrected. */
function editForm(report, again, onChange) {
  if (!mayEdit(report)) return [];
  const choice = (id, name, things, chosen) =>
    make("select", { id, name }, ...things.map((thing) => make("option", { value: thing.id, text: thing.name, selected: thing.id === chosen })));
  const levels = [...catalogue.byLevel.values()].map(({ id, level, name }) => ({ id, name: `${level} – ${name}` }));
  const regions = catalogue.regions.filter(({ properties }) => !properties.is_reserved).map(({ id, properties }) => ({ id, name: properties.name }));
  const shownRegions = regions.some(({ id }) => id === report.region_id) ? regions : [{ id: report.region_id, name: regionName(report.region_id) }, ...regions];
  const place = make("div");
  const form = make(
    "form",
    { class: "adding", id: "editing", novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(make("input", { id: "edit-title", name: "title", value: report.title, autocomplete: "off" }), "Title"),
    field(make("textarea", { id: "edit-description", name: "description", rows: 4, text: report.description }), "Description"),
    field(choice("edit-type", "report_type_id", [...catalogue.types.values()], report.report_type_id), "What happened"),
    field(choice("edit-severity", "severity_level_id", levels, report.severity_level_id), "Severity"),
    field(choice("edit-region", "region_id", shownRegions, report.region_id), "Region"),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: "Save" })),
    place,
  );
  const draft = new Draft(form);
  draft.open(`edit:${report.id}`);
  onSubmit(form, async (fields) => {
    const given = ["title", "description", "report_type_id", "severity_level_id", "region_id"].map((name) => [name, fields[name].value]);
    const changes = Object.fromEntries(given.filter(([name, value]) => value !== report[name]));
    if (!Object.keys(changes).length) throw nothingChanged();
    const work = async () => {
      const changed = await call("PATCH", `/reports/${report.id}`, { body: changes, version: report.version });
      draft.clear();
      onChange(changed);
      await again();
      find("detail-title").focus();
    };
    await agreed(place, () => effectsOfChange("report", report.id, factsOf(changes)), "Save and do this", work);
  });
  return [make("details", { class: "fold" }, make("summary", { text: "Edit the report" }), form)];
}

/** The facts of a change that alert rules read, as the preview names them. */
function factsOf({ title, report_type_id: typeId, severity_level_id: levelId, region_id: regionId }) {
  const level = catalogue.levels.get(levelId)?.level;
  const named = { title, type_id: typeId, severity_level: level, region_id: regionId };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
