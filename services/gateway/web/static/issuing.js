// The form in which an alert is issued to a region.

import { call, newKey } from "./api.js";
import { alertTitle, regionName } from "./catalogue.js";
import { find } from "./dom.js";
import { onSubmit } from "./forms.js";

const HOUR = 3_600_000;

/** @param {(alert: object) => void} issued called with each alert that was issued here */
export function offerIssuing(issued) {
  const form = find("issuing");
  let key = newKey();
  form.addEventListener("change", () => {
    key = newKey();
    find("issued").textContent = "";
  });
  onSubmit(form, async () => {
    const { hours, ...given } = Object.fromEntries(new FormData(form));
    // What was not said is left out, so that the API says what of it is missing.
    const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value.trim()));
    if (hours) body.expires_at = new Date(Date.now() + hours * HOUR).toISOString();
    const isWhole = body.region_id && body.priority && body.title && body.message;
    if (isWhole && !confirm(`Send “${body.title}” to everyone who subscribes to alerts of ${regionName(body.region_id)}, and to the public?`)) return;
    const alert = await call("POST", "/alerts", { body, key });
    key = newKey();
    form.reset();
    find("issued").textContent = `Issued: ${alertTitle(alert)}`;
    find("issued").focus();
    issued(alert);
  });
}
