// An alert in the dialog: what it says, and whom it reached.

import { call } from "./api.js";
import { alertTitle, may, regionName } from "./catalogue.js";
import { open } from "./dialog.js";
import { facts, make, moment, words } from "./dom.js";

/** @param {() => void} [onRead] called when it was unread by the one who opens it */
export function openAlert(alert, onRead = () => {}) {
  return open(`alert:${alert.id}`, alertTitle(alert), async () => {
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
