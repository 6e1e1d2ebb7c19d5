// What Find finds: jobs by id and key, names of things, pages; and the search of what is in jobs.

import { get } from "../lib/api.js";
import { shortId } from "../lib/format.js";
import { link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { isThere, PLACES } from "./places.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FOUND_MAX = 8, FRESH_MS = 30_000;

// Names of things, by kind: read when Find is used, and again after half a minute.
const KINDS = [
  ["queue", "queues:read", "/queues", it => it.queue_name ?? it.name, it => ["queues", it.queue_name ?? it.name]],
  ["worker", "workers:read", "/workers", it => it.hostname ?? it.id, it => ["workers", it.id]],
  ["schedule", "schedules:read", "/schedules", it => it.name, it => ["schedules", it.id]],
  ["task", "jobs:read", "/tasks", it => it.name, it => ["tasks", it.name]],
  ["workflow", "workflows:read", "/workflows", it => it.name, it => ["workflows", it.id]],
];
let names = [], readAt = 0;

export async function readNames() {
  if (Date.now() - readAt < FRESH_MS) return;
  readAt = Date.now();
  const all = await Promise.allSettled(KINDS.map(async ([kind, word, path, name, to]) =>
    (may(word) ? await get(path, { limit: 100 }) : []).map(it => ({ kind, name: String(name(it)), href: link(to(it)) }))));
  names = all.flatMap(each => each.value ?? []);
}

export async function foundFor(text) {
  const low = text.toLowerCase(), can = may("jobs:read");
  const [hits] = await Promise.all([can && get("/jobs/search", { text, where: "id,idempotency_key", limit: 5 }).catch(() => null), readNames().catch(() => {})]);
  // Messages are not searched; one is found by its whole id.
  const one = can && UUID.test(text) && !hits?.jobs.length ? await get(`/jobs/${text}`).catch(() => null) : null;
  const jobs = (one ? [{ ...one, match: { where: "id" } }] : hits?.jobs ?? []).map(it => ({ kind: it.kind?.replace("task_", "") ?? "job", name: shortId(it.id), status: it.status, note: it.match.where === "id" ? it.queue_name : it.match.excerpt, href: link(["jobs", it.id]) }));
  const places = PLACES.filter(it => isThere(it) && it.label.toLowerCase().includes(low)).map(it => ({ kind: "page", name: it.label, href: `#/${it.path}` }));
  const named = [...names.filter(it => it.name.toLowerCase().includes(low)), ...places].slice(0, FOUND_MAX);
  return [...jobs, ...named, ...(can ? [{ kind: "search", name: `${text} in payloads, results, errors`, href: link(["jobs"], { text }) }] : [])];
}
