// The clock of every request: after some seconds without a byte the person is told, and may retry or cancel.

import { find, make, show } from "./dom.js";

const PATIENCE = 8000; // milliseconds

const waiting = new Set(); // what has not been answered in time, each with `retry` and `cancel`

/**
 * Makes a request, with a clock that begins anew with every sign of life.
 *
 * @template T
 * @param {(signal: AbortSignal, alive: () => void) => Promise<T>} send sends it; once more for each retry
 * @param {{signal?: AbortSignal, cancelled: () => Error}} options `signal` ends it from outside, `cancelled` makes the
 *   error for a request that the person cancels
 * @returns {Promise<T>}
 */
export function attended(send, { signal, cancelled }) {
  return new Promise((resolve, reject) => {
    let attempt = null;
    let timer = 0;
    const late = {
      retry: () => begin(),
      cancel: () => settle(reject, cancelled()),
    };
    const end = () => settle(reject, signal.reason);
    const settle = (how, value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      const last = attempt;
      attempt = null;
      last?.abort(); // harmless where it is over
      forget(late);
      how(value);
    };
    const wind = () => {
      clearTimeout(timer);
      forget(late);
      timer = setTimeout(() => tell(late), PATIENCE);
    };
    const begin = () => {
      attempt?.abort();
      const mine = (attempt = new AbortController());
      wind();
      send(mine.signal, () => mine === attempt && wind()).then(
        (value) => mine === attempt && settle(resolve, value),
        (error) => mine === attempt && settle(reject, error),
      );
    };
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", end);
    return begin();
  });
}

function tell(late) {
  waiting.add(late);
  place();
  if (!find("waiting").hidden) return;
  show(find("waiting"), true);
  find("waiting-text").textContent = "The server has not answered yet."; // after it is visible, so that it is read out
}

function forget(late) {
  if (!waiting.delete(late) || waiting.size) return;
  show(find("waiting"), false);
  find("waiting-text").textContent = "";
}

/** While a dialog is open nothing else can be used, so the notice moves into it. */
function place() {
  const home = document.querySelector("dialog[open]") ?? document.body;
  const notice = find("waiting");
  if (notice.parentElement !== home) home.prepend(notice);
}

export function offerWaiting() {
  find("waiting-retry").addEventListener("click", () => [...waiting].forEach(({ retry }) => retry()));
  find("waiting-cancel").addEventListener("click", () => [...waiting].forEach(({ cancel }) => cancel()));
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", place);
  new MutationObserver(place).observe(document.body, { subtree: true, attributeFilter: ["open"] });
  const sayOffline = () => {
    const notice = find("offline");
    show(notice, !navigator.onLine);
    notice.replaceChildren(...(navigator.onLine ? [] : [make("span", { text: "You are offline. What you typed is kept." })]));
  };
  addEventListener("offline", sayOffline);
  addEventListener("online", sayOffline);
  sayOffline();
}
