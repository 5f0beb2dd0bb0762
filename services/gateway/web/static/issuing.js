// The form in which an alert is issued to a region.

import { call } from "./api.js";
import { alertTitle, regionName } from "./catalogue.js";
import { find } from "./dom.js";
import { Draft } from "./drafts.js";
import { onSubmit } from "./forms.js";

const HOUR = 3_600_000;

/**
 * @param {(alert: object) => void} issued called with each alert that was issued here
 * @returns {Draft} what is typed into the form
 */
export function offerIssuing(issued) {
  const form = find("issuing");
  const draft = new Draft(form);
  form.addEventListener("input", () => {
    find("issued").textContent = "";
  });
  const bodyOf = () => {
    const { hours, ...given } = Object.fromEntries(new FormData(form));
    // What was not said is left out, so that the API says what of it is missing.
    const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value.trim()));
    if (hours) body.expires_at = new Date(Date.now() + hours * HOUR).toISOString();
    return body;
  };
  onSubmit(form, async () => {
    const attempt = draft.attempt(bodyOf);
    const { body } = attempt;
    const isWhole = body.region_id && body.priority && body.title && body.message;
    if (isWhole && !confirm(`Send “${body.title}” to everyone who subscribes to alerts of ${regionName(body.region_id)}, and to the public?`)) return;
    const alert = await call("POST", "/alerts", attempt);
    draft.clear();
    find("issued").textContent = `Issued: ${alertTitle(alert)}`;
    find("issued").focus();
    issued(alert);
  });
  return draft;
}
