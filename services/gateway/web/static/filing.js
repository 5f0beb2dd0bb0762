// The form in which a report is filed, with the photos that belong to it.

import { call } from "./api.js";
import { REVIEW_REASONS, may } from "./catalogue.js";
import { find, make, show, size, words } from "./dom.js";
import { Draft } from "./drafts.js";
import { onSubmit, showProblem } from "./forms.js";
import { Uploads } from "./uploads.js";

const FIELDS = { "location.coordinates": "latitude", location: "latitude", "location.address": "address" };

export class Filing {
  #form = find("filing");
  #draft = new Draft(this.#form);
  #uploads = new Uploads(find("uploads"));
  #files = [];

  /** @param {{pin: Function, centre: () => {lat: number, lng: number}, filed: (report: object) => void}} on */
  constructor(on) {
    this.on = on;
    const { latitude, longitude } = this.#form.elements;
    for (const input of [latitude, longitude]) input.addEventListener("change", () => this.#pin());
    this.#form.addEventListener("input", () => {
      find("filed").textContent = "";
    });
    this.#form.addEventListener("discarded", () => this.#began());
    find("take-centre").addEventListener("click", () => this.setPlace(on.centre()));
    find("take-position").addEventListener("click", () => this.#takePosition());
    for (const id of ["report-photo", "report-files"]) find(id).addEventListener("change", ({ target }) => this.#add(target));
    onSubmit(this.#form, () => this.#send(), (name) => FIELDS[name] ?? name);
  }

  /** For an account that has signed in. */
  open() {
    show(find("report-files-field"), may("report:attach"));
    this.#draft.open("filing");
  }

  /** Shows the place of the report on a map that has just been made. */
  showPlace() {
    this.#pin();
  }

  close() {
    this.#draft.close();
    this.#uploads.clear();
    find("filed").textContent = "";
    this.#began();
  }

  setPlace({ lat, lng }) {
    const { latitude, longitude } = this.#form.elements;
    [latitude.value, longitude.value] = [lat.toFixed(5), lng.toFixed(5)];
    this.#draft.changed();
    this.#pin();
  }

  #began() {
    this.#files = [];
    this.#showFiles();
    this.on.pin(null);
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

  #add(input) {
    this.#files.push(...input.files);
    input.value = ""; // so that one more can be taken
    this.#showFiles();
  }

  #showFiles() {
    const entries = this.#files.map((file) => {
      const remove = () => {
        this.#files = this.#files.filter((one) => one !== file);
        this.#showFiles();
        find("report-files").focus();
      };
      const button = make("button", { type: "button", class: "quiet", "aria-label": `Remove ${file.name}`, text: "Remove", on: { click: remove } });
      return make("li", {}, make("span", { text: file.name }), make("span", { class: "about", text: size(file.size) }), button);
    });
    find("chosen-files").replaceChildren(...entries);
  }

  #body() {
    const given = Object.fromEntries([...new FormData(this.#form)].filter(([, value]) => typeof value === "string"));
    const isAddressAlone = !given.latitude.trim() && !given.longitude.trim() && given.address.trim();
    const location = isAddressAlone ? {} : { type: "Point", coordinates: this.#position() };
    if (given.address.trim()) location.address = given.address;
    const body = { title: given.title, description: given.description, location };
    // What was not chosen is left out, so that the API says that it is missing.
    for (const name of ["report_type_id", "severity_level_id", "region_id"]) if (given[name]) body[name] = given[name];
    return body;
  }

  async #send() {
    const report = await call("POST", "/reports", this.#draft.attempt(() => this.#body()));
    const files = this.#files;
    this.#draft.clear();
    this.#began();
    const doubts = report.review_reasons.map((reason) => REVIEW_REASONS[reason] ?? words(reason)).join(" ");
    find("filed").textContent = [`Filed: ${report.title}`, doubts && `A coordinator will review it. ${doubts}`].filter(Boolean).join(". ");
    find("filed").focus();
    this.on.filed(report);
    this.#uploads.add(report, files);
  }
}
