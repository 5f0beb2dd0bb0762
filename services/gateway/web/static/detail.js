// The dialog in which one thing is looked at: a report, an alert or a resource.

import { call } from "./api.js";
import { REVIEW_REASONS, alertTitle, catalogue, may, regionName, severityOf } from "./catalogue.js";
import { facts, find, make, moment, sayProblem, words } from "./dom.js";
import { clearProblem, onSubmit } from "./forms.js";
import { partsOf } from "./parts.js";

const NEXT_STEPS = {
  pending: { confirmed: "Confirm", rejected: "Reject" },
  confirmed: { in_progress: "Start work", resolved: "Resolve", rejected: "Reject" },
  in_progress: { resolved: "Resolve", confirmed: "Stop work" },
  resolved: { closed: "Close", in_progress: "Reopen" },
  rejected: { pending: "Reopen" },
  duplicate: { pending: "Reopen" },
  closed: {},
};

const dialog = find("detail");
let current = 0;

find("detail-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

/** Opens the dialog and fills it with what `load` gives, which may entitle it anew; the newest opening wins. */
async function open(title, load) {
  const mine = ++current;
  const entitle = (text) => {
    if (mine === current) find("detail-title").textContent = text;
  };
  entitle(title);
  find("detail-body").replaceChildren(make("p", { class: "hint", text: "Loading…", role: "status" }));
  if (!dialog.open) dialog.showModal();
  let content;
  try {
    content = await load(entitle);
  } catch (problem) {
    content = [make("p", { class: "problem", role: "alert", text: problem.message })];
  }
  if (mine === current) find("detail-body").replaceChildren(...content);
}

export const closeDetail = () => dialog.open && dialog.close();

/** @param {(report: object) => void} [onChange] called when its status was changed here */
export function openReport(id, look, onChange = () => {}) {
  return open("Report", async (entitle) => {
    const [report, history] = await Promise.all([call("GET", `/reports/${id}`), call("GET", `/reports/${id}/history`, { query: { limit: 100 } })]);
    const steps = history.items;
    // The history is written from events, a moment after the report itself.
    if (steps.at(-1)?.status !== report.status) steps.push({ changed_at: report.updated_at, status: report.status, notes: report.status_notes });
    const parts = await partsOf(report);
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
      make("h3", { text: "History" }),
      make(
        "ol",
        { class: "steps" },
        ...steps.map((step) => make("li", { text: [moment(step.changed_at), words(step.status), step.notes].filter(Boolean).join(" – ") })),
      ),
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
  const done = async (changed) => {
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
  const note = make("textarea", { id: "status-note", rows: 2 });
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const change = async (status) => {
    buttons.forEach((button) => (button.disabled = true));
    sayProblem(problem, null);
    try {
      const body = note.value.trim() ? { status, notes: note.value } : { status };
      const changed = await call("PUT", `/reports/${report.id}/status`, { body, version: report.version });
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
  return [make("section", { "aria-label": "Next step" }, problem, noteField, make("p", { class: "buttons" }, ...buttons))];
}

/** @param {() => void} [onRead] called when it was unread by the one who opens it */
export function openAlert(alert, onRead = () => {}) {
  return open(alertTitle(alert), async () => {
    if (alert.is_read === false) await call("PUT", `/alerts/${alert.id}/reading`).then(onRead, () => {});
    const reach = may("alert:read_reach", alert.region_id) ? await call("GET", `/alerts/${alert.id}/reach`).catch(() => null) : null;
    return [
      facts([
        ["Priority", alert.priority],
        ["Region", regionName(alert.region_id)],
        ["Event", alert.event],
        ["Urgency", [alert.urgency, alert.severity, alert.certainty].filter(Boolean).join(", ")],
        ["Issued", moment(alert.issued_at)],
        ["Valid until", alert.expires_at ? moment(alert.expires_at) : "cancelled"],
      ]),
      make("p", { class: "text", text: alert.message }),
      ...(alert.instruction ? [make("h3", { text: "What to do" }), make("p", { class: "text", text: alert.instruction })] : []),
      ...(reach ? reachOf(reach) : []),
    ];
  });
}

function reachOf(reach) {
  const rows = reach.by_target.map((target) => [targetName(target), `${target.read} of ${target.targets} have read it`]);
  return [
    make("h3", { text: "Reach" }),
    make(
      "div",
      { class: "reach" },
      make("p", { text: `${reach.read.toLocaleString()} of ${reach.targets.toLocaleString()} people have read it${reach.targeted_at ? "" : " (still being sent)"}` }),
      make("progress", { max: Math.max(reach.targets, 1), value: reach.read, "aria-label": "Share of the recipients who have read it" }),
    ),
    facts(rows),
  ];
}

function targetName({ target_type: type, target_id: id }) {
  if (type === "region") return regionName(id);
  return id ? `${words(type)} ${id}` : words(type);
}

export function openResource(resource, look) {
  return open(resource.name, async () => {
    const [longitude, latitude] = resource.location.coordinates;
    return [
      facts([
        ["What", catalogue.resourceTypes.get(resource.resource_type_id)?.name],
        ["Status", words(resource.status)],
        ["Available", resource.capacity === null ? "no limit" : `${resource.available_capacity} of ${resource.capacity}`],
        ["Region", regionName(resource.region_id)],
        ["Place", [resource.location.address, degrees(resource.location)].filter(Boolean).join(" – ")],
        ["Contact", [resource.contact_person, resource.contact_phone, resource.contact_email].filter(Boolean).join(", ")],
        ["Note", resource.status_notes],
      ]),
      make("p", { class: "text", text: resource.description ?? "" }),
      lookButton(() => look(longitude, latitude)),
    ];
  });
}

const degrees = ({ coordinates: [longitude, latitude] }) => `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;

function lookButton(look) {
  const show = () => {
    dialog.close();
    look();
  };
  return make("p", { class: "buttons" }, make("button", { type: "button", class: "quiet", text: "Show on the map", on: { click: show } }));
}
