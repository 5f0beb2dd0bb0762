// Speaks to the API: who is signed in, requests, and problems (RFC 9457) as errors.

import { attended } from "./waiting.js";

const PREFIX = "/api/v1";
const KEPT = "impactx.refresh-token";
const REFRESHING = "impactx.refresh-id"; // of a refresh whose answer has not come yet: a repeat is known by it, also after a reload
const DEVICE = "impactx.device-token"; // says that its owner has signed in here; it is worth nothing without the password
const EARLY = 30_000; // milliseconds before its end at which an access token is replaced

/** A refusal: `message` is for people, `fields` says what is wrong with which field. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || "The request failed.");
    this.status = status;
    this.slug = body.slug || "";
    this.fields = body.fields || {};
  }
}

class Session extends EventTarget {
  #access = "";
  #ends = 0;
  #refreshing = null;

  /** Changes when a session ends: what was asked before is not for the next person at this screen. */
  generation = 0;

  async signIn(email, password) {
    const known = localStorage.getItem(DEVICE);
    const tokens = await send("POST", "/auth/login", { body: { email, password, ...(known && { device_token: known }) } });
    localStorage.setItem(DEVICE, tokens.device_token);
    this.#take(tokens);
  }

  /** Goes on with the session of this tab; false where there is none. */
  async resume() {
    if (!sessionStorage.getItem(KEPT)) return false;
    try {
      await this.token();
      return true;
    } catch (problem) {
      if (problem.status === 401 || problem.status === 422) return false;
      throw problem;
    }
  }

  async signOut() {
    const token = sessionStorage.getItem(KEPT);
    this.forget();
    if (token) await send("POST", "/auth/logout", { body: { refresh_token: token } }).catch(() => {});
  }

  forget() {
    this.#access = "";
    this.#ends = 0;
    this.generation += 1;
    sessionStorage.removeItem(KEPT);
    sessionStorage.removeItem(REFRESHING);
    this.dispatchEvent(new Event("ended"));
  }

  /** An access token that is good for a while; a refresh token works once, so only one call may use it. */
  async token({ anew = false } = {}) {
    if (!anew && this.#access && Date.now() < this.#ends - EARLY) return this.#access;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    await this.#refreshing;
    return this.#access;
  }

  async #refresh() {
    const token = sessionStorage.getItem(KEPT);
    try {
      if (!token) throw new Problem(401, { detail: "Please sign in." });
      const id = sessionStorage.getItem(REFRESHING) ?? newId();
      sessionStorage.setItem(REFRESHING, id);
      this.#take(await send("POST", "/auth/refresh", { body: { refresh_token: token, id } }));
    } catch (problem) {
      if (problem.status === 401 || problem.status === 422) this.forget();
      throw problem;
    }
  }

  #take(tokens) {
    this.#access = tokens.access_token;
    this.#ends = Date.now() + tokens.expires_in * 1000;
    sessionStorage.setItem(KEPT, tokens.refresh_token);
    sessionStorage.removeItem(REFRESHING);
  }
}

export const session = new Session();

/**
 * A request of the one who is signed in; the JSON of the answer, null where there is none.
 *
 * @param {string} verb
 * @param {string} path below /api/v1
 * @param {{query?: object, body?: object|FormData, version?: number, key?: string, accept?: string, cache?: RequestCache, signal?: AbortSignal, onProgress?: (share: number) => void}} [options]
 * @throws {Problem}
 */
export async function call(verb, path, options = {}) {
  const { generation } = session;
  const answer = await sendSignedIn(verb, path, options);
  if (generation !== session.generation) throw new Problem(401, { detail: "This session has ended. Sign in again." });
  return answer;
}

async function sendSignedIn(verb, path, options) {
  try {
    return await send(verb, path, { ...options, token: await session.token() });
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    return send(verb, path, { ...options, token: await session.token({ anew: true }) });
  }
}

/**
 * Uploads a file, and says how much of it has been sent, from 0 to 1.
 *
 * @param {string} path
 * @param {File} file
 * @param {{key: string, onProgress?: (share: number) => void, signal?: AbortSignal}} options
 */
export function upload(path, file, { key, onProgress, signal }) {
  const body = new FormData();
  body.append("file", file, file.name);
  return call("POST", path, { body, key, onProgress, signal });
}

/** A list as GeoJSON. */
export const features = (path, query, signal) => call("GET", path, { query, signal, accept: "application/geo+json" });

/** A list as GeoJSON that changes rarely: what the browser has of it is asked about and not sent again. */
export const keptFeatures = (path, query, signal) => call("GET", path, { query, signal, accept: "application/geo+json", cache: "no-cache" });

/** The bytes of a file. */
export const download = (path) => call("GET", path, { accept: "*/*", read: (answer) => answer });

/** Opens the stream of events. */
export async function openStream(query, lastId, signal) {
  const open = async (token) => {
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${token}` };
    if (lastId) headers["Last-Event-ID"] = lastId;
    return reach(address("/stream", query), { headers, signal, cache: "no-store" });
  };
  let answer = await open(await session.token());
  // Expired, or refused since the permissions have changed: a new token has those of now.
  if (answer.status === 401) answer = await open(await session.token({ anew: true }));
  if (!answer.ok) throw await problemOf(answer.status, await answer.blob());
  return answer.body;
}

/** A key that makes a repeated create harmless. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random UUID, also where the page was not loaded over TLS and the browser makes none. */
const newId = () => newKey().replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");

const asJson = async (blob) => (blob.size ? JSON.parse(await blob.text()) : null);

async function send(verb, path, { query, body, version, key, accept = "application/json", read = asJson, cache = "no-store", token, signal, onProgress }) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const isForm = body instanceof FormData; // for which the browser says the type, with the boundary
  if (body && !isForm) headers["Content-Type"] = "application/json";
  if (version) headers["If-Match"] = `"${version}"`;
  if (key) headers["Idempotency-Key"] = key;
  const url = address(path, query);
  const options = { method: verb, headers, body: body && !isForm ? JSON.stringify(body) : body, cache };
  const transfer = onProgress ? sendSlowly : fetchWhole;
  const { ok, status, blob } = await attended((attempt, alive) => transfer(url, { ...options, signal: attempt }, alive, onProgress), {
    signal,
    cancelled: () => new Problem(0, { slug: "cancelled", detail: verb === "GET" ? "Cancelled." : "Cancelled. You can send it again; it is not done twice." }),
  });
  if (!ok) throw await problemOf(status, blob);
  return read(blob);
}

/** Fetches an answer and all of its body. */
async function fetchWhole(url, options, alive) {
  const answer = await reach(url, options);
  alive();
  const pieces = [];
  try {
    const reader = answer.body?.getReader();
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      alive();
    }
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  return { ok: answer.ok, status: answer.status, blob: new Blob(pieces, { type: answer.headers.get("Content-Type") ?? "" }) };
}

/** Sends a large body by the older interface, the only one that says how much of it has been sent. */
function sendSlowly(url, { method, headers, body, signal }, alive, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "blob";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      alive();
      onProgress(total ? loaded / total : 0);
    });
    request.addEventListener("load", () => resolve({ ok: request.status < 400, status: request.status, blob: request.response }));
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

function unreachable() {
  const detail = navigator.onLine
    ? "The server cannot be reached. Check your connection and try again."
    : "You are offline. Try again when you have a connection.";
  return new Problem(0, { slug: "unreachable", detail });
}

async function problemOf(status, blob) {
  const body = await asJson(blob).catch(() => ({}));
  return new Problem(status, { title: `The server answered with status ${status}.`, ...body });
}

function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const said = new URLSearchParams(given).toString();
  return `${PREFIX}${path}${said ? `?${said}` : ""}`;
}
