// Requests to this server: token, one kind of error, what may be repeated, and the same as curl.
//
//   await get("/jobs", { status: "pending", limit: 100 }, { signal })
//   await send("POST", "/jobs", { payload: {} }, { key: "edit:…" })    repeated only with a key
//   curl("POST", "/jobs", { body })
//
// Paths are below /api/v1; those that begin with "//" are at the root: get("//health").

import { learn, nowMs, pace } from "./clock.js";
import { signal } from "./signal.js";

const WAIT_MS = 10_000, REPEATS_MAX = 3, PAUSE_MS = 400, RETRY_AFTER_MAX = 30;
const ROOT = new URL(".", document.baseURI.split("#")[0]);

// Set by the session. `renew` gets another token, or says false; `lost` is told that there is none.
export const credentials = { token: () => null, renew: async () => false, lost: () => {} };
export const reachable = signal(true); // whether the last request got an answer
export const answeredAt = signal(null); // when the last one did
export const budget = { limit: Infinity, remaining: Infinity }; // of requests

export class ApiError extends Error {
  constructor(status, body = {}, { requestId = null, retryAfter = null } = {}) {
    super(body.message ?? body.error ?? (status ? `The server answered ${status}` : "The server does not answer"));
    Object.assign(this, { status, code: body.code ?? null, details: body.details ?? body, requestId, retryAfter });
  }
}

export function url(path, query = {}) {
  const it = new URL(path.startsWith("//") ? path.slice(2) : `api/v1${path}`, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value != null && value !== "") it.searchParams.set(name, value);
  }
  return it;
}

export const get = async (path, query, options = {}) =>
  parsed(await request("GET", path, { query, repeats: REPEATS_MAX, ...options }));
// With the bytes as they came, for what must not lose a digit: { body, text, headers }.
export const getWhole = (path, query, options = {}) =>
  request("GET", path, { query, repeats: REPEATS_MAX, ...options });
export const send = async (method, path, body, { key, ...options } = {}) =>
  parsed(await request(method, path, { body, repeats: key ? REPEATS_MAX : 0, ...options }));

const parsed = answer => (answer.text ? JSON.parse(answer.text) : null);

async function request(method, path, { query, body, signal: given, repeats = 0, headers = {}, isKnown = true, wait = WAIT_MS }) {
  for (let time = 0, hasRenewed = false; ; time++) {
    const token = credentials.token();
    try {
      return await once(method, url(path, query), body, { ...(isKnown && bearer()), ...headers }, given, wait);
    } catch (error) {
      if (given?.aborted) throw error;
      if (error.status === 401 && !hasRenewed && isKnown && token) {
        hasRenewed = true;
        // Another may have renewed it while this was under way.
        if (credentials.token() !== token || await credentials.renew()) continue;
        credentials.lost(error);
        throw error;
      }
      if (time >= repeats || ![0, 503, 429].includes(error.status)) throw error;
      if (error.status === 429 && !(error.retryAfter <= RETRY_AFTER_MAX)) throw error;
      const pause = (error.retryAfter ?? 0) * 1000 || PAUSE_MS * 2 ** time;
      await paused(pause * (0.75 + Math.random() / 2), given);
    }
  }
}

export const bearer = () => (credentials.token() ? { Authorization: `Bearer ${credentials.token()}` } : {});

// What `first.js` has asked for: each once, none after a change.
function begun(method, { href }) {
  if (method !== "GET") return void window.begun?.clear();
  const answer = window.begun?.get(href);
  window.begun?.delete(href);
  return answer;
}

async function once(method, to, body, headers, given, wait) {
  const limit = AbortSignal.timeout(wait);
  let answer, text;
  try {
    answer = await (begun(method, to) ?? fetch(to, {
      method,
      headers: {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      signal: given ? AbortSignal.any([given, limit]) : limit,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    }));
    text = await answer.text();
  } catch (error) {
    if (given?.aborted) throw error;
    reachable.value = false;
    throw new ApiError(0, { message: limit.aborted ? "The server has not answered in time" : undefined });
  }
  heard(answer);
  if (answer.ok) return { text, headers: answer.headers, status: answer.status };
  throw new ApiError(answer.status, readable(text), {
    requestId: answer.headers.get("x-request-id"),
    retryAfter: Number(answer.headers.get("retry-after")) || null,
  });
}

function heard({ headers }) {
  reachable.value = true;
  const at = headers.get("x-spooled-clock");
  if (at) learn(at, pace.peek() ?? 0);
  else if (headers.has("date")) learnDate(Date.parse(headers.get("date")));
  answeredAt.value = nowMs();
  if (!headers.has("x-ratelimit-remaining")) return;
  budget.limit = Number(headers.get("x-ratelimit-limit"));
  budget.remaining = Number(headers.get("x-ratelimit-remaining"));
}

// Whole seconds: only a clock that is far off is learnt from them.
const learnDate = at => { if (Math.abs(at - Date.now()) > 60_000) learn(at); };

function readable(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // something between us and the server answered
  }
}

export function paused(ms, given) {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, ms);
    given?.addEventListener("abort", () => (clearTimeout(timer), failed(given.reason)), { once: true });
  });
}

export function curl(method, path, { query, body, isAdmin = path.startsWith("/admin/") } = {}) {
  const quoted = text => `'${String(text).replaceAll("'", `'\\''`)}'`;
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}${quoted(url(path, query).href)}`];
  lines.push(isAdmin ? `-H "X-Admin-Key: $SPOOLED_ADMIN_KEY"` : `-H "Authorization: Bearer $SPOOLED_API_KEY"`);
  if (body !== undefined) {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(typeof body === "string" ? body : JSON.stringify(body))}`);
  }
  return lines.join(" \\\n  ");
}
