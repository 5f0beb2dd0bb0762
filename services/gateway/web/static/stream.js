// Follows the stream of events (Server-Sent Events over fetch, since EventSource sends no Authorization header).

import { openStream } from "./api.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const REMEMBERED = 500; // events
// Without even a heartbeat for so long, the connection is taken for dead.
const SILENCE = Math.max(9000, 1800 * Number(document.querySelector('meta[name="heartbeat"]').content));

/**
 * Follows the stream for ever, over all breaks.
 *
 * @param {(type: string, event: object) => void} onEvent
 * @param {() => void} onGap events may have been missed: look at everything again
 * @param {(isLive: boolean) => void} onState
 * @returns {() => void} stops it
 */
export function follow(onEvent, onGap, onState) {
  const end = new AbortController();
  const hear = hearing(onEvent);
  let lastId = "";

  const run = async () => {
    let wait = FIRST_WAIT;
    while (!end.signal.aborted) {
      const attempt = new AbortController();
      const stop = () => attempt.abort();
      end.signal.addEventListener("abort", stop);
      addEventListener("offline", stop);
      try {
        const timer = setTimeout(stop, SILENCE);
        const body = await openStream({}, lastId, attempt.signal).finally(() => clearTimeout(timer));
        onState(true);
        if (!lastId) onGap();
        wait = FIRST_WAIT;
        for await (const message of messages(body, stop)) {
          if (message.id) lastId = message.id;
          if (message.event === "end") break;
          if (message.event === "reset") onGap();
          else if (message.data) hear(message);
        }
      } catch (error) {
        if (error.status === 401 || end.signal.aborted) break;
      } finally {
        end.signal.removeEventListener("abort", stop);
        removeEventListener("offline", stop);
      }
      if (end.signal.aborted) break;
      onState(false);
      await pause(wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  };
  run();
  return () => end.abort();
}

/** Waits for some milliseconds, or until the browser has a network again. */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });
}

/** Passes on the data of each CloudEvent; one that comes twice is passed on once. */
function hearing(onEvent) {
  const heard = new Set();
  return ({ data }) => {
    const event = JSON.parse(data);
    if (heard.has(event.id)) return;
    heard.add(event.id);
    if (heard.size > REMEMBERED) heard.delete(heard.values().next().value);
    onEvent(event.type, event.data);
  };
}

async function* messages(body, giveUp) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let message = fresh();
  for (;;) {
    const timer = setTimeout(giveUp, SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    text += value;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    text = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (message.data || message.event !== "message") yield message;
        message = fresh();
      } else if (!line.startsWith(":")) {
        const [name, rest = ""] = split(line);
        if (name === "data") message.data += message.data ? `\n${rest}` : rest;
        else if (name === "event" || name === "id") message[name] = rest;
      }
    }
  }
}

const fresh = () => ({ event: "message", id: "", data: "" });

function split(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return [line];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
}
