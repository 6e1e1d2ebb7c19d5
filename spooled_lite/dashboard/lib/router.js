// The address behind `#`: which page, with which filters. Never a credential.
//
//   route.value        { path: "jobs/416c…", query: { status: "deadletter" } }
//   link("jobs", { status: "deadletter" })     "#/jobs?status=deadletter", for `href`
//   go("jobs")                                 another page: one more step back
//   setQuery({ status: null, q: "cus_81" })    a filter: one step back for a burst of changes

import { computed, signal } from "./signal.js";

const REST_MS = 1000;
let lastFilter = 0;

export const route = signal(read(), (a, b) => a.address === b.address);
export const title = signal("");
// By Back or Forward, and from where.
export const came = { isBack: false, from: "" };
history.scrollRestoration = "manual";
// One value of the query, as a signal.
export const queryOf = name => computed(() => route.value.query[name] ?? "");

function read() {
  const address = location.hash.replace(/^#\/?/, "");
  const [path, text = ""] = address.split(/\?(.*)/s);
  const parts = path.split("/").map(decoded);
  return { address, path, parts, query: Object.fromEntries(new URLSearchParams(text)) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const text = new URLSearchParams(given).toString();
  const parts = Array.isArray(path) ? path.map(encodeURIComponent).join("/") : path;
  return `#/${parts}${text && `?${text}`}`;
}

// The address of this view as a whole, for others. `changes`: of its query.
export const shared = (changes = {}) =>
  new URL(link(route.peek().path, { ...route.peek().query, ...changes }), location.href).href;

export function go(path, query, { isReplaced = false } = {}) {
  history[isReplaced ? "replaceState" : "pushState"]({}, "", link(path, query));
  turn();
}

export function setQuery(changes) {
  const { path, query } = route.peek(), at = Date.now();
  go(path, { ...query, ...changes }, { isReplaced: at - lastFilter < REST_MS });
  lastFilter = at;
}

function turn(isBack = false) {
  const next = read(), from = route.peek().address;
  if (next.address === from) return;
  Object.assign(came, { isBack, from });
  route.value = next;
}

// An entry that a link has just made has no state.
function mark() {
  const isNew = !history.state;
  if (isNew) history.replaceState({}, "");
  return isNew;
}
mark();
addEventListener("popstate", () => turn(!mark()));
addEventListener("hashchange", () => turn());
