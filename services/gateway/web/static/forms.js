// Forms: what is wrong is shown beside the field that it is about, in the words of the API.

import { call, newKey } from "./api.js";
import { REVIEW_REASONS } from "./catalogue.js";
import { find, make, sayProblem, words } from "./dom.js";

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

const FILING_FIELDS = { "location.coordinates": "latitude", location: "latitude", "location.address": "address" };

/** The form in which a report is filed. */
export class Filing {
  #form = find("filing");
  #key = newKey();

  /** @param {{pin: Function, centre: () => {lat: number, lng: number}, filed: (report: object) => void}} on */
  constructor(on) {
    this.on = on;
    const { latitude, longitude } = this.#form.elements;
    for (const input of [latitude, longitude]) input.addEventListener("change", () => this.#pin());
    this.#form.addEventListener("input", () => {
      find("filed").textContent = "";
    });
    find("take-centre").addEventListener("click", () => this.setPlace(on.centre()));
    find("take-position").addEventListener("click", () => this.#takePosition());
    onSubmit(this.#form, () => this.#send(), (name) => FILING_FIELDS[name] ?? name);
  }

  setPlace({ lat, lng }) {
    const { latitude, longitude } = this.#form.elements;
    [latitude.value, longitude.value] = [lat.toFixed(5), lng.toFixed(5)];
    this.#pin();
  }

  #pin() {
    const [longitude, latitude] = this.#position();
    const isPlace = longitude !== null && latitude !== null && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
    this.on.pin(isPlace ? latitude : null, longitude);
  }

  /** What is typed, as numbers; null where it is none. A decimal comma is understood. */
  #position() {
    const { latitude, longitude } = this.#form.elements;
    return [longitude, latitude].map(({ value }) => {
      const number = value.trim() === "" ? NaN : Number(value.trim().replace(",", "."));
      return Number.isFinite(number) ? number : null;
    });
  }

  #takePosition() {
    const refuse = () => showProblem(this.#form, { message: "", fields: { latitude: ["This device does not provide its position."] } });
    if (!navigator.geolocation) return refuse();
    const took = ({ coords }) => this.setPlace({ lat: coords.latitude, lng: coords.longitude });
    return navigator.geolocation.getCurrentPosition(took, refuse, { enableHighAccuracy: true, timeout: 10_000 });
  }

  async #send() {
    const given = Object.fromEntries(new FormData(this.#form));
    const isAddressAlone = !given.latitude.trim() && !given.longitude.trim() && given.address.trim();
    const location = isAddressAlone ? {} : { type: "Point", coordinates: this.#position() };
    if (given.address.trim()) location.address = given.address;
    const body = { title: given.title, description: given.description, location };
    // What was not chosen is left out, so that the API says that it is missing.
    for (const name of ["report_type_id", "severity_level_id", "region_id"]) if (given[name]) body[name] = given[name];
    const report = await call("POST", "/reports", { body, key: this.#key });
    this.#key = newKey();
    this.#form.reset();
    this.on.pin(null);
    const doubts = report.review_reasons.map((reason) => REVIEW_REASONS[reason] ?? words(reason)).join(" ");
    find("filed").textContent = [`Filed: ${report.title}`, doubts && `A coordinator will review it. ${doubts}`].filter(Boolean).join(". ");
    find("filed").focus();
    this.on.filed(report);
  }
}
