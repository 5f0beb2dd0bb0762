// Uploads files to a report that is filed already, one after the other; each says how far it is and can be retried alone.

import { newKey, upload } from "./api.js";
import { find, make, show, size } from "./dom.js";
import { offeredPlace } from "./parts.js";

export class Uploads {
  #list;
  #open = new Set(); // what has not been uploaded
  #end = new AbortController();

  /** @param {HTMLUListElement} list shows them */
  constructor(list) {
    this.#list = list;
    addEventListener("beforeunload", (event) => {
      if (this.#open.size) event.preventDefault();
    });
  }

  async add(report, files) {
    const tasks = files.map((file) => this.#task(report, file));
    for (const task of tasks) await task();
  }

  /** Ends all of them; for the end of a session. */
  clear() {
    this.#end.abort();
    this.#end = new AbortController();
    this.#open.clear();
    this.#list.replaceChildren();
    this.#say();
  }

  /** Shows a file as waiting, and returns what uploads it. */
  #task(report, file) {
    const key = newKey();
    const progress = make("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
    const state = make("span", { class: "about", role: "status", text: `${size(file.size)}, waiting` });
    const problem = make("span", { class: "wrong", role: "alert" });
    const leave = make("button", { type: "button", class: "quiet", text: "Leave it out", on: { click: () => done(true) } });
    const retry = make("button", { type: "button", class: "quiet", text: "Retry the upload", on: { click: () => run() } });
    const item = make("li", {}, make("span", { class: "what", text: `${file.name} – ${report.title}` }), progress, state, problem, retry, leave);
    const done = (isLeftOut) => {
      this.#open.delete(item);
      [progress, retry, leave].forEach((one) => one.remove());
      state.textContent = isLeftOut ? "left out" : "uploaded";
      problem.textContent = "";
      this.#say();
    };
    const offer = (isOffered) => [retry, leave].forEach((one) => show(one, isOffered));
    const { signal } = this.#end;
    const run = async () => {
      if (!this.#open.has(item) || signal.aborted) return;
      offer(false);
      problem.textContent = "";
      state.textContent = "uploading";
      const onProgress = (share) => {
        progress.value = share;
        state.textContent = share < 1 ? `${Math.round(100 * share)} % uploaded` : "sent; the server checks it";
      };
      try {
        const attachment = await upload(`/reports/${report.id}/attachments`, file, { key, onProgress, signal });
        done(false);
        if (attachment.position) item.append(offeredPlace(attachment.position, report, problem));
      } catch (refused) {
        if (signal.aborted) return;
        progress.value = 0;
        state.textContent = "The report is filed, but this file is not uploaded.";
        problem.textContent = refused.message;
        offer(true);
      }
    };
    offer(false);
    this.#open.add(item);
    this.#list.append(item);
    this.#say();
    return run;
  }

  #say() {
    show(find("uploads-section"), this.#list.childElementCount > 0);
  }
}
