// Speaks to the API: who is signed in, requests, and problems (RFC 9457) as errors.

const PREFIX = "/api/v1";
const KEPT = "impactx.refresh-token";
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
      this.#take(await send("POST", "/auth/refresh", { body: { refresh_token: token } }));
    } catch (problem) {
      if (problem.status === 401 || problem.status === 422) this.forget();
      throw problem;
    }
  }

  #take(tokens) {
    this.#access = tokens.access_token;
    this.#ends = Date.now() + tokens.expires_in * 1000;
    sessionStorage.setItem(KEPT, tokens.refresh_token);
  }
}

export const session = new Session();

/**
 * A request of the one who is signed in; the JSON of the answer, null where there is none.
 *
 * @param {string} verb
 * @param {string} path below /api/v1
 * @param {{query?: object, body?: object|FormData, version?: number, key?: string, accept?: string, cache?: RequestCache, signal?: AbortSignal}} [options]
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

/** A list as GeoJSON. */
export const features = (path, query, signal) => call("GET", path, { query, signal, accept: "application/geo+json" });

/** A list as GeoJSON that changes rarely: what the browser has of it is asked about and not sent again. */
export const keptFeatures = (path, query, signal) => call("GET", path, { query, signal, accept: "application/geo+json", cache: "no-cache" });

/** The bytes of a file. */
export const download = (path) => call("GET", path, { accept: "*/*", read: (answer) => answer.blob() });

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
  if (!answer.ok) throw await problemOf(answer);
  return answer.body;
}

/** A key that makes a repeated create harmless. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const asJson = (answer) => (answer.status === 204 ? null : answer.json());

async function send(verb, path, { query, body, version, key, accept = "application/json", read = asJson, cache = "no-store", token, signal }) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const isForm = body instanceof FormData; // for which the browser says the type, with the boundary
  if (body && !isForm) headers["Content-Type"] = "application/json";
  if (version) headers["If-Match"] = `"${version}"`;
  if (key) headers["Idempotency-Key"] = key;
  const answer = await reach(address(path, query), {
    method: verb,
    headers,
    body: body && !isForm ? JSON.stringify(body) : body,
    signal,
    cache,
  });
  if (!answer.ok) throw await problemOf(answer);
  return read(answer);
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The server cannot be reached. Check your connection and try again." });
  }
}

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, { title: `The server answered with status ${answer.status}.`, ...body });
}

function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const said = new URLSearchParams(given).toString();
  return `${PREFIX}${path}${said ? `?${said}` : ""}`;
}
