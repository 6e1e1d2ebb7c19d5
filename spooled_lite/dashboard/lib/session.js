// Who is signed in: tokens in the tab's storage or in memory, refreshed in single flight; what the key may do.

import { ApiError, bearer, credentials, get, send } from "./api.js";
import { isForgetful } from "./prefs.js";
import { computed, signal } from "./signal.js";

const NAMES = ["access_token", "refresh_token"];
// These words allow the same on other resources: the contract gives jobs:* for all five.
const LIKE_JOBS = new Set(["jobs", "queues", "workers", "schedules", "workflows"]);

const bare = { isKnown: false }; // sent without a token
let tokens = stored();
let renewing = null;

export const state = signal(tokens.access_token ? "in" : "out"); // in, out, lost: sign in again over the page
export const me = signal(null);
export const keyName = computed(() => me.value?.name ?? "");
// For pages that keep something longer than their own: called at the sign-out.
export const onSignOut = [];

function stored() {
  try {
    return Object.fromEntries(NAMES.map(name => [name, sessionStorage.getItem(`spooled.${name}`)]));
  } catch {
    return {};
  }
}

function keep(given) {
  tokens = { ...tokens, ...given };
  try {
    for (const name of NAMES) {
      if (tokens[name] && !isForgetful.peek()) sessionStorage.setItem(`spooled.${name}`, tokens[name]);
      else sessionStorage.removeItem(`spooled.${name}`);
    }
  } catch { /* then in memory alone */ }
}

credentials.token = () => tokens.access_token ?? null;
credentials.renew = () => (renewing ??= renewed().finally(() => { renewing = null; }));
credentials.lost = () => { if (state.peek() === "in") state.value = "lost"; };

async function renewed() {
  if (!tokens.refresh_token) return false;
  try {
    keep(await send("POST", "/auth/refresh", { refresh_token: tokens.refresh_token }, { ...bare, headers: bearer() }));
    return true;
  } catch (error) {
    if (![400, 401, 403].includes(error.status)) throw error; // it may still be good
    return false;
  }
}

async function entered(given) {
  keep({ access_token: given.access_token, refresh_token: given.refresh_token ?? null });
  await readMe();
  state.value = "in";
}

// The key is not kept: tokens are made of it. Its header, as that of a refresh, leads to its world of test mode.
export const signIn = async key => entered(await send("POST", "/auth/login", { api_key: key }, { ...bare, headers: { "X-API-Key": encodeURIComponent(key) } }));
export const signInByLink = async code => entered(await send("POST", "/auth/link", { code }, bare));
export const mailCode = email => send("POST", "/auth/email/start", { email }, bare);
export async function signInByMail(email, code) {
  const given = await send("POST", "/auth/email/verify", { email, code }, bare);
  if (!given.access_token) throw new ApiError(404, { message: "No organization has confirmed this address" });
  await entered(given);
}

export async function readMe() {
  const it = await get("/auth/me");
  me.value = { ...it, queues: it.queues.includes("*") ? [] : it.queues }; // of all queues, however that is said
}

export async function signOut() {
  const { refresh_token } = tokens;
  try {
    await send("POST", "/auth/logout", { refresh_token });
  } catch { /* gone here all the same */ }
  for (const each of onSignOut) each();
  keep({ access_token: null, refresh_token: null });
  location.replace("#/sign-in");
  location.reload();
}

// Whether the key may do this: may("jobs:write"). Of several words one is enough.
export const may = (...words) => !me.value || words.some(word => allowed(me.value.permissions, word));

function allowed(given, word) {
  if (!given?.length || given.includes("*")) return true;
  const [resource, act] = word.split(":"), acts = stronger(act);
  const resources = LIKE_JOBS.has(resource) ? [resource, "jobs"] : [resource];
  return resources.some(each => acts.some(one => given.includes(`${each}:${one}`)));
}

const stronger = act => ({ read: ["read", "write", "admin", "*"], write: ["write", "admin", "*"] })[act] ?? [act, "*"];
