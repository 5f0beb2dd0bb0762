// Forms: what is wrong is shown beside the field that it is about, in the words of the API.

import { Problem } from "./api.js";
import { find, make, sayProblem } from "./dom.js";

/** What is wrong with a form of changes in which nothing was changed. */
export const nothingChanged = () => new Problem(0, { detail: "You have not changed anything yet." });

/**
 * Shows a problem in a form, beside the fields where it names them, and moves the focus there.
 *
 * @param {HTMLFormElement} form
 * @param {import("./api.js").Problem} problem
 * @param {(name: string) => string} [fieldOf] which field of the form a field of the API is
 */
export function showProblem(form, problem, fieldOf = (name) => name) {
  clearProblem(form);
  const unplaced = [];
  for (const [name, messages] of Object.entries(problem.fields)) {
    const input = form.elements[fieldOf(name)];
    if (input) markWrong(input, messages.join(" "));
    else unplaced.push(`${name}: ${messages.join(" ")}`);
  }
  const placed = form.querySelector('[aria-invalid="true"]');
  const summary = placed && !unplaced.length ? "Some fields are not valid. See below." : [problem.message, ...unplaced].join(" ");
  sayProblem(form.querySelector("[data-problem]"), { message: summary });
  (placed ?? form.querySelector("button.primary")).focus();
}

export function clearProblem(form) {
  sayProblem(form.querySelector("[data-problem]"), null);
  form.querySelectorAll(".wrong").forEach((paragraph) => paragraph.remove());
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

function markWrong(input, message) {
  const id = `${input.id}-wrong`;
  const paragraph = find(id);
  if (paragraph) {
    if (!paragraph.textContent.includes(message)) paragraph.textContent += ` ${message}`;
    return;
  }
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.after(make("p", { class: "wrong", id, text: message }));
}

/** Sends a form with `work`, once at a time. */
export function onSubmit(form, work, fieldOf) {
  const button = form.querySelector("button.primary");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    clearProblem(form);
    let refused = null;
    try {
      await work(form.elements);
    } catch (problem) {
      refused = problem;
    }
    button.disabled = false;
    if (refused) showProblem(form, refused, fieldOf);
  });
}
