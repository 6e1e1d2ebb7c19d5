// One worker: how it is, what it holds, what it said of itself.

import { get, send } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, percent, plural, shortId, sinceText } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { link } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { code, facts, head, panel, when } from "../parts/panel.js";
import { shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { loadOf, queuesRead, stalledSince, stalledText, workerStatus } from "../parts/workers_table.js";

const { a, p, span } = el;
const READ_SECONDS = 30, AGAIN_MS = 1000, QUEUES_SHOWN = 20;

export default function workerPage({ id }) {
  const path = `/workers/${encodeURIComponent(id)}`;
  const worker = resource(ending => get(path, {}, { signal: ending }));
  const jobs = rows(ending => get(`${path}/jobs`, {}, { signal: ending }));
  const queues = queuesRead();
  const isOut = signal(false); // it was told so
  const it = () => worker.data.value, state = () => (isOut.value || worker.error.value?.status === 404 ? "gone" : it()?.status);
  const read = () => (worker.read(), jobs.read());

  const again = gathered(read, AGAIN_MS);
  live({
    events: "worker.registered,worker.heartbeat,worker.deregistered,worker.inactive,job.started,job.completed,job.failed", read,
    paint(frames) {
      for (const { kind, data } of frames.filter(each => each.data.worker_id === id)) {
        if (kind === "worker.heartbeat") worker.patch({ status: data.status, current_jobs: data.current_jobs, last_heartbeat: data.timestamp });
        if (kind === "worker.deregistered") isOut.value = true;
        if (kind === "worker.registered") isOut.value = false;
        if (kind !== "worker.heartbeat") again();
      }
    },
  });
  every(READ_SECONDS, read);

  const held = computed(() => jobs.ids.value.length);
  const leave = act({
    label: "Sign off", icon: "out", kind: "danger", words: ["workers:write"], obstacle: () => (state() === "gone" ? "It is signed off" : null),
    ask: () => (held.value ? `Sign this worker off? The leases of ${plural(held.value, "job")} stay until they end.` : "Sign this worker off?"), yes: "Sign off",
    run: () => send("POST", `${path}/deregister`), done: "Signed off", after: () => { isOut.value = true; },
  });
  keys("This worker", { r: ["Read again", read] });

  return [
    head({
      title: () => `Worker ${id}`, shown: span({ class: "mono" }, id), note: () => it() && workerStatus(state()),
      acts: [leave, asCurl(() => [["This worker", "GET", path], ["The jobs it holds", "GET", `${path}/jobs`], ["Sign it off", "POST", `${path}/deregister`]])],
    }),
    either(() => it() && state() === "gone", () => p({ class: "banner panel" }, icon("warn"), "It has signed off. What you see is what it was.")),
    () => {
      const since = it() && state() !== "gone" && stalledSince(it(), queues.data.value);
      return since && p({ class: "banner panel", "data-s": "deadletter" }, icon("warn"), `It ${stalledText(it(), since)}.`);
    },
    shown(worker, () => [
      panel("Facts", {}, () => facts(factsOf(it()))),
      panel("Holds", { note: () => held.value > 0 && plural(held.value, "job") }, shown(jobs, () => table({ of: jobs, label: "Jobs it holds", group: "Its jobs", columns: jobColumns }), {
        what: "its jobs", word: "workers:read", lines: 3, isEmpty: () => !held.value,
        empty: () => p({ class: "pad quiet" }, () => (it().current_jobs ? `It reports ${plural(it().current_jobs, "job")}, but none is leased under its id.` : "It holds no job now.")),
      })),
      either(() => JSON.stringify(it().metadata ?? {}) !== "{}", () => panel("What it says of itself", {}, () => code(JSON.stringify(it().metadata, null, 2), "What it says of itself"))),
    ], { what: "this worker", word: "workers:read", lines: 8 }),
  ];
}

const jobColumns = [
  { label: "Job", cell: (row, id) => a({ class: "mono", href: link(["jobs", id]) }, shortId(id)) },
  { label: "Type", class: "fill clip", cell: row => row.peek().job_type },
  { label: "Queue", class: "clip whole", cell: row => a({ href: link(["queues", row.peek().queue_name]) }, row.peek().queue_name) },
  { label: "Attempt", class: "num hide", cell: row => () => `${row.value.attempt ?? row.value.retry_count + 1}/${row.value.max_retries + 1}` },
  { label: "For", class: "num third", cell: row => () => sinceText(row.value.started_at) },
];

function factsOf(it) {
  const all = it.jobs_processed + it.jobs_failed, names = it.queue_names.slice(0, QUEUES_SHOWN);
  return [
    ["Last sign of life", when(it.last_heartbeat)],
    ["Jobs at once", loadOf({ value: it })],
    ["Last finished an attempt", it.last_settled_at ? when(it.last_settled_at) : span({ class: "quiet" }, "not yet")],
    ["Done", count(it.jobs_processed)],
    ["Failed attempts", count(it.jobs_failed), all ? span({ class: "quiet" }, `, ${percent(it.jobs_failed / all)}`) : null],
    it.task_handlers && ["Tasks", it.task_handlers.slice(0, QUEUES_SHOWN).map((name, n) => [n ? ", " : null, a({ href: link(["tasks", name]) }, name)]), it.task_handlers.length > QUEUES_SHOWN && ` and ${count(it.task_handlers.length - QUEUES_SHOWN)} more`],
    ["Queues", names.map((name, n) => [n ? ", " : null, a({ href: link(["queues", name]) }, name)]), it.queue_names.length > names.length ? ` and ${count(it.queue_names.length - names.length)} more` : null],
    ["Host", it.hostname],
    it.worker_type && ["Kind", it.worker_type],
    it.version && ["Version", it.version],
    ["Registered", when(it.registered_at)],
    ["Known since", when(it.created_at)],
  ];
}
