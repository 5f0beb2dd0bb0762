// A resource in the dialog: what it is, who can be taken in, and its status.

import { call } from "./api.js";
import { catalogue, may, regionName } from "./catalogue.js";
import { degrees, field, lookButton, open } from "./dialog.js";
import { facts, find, make, sayProblem, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { agreed, effectsOfChange } from "./effects.js";
import { onSubmit } from "./forms.js";
import { alertsOf, stepsOf } from "./history.js";

const NEXT = {
  available: ["limited", "unavailable", "out_of_service", "closed"],
  limited: ["available", "unavailable", "out_of_service", "closed"],
  unavailable: ["available", "limited", "out_of_service", "closed"],
  out_of_service: ["available", "limited", "unavailable", "closed"],
  closed: ["available"],
};
const OPEN = new Set(["available", "limited"]);

/** @param {() => void} [onChange] called when it was changed here */
export function openResource(resource, look, onChange = () => {}) {
  return open(`resource:${resource.id}`, resource.name, async () => {
    const [longitude, latitude] = resource.location.coordinates;
    const [steps, alerts] = await Promise.all([stepsOf(`/resources/${resource.id}/history`, resource), alertsOf(resource)]);
    const again = async () => {
      onChange();
      await openResource(await call("GET", `/resources/${resource.id}`), look, onChange);
      find("detail-title").focus();
    };
    return [
      facts([
        ["What", catalogue.resourceTypes.get(resource.resource_type_id)?.name],
        ["Status", words(resource.status)],
        ["Available", resource.capacity === null ? "no limit" : `${resource.available_capacity} of ${resource.capacity}`],
        ["In use", resource.current_usage || null],
        ["Region", regionName(resource.region_id)],
        ["Place", [resource.location.address, degrees(resource.location)].filter(Boolean).join(" – ")],
        ["Contact", [resource.contact_person, resource.contact_phone, resource.contact_email].filter(Boolean).join(", ")],
        ["Note", resource.status_notes],
      ]),
      make("p", { class: "text", text: resource.description ?? "" }),
      lookButton(() => look(longitude, latitude)),
      ...statusForm(resource, again),
      ...usageForm(resource, again),
      ...alerts,
      ...steps,
    ];
  });
}

/** The next statuses; closing what is in use is asked about, with the number of those inside. */
function statusForm(resource, again) {
  if (!may("resource:change_status", resource.region_id)) return [];
  const note = make("textarea", { id: "resource-note", name: "notes", rows: 2 });
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const place = make("div");
  const change = async (status, despiteUsage) => {
    const body = { status, ...(note.value.trim() && { notes: note.value }), ...(despiteUsage && { despite_usage: true }) };
    await call("PUT", `/resources/${resource.id}/status`, { body, version: resource.version });
    draft.clear();
    await again();
  };
  const choose = async (status) => {
    sayProblem(problem, null);
    const asks = resource.current_usage > 0 && OPEN.has(resource.status) && !OPEN.has(status);
    const label = asks ? `Set it to ${words(status)} although ${resource.current_usage.toLocaleString()} are in use` : `Set it to ${words(status)}`;
    try {
      await agreed(place, () => effectsOfChange("resource", resource.id, { status }), label, () => change(status, asks), { always: asks });
    } catch (refused) {
      sayProblem(problem, refused);
    }
  };
  const buttons = NEXT[resource.status].map((status) =>
    make("button", { type: "button", text: words(status), "data-status": status, on: { click: () => choose(status) } }),
  );
  const noteField = field(note, "Note (optional; it stays internal)");
  const form = make("form", { class: "adding", novalidate: true, on: { submit: (event) => event.preventDefault() } }, noteField, make("p", { class: "buttons" }, ...buttons));
  const draft = new Draft(form);
  draft.open(`resource-status:${resource.id}`);
  return [make("section", { "aria-label": "Next status" }, make("h3", { text: "Set the status" }), problem, form, place)];
}

/** The form in which some of the capacity is taken, or given back. */
function usageForm(resource, again) {
  if (!may("resource:update_usage", resource.region_id)) return [];
  const form = make(
    "form",
    { class: "adding", id: "usage", novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(make("input", { id: "usage-change", name: "usage_change", inputmode: "numeric", autocomplete: "off" }), "How many come (leaving: with a minus)"),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: "Record" })),
  );
  const draft = new Draft(form);
  draft.open(`usage:${resource.id}`);
  onSubmit(form, async ({ usage_change: change }) => {
    const number = Number(change.value.trim().replace("−", "-"));
    const bodyOf = () => ({ usage_change: change.value.trim() && Number.isInteger(number) ? number : change.value });
    await call("POST", `/resources/${resource.id}/usage-changes`, draft.attempt(bodyOf));
    draft.clear();
    await again();
  });
  return [make("details", { class: "fold" }, make("summary", { text: "Record who comes and leaves" }), form)];
}
