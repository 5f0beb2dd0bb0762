// What a change would do: the alerts that follow from it, asked from the server before the change is made.

import { call } from "./api.js";
import { make, sayProblem } from "./dom.js";

/** What a change of a report or a resource would do. */
export const effectsOfChange = (source, sourceId, changes) =>
  call("POST", "/alerts/preview-change", { body: { source, source_id: sourceId, changes } }).then(({ effects }) => effects);

/** What issuing an alert would do; of a draft, `{ alert_id }` says which. */
export const effectsOfAlert = (alert) => call("POST", "/alerts/preview", { body: alert }).then(({ effects }) => effects);

/** One effect in a sentence. */
export function sentenceOf({ action, priority, people, on_public_feed: isPublic, is_quiet: isQuiet }) {
  const reach = [`${people.toLocaleString()} ${people === 1 ? "person" : "people"}`, isPublic ? "the public feed" : null].filter(Boolean).join(" and ");
  if (action === "draft") return `This will draft ${article(priority)} ${priority} alert. Nobody gets it before it is issued.`;
  if (action === "request_approval") return `This will ask another person to approve ${article(priority)} ${priority} alert to ${reach}.`;
  if (action === "cancel") return `This will call off the ${priority} alert for ${reach}.`;
  if (action === "update") return `This will update the ${priority} alert for ${reach}${isQuiet ? ", without notifying them again" : ""}.`;
  return `This will issue ${article(priority)} ${priority} alert to ${reach}.`;
}

const article = (word) => (/^[aeiou]/.test(word) ? "an" : "a");

function effectEntry(effect) {
  const translations = (effect.translations ?? []).map((one) => textOf(one));
  return make(
    "li",
    {},
    make("p", { class: "effect", text: sentenceOf(effect) }),
    effect.action === "cancel" ? make("p", { class: "text", text: effect.title }) : textOf(effect),
    ...translations,
  );
}

const textOf = ({ title, message, language }) =>
  make("blockquote", { lang: language || null }, make("strong", { text: title }), make("p", { class: "text", text: message }));

/**
 * Shows in `place` what would follow, and goes on when the person agrees; at once where nothing follows. Where `place`
 * is in a form, what is shown holds for what the form says: it goes as soon as something else is typed or chosen.
 *
 * @param {Element} place where it is shown, in the form
 * @param {() => Promise<object[]>} ask gives the effects
 * @param {string} label of the button that agrees
 * @param {(effects: object[]) => Promise<void>} work what is done then
 * @param {{always?: boolean}} [options] whether the person is asked also where nothing follows
 */
export async function agreed(place, ask, label, work, { always = false } = {}) {
  const shown = make("div", {}, make("p", { class: "hint", role: "status", text: "Looking what this will do…" }));
  place.replaceChildren(shown);
  place.closest("form")?.addEventListener("input", () => shown.remove(), { once: true });
  let effects;
  let unknown = null;
  try {
    effects = await ask();
  } catch (problem) {
    if (problem.fields && Object.keys(problem.fields).length) {
      shown.remove();
      throw problem;
    }
    [effects, unknown] = [[], problem];
  }
  if (!shown.isConnected) return undefined;
  if (!effects.length && !unknown && !always) {
    shown.remove();
    return work(effects);
  }
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const doIt = make("button", { type: "button", class: "primary", text: label, "data-agree": true });
  const back = make("button", { type: "button", text: "Not now", on: { click: () => shown.remove() } });
  const said = unknown
    ? make("p", { class: "hint", text: `What this will do cannot be shown: ${unknown.message}` })
    : effects.length
      ? make("ul", { class: "effects" }, ...effects.map(effectEntry))
      : make("p", { class: "hint", text: "No alert follows from this." });
  doIt.addEventListener("click", async () => {
    doIt.disabled = true;
    sayProblem(problem, null);
    try {
      await work(effects);
      shown.remove();
    } catch (refused) {
      sayProblem(problem, refused);
      doIt.disabled = false;
    }
  });
  const panel = make("section", { class: "preview", "aria-label": "What this will do", tabindex: "-1" }, said, problem, make("p", { class: "buttons" }, doIt, back));
  shown.replaceChildren(panel);
  panel.focus();
  return undefined;
}
