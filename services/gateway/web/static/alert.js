// An alert in the dialog: what it says, whom it reached, and what is done with it.

import { call } from "./api.js";
import { alertTitle, may, regionName, textFor } from "./catalogue.js";
import { field, link, open } from "./dialog.js";
import { facts, find, make, moment, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { agreed, effectsOfAlert } from "./effects.js";
import { nothingChanged, onSubmit } from "./forms.js";
import { stepsOf } from "./history.js";
import { nameOf } from "./people.js";

const CLASSES = { public: "everybody", restricted: "the groups that it is addressed to", private: "the people that it is addressed to" };

/** @param {() => void} [onChange] called when it was read or changed by whoever opens it */
export function openAlert(alert, onChange = () => {}) {
  return open(`alert:${alert.id}`, alertTitle(alert), async () => {
    if (alert.is_read === false) await call("PUT", `/alerts/${alert.id}/reading`).then(onChange, () => {});
    const text = textFor(alert);
    const [reach, issuer, steps] = await Promise.all([
      may("alert:read_reach", alert.region_id) ? call("GET", `/alerts/${alert.id}/reach`).catch(() => null) : null,
      isStaff(alert) ? nameOf(alert.issued_by) : "",
      isStaff(alert) ? stepsOf(`/alerts/${alert.id}/history`, alert).catch(() => []) : [],
    ]);
    const again = async (changed) => {
      onChange();
      await openAlert(changed ?? (await call("GET", `/alerts/${alert.id}`)), onChange);
      find("detail-title").focus();
    };
    return [
      facts([
        ["Priority", alert.priority],
        ["Status", words(alert.status)],
        ["Region", regionName(alert.region_id)],
        ["For", CLASSES[alert.audience_class]],
        ["Event", alert.event],
        ["Urgency", [alert.urgency, alert.severity, alert.certainty].filter(Boolean).join(", ")],
        ["Issued", [moment(alert.issued_at), issuer && `by ${issuer}`].filter(Boolean).join(" ")],
        ["Valid until", alert.expires_at ? moment(alert.expires_at) : "it is called off"],
        ["Note", alert.status_notes],
      ]),
      ...linksOf(alert),
      make("div", { lang: text.language || null }, make("p", { class: "text", text: text.message }), ...instructionOf(text)),
      ...otherLanguages(alert, text),
      ...actionsOf(alert, again),
      ...(reach ? reachOf(reach) : []),
      ...steps,
    ];
  });
}

const isStaff = (alert) => ["alert:issue", "alert:cancel", "alert:read_draft", "alert:approve"].some((permission) => may(permission, alert.region_id));

const instructionOf = ({ instruction }) => (instruction ? [make("h3", { text: "What to do" }), make("p", { class: "text", text: instruction })] : []);

function otherLanguages(alert, shown) {
  const own = { language: alert.language, title: alert.title, message: alert.message, instruction: alert.instruction };
  const others = [own, ...(alert.translations ?? [])].filter(({ language }) => language !== shown.language);
  return others.map((text) =>
    make(
      "details",
      { class: "fold", lang: text.language || null },
      make("summary", { text: `In another language (${text.language})` }),
      make("p", {}, make("strong", { text: text.title })),
      make("p", { class: "text", text: text.message }),
      ...instructionOf(text),
    ),
  );
}

/** Where it comes from, and the alerts before and after it. */
function linksOf(alert) {
  const links = [];
  if (alert.source_id) {
    const kind = alert.source_type === "resource" ? "resource" : "report";
    links.push(make("p", {}, "It follows from ", link(kind, alert.source_id, `the ${kind}`), "."));
  }
  if (alert.superseded_by) links.push(make("p", {}, "It was replaced by ", link("alert", alert.superseded_by, "a newer alert"), "."));
  const before = alert.references?.at(-1);
  if (before) links.push(make("p", {}, alert.msg_type === "Cancel" ? "It calls off " : "It replaces ", link("alert", before, "an earlier alert"), "."));
  return links;
}

// --- what is done with it ---

function actionsOf(alert, again) {
  const held = (permission) => may(permission, alert.region_id);
  const actions = [];
  const isDraft = alert.status === "draft";
  if (isDraft && held("alert:issue")) actions.push(stepForm(alert, again, { label: "Issue", path: "issue", id: "issue", sends: true }));
  if (isDraft && held("alert:draft")) actions.push(stepForm(alert, again, { label: "Ask for approval", path: "approval-request", id: "ask", sends: false }));
  if (alert.status === "pending_approval" && held("alert:approve")) {
    actions.push(stepForm(alert, again, { label: "Approve and issue", path: "approval", id: "approve", sends: true }));
    actions.push(noteForm(alert, again, { id: "return", title: "Return to the author", label: "Return it", path: "return", note: "What has to change" }));
  }
  if (alert.status === "active" && held("alert:issue")) actions.push(updateForm(alert, again));
  if (["draft", "pending_approval", "active"].includes(alert.status) && held("alert:cancel")) {
    const note = alert.status === "active" ? "Reason (people read it as the text of the cancellation)" : "Reason";
    actions.push(noteForm(alert, again, { id: "cancel", title: "Call off the alert", label: "Call it off", path: "cancellation", note }));
  }
  return actions;
}

/** A button that moves the alert to its next status; where that sends it, once the person has seen to whom. */
function stepForm(alert, again, { label, path, id, sends }) {
  const place = make("div");
  const form = make(
    "form",
    { class: "adding", id: `alert-${id}`, novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: label })),
    place,
  );
  const step = async (effects) => {
    const isAsked = effects.some(({ action }) => action === "request_approval"); // nobody may issue it alone
    await again(await call("PUT", `/alerts/${alert.id}/${isAsked ? "approval-request" : path}`, { version: alert.version }));
  };
  onSubmit(form, () => (sends ? agreed(place, () => effectsOfAlert({ alert_id: alert.id }), "Do this", step) : step([])));
  return form;
}

function noteForm(alert, again, { id, title, label, path, note }) {
  const form = make(
    "form",
    { class: "adding", id: `alert-${id}`, novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(make("textarea", { id: `alert-${id}-notes`, name: "notes", rows: 2 }), note),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: label })),
  );
  const draft = new Draft(form);
  draft.open(`alert-${id}:${alert.id}`);
  onSubmit(form, async ({ notes }) => {
    const body = notes.value.trim() ? { notes: notes.value } : {};
    const changed = await call("PUT", `/alerts/${alert.id}/${path}`, { body, version: alert.version });
    draft.clear();
    await again(changed);
  });
  return make("details", { class: "fold" }, make("summary", { text: title }), form);
}

/** The form in which an alert in force is replaced by an update. */
function updateForm(alert, again) {
  const priorities = ["low", "medium", "high", "critical"];
  const place = make("div");
  const form = make(
    "form",
    { class: "adding", id: "alert-update", novalidate: true },
    make("p", { class: "problem", role: "alert", "data-problem": true, hidden: true }),
    field(make("select", { id: "update-priority", name: "priority" }, ...priorities.map((one) => make("option", { value: one, text: one, selected: one === alert.priority }))), "Priority"),
    field(make("input", { id: "update-title", name: "title", value: alert.title, autocomplete: "off" }), "Title"),
    field(make("textarea", { id: "update-message", name: "message", rows: 3, text: alert.message }), "Message"),
    field(make("textarea", { id: "update-instruction", name: "instruction", rows: 2, text: alert.instruction ?? "" }), "What people should do (optional)"),
    field(make("textarea", { id: "update-notes", name: "notes", rows: 2 }), "Reason (optional; it stays internal)"),
    make("p", { class: "buttons" }, make("button", { class: "primary", text: "Issue the update" })),
    place,
  );
  const draft = new Draft(form);
  draft.open(`alert-update:${alert.id}`);
  onSubmit(form, async (fields) => {
    const changes = {};
    for (const name of ["priority", "title", "message"]) if (fields[name].value !== alert[name]) changes[name] = fields[name].value;
    if (fields.instruction.value !== (alert.instruction ?? "")) changes.instruction = fields.instruction.value.trim() || null;
    if (!Object.keys(changes).length) throw nothingChanged();
    if (fields.notes.value.trim()) changes.notes = fields.notes.value;
    const ask = async () => [await effectOfUpdate(alert, changes)];
    await agreed(place, ask, "Issue the update", async () => {
      const changed = await call("PATCH", `/alerts/${alert.id}`, { body: changes, version: alert.version });
      draft.clear();
      await again(changed);
    });
  });
  return make("details", { class: "fold" }, make("summary", { text: "Update the alert" }), form);
}

/** What an update does: it goes to those whom the alert has reached, and to the public if that did. */
async function effectOfUpdate(alert, changes) {
  const reach = await call("GET", `/alerts/${alert.id}/reach`);
  return {
    action: "update",
    priority: changes.priority ?? alert.priority,
    title: changes.title ?? alert.title,
    message: changes.message ?? alert.message,
    language: alert.language,
    people: reach.targets,
    on_public_feed: alert.audience_class === "public",
    is_quiet: false,
  };
}

// --- whom it reached ---

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
