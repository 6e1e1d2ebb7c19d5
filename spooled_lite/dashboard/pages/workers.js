// Who works, on what, and who fell silent.

import { curl, get } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { queryOf } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { reading, rows } from "../lib/store.js";
import { asCurl } from "../parts/curl.js";
import { chips, choose, noMatch, textFilter } from "../parts/filters.js";
import { code, head, panel } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { say } from "../parts/toast.js";
import { queuesRead, workerColumns, workerWord } from "../parts/workers_table.js";

const { button, div, p } = el;
const PAGE = 100, READ_SECONDS = 30;
const NAMES = { status: "State", queue: "Queue", q: "Find" };
const STATES = ["healthy", "degraded", "draining", "offline"];

export default function workersPage() {
  const filter = Object.fromEntries(Object.keys(NAMES).map(name => [name, queryOf(name)]));
  const asked = () => ({ status: filter.status.value, queue: filter.queue.value, search: filter.q.value, limit: PAGE });
  const hasMore = signal(false), newer = signal(new Set());
  const workers = rows(async ending => {
    const found = await get("/workers", asked(), { signal: ending });
    newer.value = new Set();
    hasMore.value = found.length === PAGE;
    return found;
  });
  const queues = queuesRead();
  reading(() => Object.values(filter).map(it => it.value), () => (workers.replace([]), workers.read()));

  async function more() {
    const found = await get("/workers", { ...asked(), offset: workers.ids.peek().length });
    hasMore.value = found.length === PAGE;
    workers.add(found);
  }
  // What is on the page is read again in its place; who is gone stays, and says so.
  async function refresh() {
    const found = new Map((await get("/workers", asked())).map(it => [it.id, it]));
    for (const id of workers.ids.peek().slice(0, PAGE)) if (found.has(id)) workers.patch(id, found.get(id));
    const fresh = [...found.keys()].filter(id => !workers.row(id));
    if (fresh.length) newer.value = new Set([...newer.peek(), ...fresh]);
  }

  function paint(frames) {
    const fresh = new Set(newer.peek());
    for (const { kind, data } of frames) {
      const id = data.worker_id, at = data.timestamp;
      if (!workers.row(id)) {
        if (kind === "worker.registered") fresh.add(id);
        continue;
      }
      if (kind === "worker.heartbeat") workers.patch(id, { status: data.status, current_jobs: data.current_jobs, last_heartbeat: at });
      if (kind === "worker.registered") workers.patch(id, { status: "healthy", last_heartbeat: at });
      if (kind === "worker.deregistered") workers.patch(id, { status: "gone" });
      if (kind === "worker.inactive") workers.patch(id, { status: "offline" });
    }
    if (fresh.size === newer.peek().size) return;
    newer.value = fresh;
    say(plural(fresh.size, "new worker"), { isRare: true });
  }
  live({
    events: "worker.registered,worker.heartbeat,worker.deregistered,worker.inactive", paint,
    query: () => ({ queue: filter.queue.value }), read: () => (workers.ids.peek().length ? refresh() : workers.read()),
  });
  // What it has done comes with no event.
  every(READ_SECONDS, () => workers.ids.peek().length && refresh());
  keys("Workers", { r: ["Read again", workers.read], ".": ["Show the new ones", workers.read], "]": ["More", () => hasMore.peek() && more()] });

  // Numbers only where all are here.
  const numbers = computed(() => (filter.status.value || hasMore.value ? {} : Object.groupBy(workers.ids.value.map(id => workers.row(id).value), it => it.status)));
  return [
    head({ title: "Workers", note: () => workers.ids.value.length > 0 && `${count(workers.ids.value.length)}${hasMore.value ? " and more" : ""}`, acts: [asCurl(() => [["Workers", "GET", "/workers", { query: asked() }]])] }),
    chips({ name: "status", label: "State", options: () => [{ value: "", label: "All" }, ...STATES.map(value => ({ value, label: workerWord(value), n: numbers.value[value]?.length }))] }),
    div({ class: "filters" },
      choose({ name: "queue", label: "Queue", options: () => (queues.data.value ?? []).map(it => ({ value: it.queue_name })), isFree: true, placeholder: "emails" }),
      textFilter({ label: "Find a worker", placeholder: "Part of id or host" })),
    either(() => newer.value.size, () => div({ class: "newer" }, button({ class: "btn", onclick: workers.read }, icon("up"), () => plural(newer.value.size, "new worker"), el.kbd(".")))),
    panel(null, {}, shown(workers, () => table({
      of: workers, label: "Workers", group: "Workers", columns: workerColumns({ queues: () => queues.data.value }), rowClass: row => (row.value.status === "gone" ? "moved" : ""),
    }), {
      what: "the workers", word: "workers:read", lines: 6, isEmpty: () => !workers.ids.value.length,
      empty: () => (Object.values(filter).some(it => it.value) ? noMatch(NAMES, { what: "workers" })
        : emptyState("No worker is registered", p("A worker is listed when it has registered and sends heartbeats, as those of the SDKs do. One that only claims jobs is not listed."), code(curl("POST", "/workers/register", { body: { queue_name: "emails", hostname: "worker-1" } }), "Register a worker"))),
    })),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, icon("down"), "More"))),
  ];
}
