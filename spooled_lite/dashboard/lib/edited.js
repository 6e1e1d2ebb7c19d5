// Jobs made anew of others with something changed. Texts are cut and joined, so that every digit stays.
//
//   withValue('{"a":{"b":1}}', ["a", "b"], "2")     '{"a":{"b":2}}'; null: there is no such place
//   placeIn(text, ["a", "b"])                       { at, line, column } of it, or of what is nearest above it
//   pathOf("a.b"), pathOf("/a.b/c")                 names; with "/" where a name has a dot in it
//   itemsOf('[{"id":1}, 2]')                        ['{"id":1}', "2"]
//   jobOf(text, payload)                            the body of a new job like another, whose answer `text` is

import { send } from "./api.js";
import { memberOf, placeOf, readJson } from "./json.js";

const KEPT = ["queue_name", "priority", "max_retries", "timeout_seconds", "tags"];

export const pathOf = text => (text.startsWith("/") ? text.slice(1).split("/") : text.split("."));

// A member that is missing is added to its object, at the end.
export function withValue(text, path, value) {
  const it = readJson(text);
  if (it.error) return null;
  const [at, depth] = walk(it, path);
  if (depth < path.length) return depth === path.length - 1 ? added(it, at, path[depth], value) : null;
  const [from, to] = it.place(at);
  return text.slice(0, from) + value + text.slice(to);
}

// The line of what stands there, and how many names lead to it: fewer than there are when the next one is missing.
function walk(it, path) {
  let at = 0, depth = 0;
  for (const name of path) {
    let found = -1, index = 0;
    for (let n = at + 1; n < it.endOf(at); n = it.endOf(n) + 1) {
      const { key } = it.line(n);
      if ((key === null ? String(index++) : JSON.parse(key)) === name) found = n;
    }
    if (found < 0) break;
    at = found;
    depth++;
  }
  return [at, depth];
}

export function placeIn(text, path) {
  const it = readJson(text);
  return it.error ? null : placeOf(text, it.place(walk(it, path)[0])[0]);
}

function added(it, at, name, value) {
  const { text, kind } = it.line(at), end = it.place(at)[1] - 1;
  if (!text.startsWith("{")) return null;
  return `${it.text.slice(0, end)}${kind === "e" ? "" : ","}${JSON.stringify(name)}:${value}${it.text.slice(end)}`;
}

export function itemsOf(text) {
  const it = readJson(text), items = [];
  for (let n = 1; n < it.endOf(0); n = it.endOf(n) + 1) items.push(it.span(n));
  return items;
}

export function jobOf(text, payload) {
  const members = KEPT.map(name => [name, memberOf(text, name)]).filter(([, value]) => value !== null && value !== "null");
  const body = [...members, ["payload", payload]].map(([name, value]) => `"${name}":${value}`).join(",");
  return `{"idempotency_key":${JSON.stringify(keyOf(JSON.parse(memberOf(text, "id")), body))},${body}}`;
}

export const MAY_DELETE = "jobs:delete";
export const deleteJobs = ids => send("POST", "/jobs/actions", { action: "delete", job_ids: ids, dry_run: false });

// The same change of the same job is made once.
export const keyOf = (id, text) => `edit:${id}:${hashOf(text)}`;

// Two sums of the text with 53 bits together: enough to tell what one person has sent of one job.
function hashOf(text) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let n = 0; n < text.length; n++) {
    a = Math.imul(a ^ text.charCodeAt(n), 2654435761);
    b = Math.imul(b ^ text.charCodeAt(n), 1597334677);
  }
  return (4294967296 * (b & 0x1fffff) + (a >>> 0)).toString(36);
}
