// The form in which an alert is issued to a region.

import { call } from "./api.js";
import { alertTitle } from "./catalogue.js";
import { find } from "./dom.js";
import { Draft } from "./drafts.js";
import { agreed, effectsOfAlert } from "./effects.js";
import { onSubmit } from "./forms.js";

const HOUR = 3_600_000;

/**
 * @param {(alert: object) => void} issued called with each alert that was issued here
 * @returns {Draft} what is typed into the form
 */
export function offerIssuing(issued) {
  const form = find("issuing");
  const place = find("issuing-effects");
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
    await agreed(place, () => effectsOfAlert(body), "Do this", async (effects) => {
      const needsApproval = effects.some((effect) => effect.needs_approval);
      const alert = needsApproval ? await askForApproval(attempt) : await call("POST", "/alerts", attempt);
      draft.clear();
      find("issued").textContent = `${needsApproval ? "Waits for approval" : "Issued"}: ${alertTitle(alert)}`;
      find("issued").focus();
      issued(alert);
    });
  });
  return draft;
}

/** Drafts the alert and puts it before another person; both can be repeated. */
async function askForApproval(attempt) {
  const drafted = await call("POST", "/alert-drafts", attempt);
  if (drafted.status !== "draft") return drafted;
  return call("PUT", `/alerts/${drafted.id}/approval-request`, { version: drafted.version });
}
