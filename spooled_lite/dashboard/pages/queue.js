// One queue: how it does, what holds it back, who works on it, what fails in it, its jobs, its settings.

import { get, send } from "../lib/api.js";
import { every, gathered, nowMs } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, percent, plural, shortId, sinceText, span as duration } from "../lib/format.js";
import { icon, mark, stateOf, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link } from "../lib/router.js";
import { computed } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { failing } from "../parts/failing.js";
import { many } from "../parts/many.js";
import { head, panel, when } from "../parts/panel.js";
import { breakerStatus } from "../parts/policy.js";
import { queueSettings } from "../parts/queue_settings.js";
import { failedShare, heldOf, heldText, pauseAct, pausedNote, perMinute } from "../parts/queues_table.js";
import { series } from "../parts/series.js";
import { shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { whoPaused } from "../parts/who.js";
import { workerColumns } from "../parts/workers_table.js";

const { a, b, nav, p, small, span } = el;
const JOBS_SHOWN = 10, ERRORS_SHOWN = 5, BOARD_READ = 100;
const READ_SECONDS = 15;
const LONG_MS = 300_000; // a purge or a deletion goes through all jobs

export default function queuePage({ name }) {
  const path = `/queues/${encodeURIComponent(name)}`;
  const queue = resource(ending => get(path, {}, { signal: ending }));
  // Its line of the table of queues; of many that have the name as a part, the first are looked through.
  const board = resource(async ending => (await get("/dashboard/queues", { search: name, sort: "name", limit: BOARD_READ }, { signal: ending })).find(it => it.queue_name === name) ?? null);
  const stats = resource(ending => get(`${path}/stats`, {}, { signal: ending }));
  const workers = rows(ending => get("/workers", { queue: name }, { signal: ending }));
  const jobs = rows(ending => get("/jobs", { queue_name: name, limit: JOBS_SHOWN }, { signal: ending }));
  const errors = resource(ending => get("/dashboard/errors", { queue: name, kind: "failing", limit: ERRORS_SHOWN }, { signal: ending }));
  const figures = series({ queue: () => name });
  const numbers = () => (board.read(), stats.read(), workers.read());
  const read = () => (queue.read(), numbers(), jobs.read(), figures.read(), errors.read());

  const it = () => board.data.value ?? { queue_name: name, paused: queue.data.value?.paused, paused_reason: queue.data.value?.settings.paused_reason, paused_at: queue.data.value?.settings.paused_at };
  const numbersAgain = gathered(numbers);
  live({ path: `/events/queues/${encodeURIComponent(name)}`, read, paint: frames => {
    for (const { kind, data } of frames) if (kind === "job.status") jobs.patch(data.job_id, { status: data.new_status });
    if (frames.some(each => each.kind.startsWith("queue.p") || each.kind === "queue.resumed")) queue.read();
    numbersAgain();
  } });
  every(READ_SECONDS, () => (numbers(), figures.read(), errors.read()));

  const isGone = computed(() => queue.error.value?.status === 404);
  const not = () => (queue.data.value ? null : "It is not here");
  const pausing = pauseAct(it, { after: () => (queue.read(), board.read()), obstacle: not });
  const jobsOf = () => stats.data.value?.total ?? 0;

  // Counted by its numbers; the server goes through it in passes of its own.
  const askedFirst = (verb, title, about, number, run, then) => many({
    verb, isDanger: true, typed: name, title, about: () => about, after: then,
    done: n => `${name}: ${plural(n, "job")} gone`,
    count: async () => {
      const now = await get(`${path}/stats`);
      return { matched: number(now), eligible: number(now), oldest_at: now.max_job_age_seconds == null ? null : new Date(nowMs() - now.max_job_age_seconds * 1000).toISOString() };
    },
    step: run,
  });
  const purge = gated({ label: "Purge…", icon: "trash", kind: "danger", words: ["queues:write"], obstacle: not, onclick: () => askedFirst("Purge", n => `Purge ${n} jobs of ${name}?`,
    "All jobs that are not running are deleted for good, with payloads and results. Running jobs go on, and the settings stay.", now => now.total - now.processing,
    async () => ({ done: (await send("POST", `${path}/purge`, undefined, { wait: LONG_MS })).purged_count }), read) });
  const remove = gated({ label: "Delete…", icon: "trash", kind: "danger", words: ["queues:write"], obstacle: not, onclick: () => askedFirst("Delete", n => `Delete ${name} and its ${n} jobs?`,
    "The queue, its settings and all its jobs, running ones included, are deleted for good.", now => now.total,
    async counted => (await send("DELETE", `${path}?delete_jobs=true`, undefined, { wait: LONG_MS }), { done: counted.matched }), () => go("queues")) });
  const removeEmpty = act({ label: "Delete", icon: "trash", kind: "danger", words: ["queues:write"], obstacle: not, ask: "Delete this queue? It has no jobs.", yes: "Delete queue", run: () => send("DELETE", path), done: `${name} is gone`, after: () => go("queues") });
  keys("This queue", { r: ["Read again", read], p: ["Pause or resume", () => pausing.press()] });

  return [
    head({
      title: () => `Queue ${name}`, shown: span({ class: "mono" }, name), note: [() => it().paused && [status("paused"), " "], pausedNote(it, { after: read, who: whoPaused("queue", name) }), () => queue.data.value?.breaker && queue.data.value.breaker.state !== "closed" && [" breaker ", breakerStatus(queue.data.value.breaker)]],
      acts: [pausing, a({ class: "btn", href: link(["messages", name]) }, icon("inbox"), "Messages"), asCurl(() => [
        ["This queue", "GET", path], ["Its numbers", "GET", `${path}/stats`], ["Pause it", "POST", `${path}/pause`, { body: { reason: "warehouse is down" } }],
        ["Change it", "PUT", `${path}/config`, { body: { max_retries: 5 } }], ["Delete its jobs", "POST", `${path}/purge`],
      ]), either(() => stats.data.value && !jobsOf(), () => removeEmpty, () => [purge, remove])],
    }),
    either(() => isGone.value && queue.data.value, () => p({ class: "banner panel" }, icon("warn"), "It was deleted meanwhile. You see its last state.")),
    shown(queue, () => [
      shown(stats, () => tiles(it, stats, name), { what: "the numbers", word: "queues:read", lines: 2 }),
      figures.charts,
      failing(errors, { queue: name }),
      panel("Its workers", { note: () => workers.ids.value.length > 0 && count(workers.ids.value.length), more: a({ href: link("workers", { queue: name }) }, "All of them") },
        shown(workers, () => table({ of: workers, label: "Workers", group: "Its workers", columns: workerColumns({ isShort: true }) }), {
          what: "its workers", word: "workers:read", lines: 2, isEmpty: () => !workers.ids.value.length,
          empty: () => p({ class: "pad quiet" }, () => (it().waiting_claims ? `No worker is registered; ${plural(it().waiting_claims, "claim")} wait for a job.` : "No worker is registered for it.")),
        })),
      panel("Its newest jobs", { note: () => jobsOf() > JOBS_SHOWN && `of ${count(jobsOf())}`, more: a({ href: link("jobs", { queue: name }) }, "All its jobs") },
        shown(jobs, () => table({ of: jobs, label: "Its newest jobs", group: "Its newest jobs", columns: jobColumns }), {
          what: "its jobs", word: "jobs:read", lines: 4, isEmpty: () => !jobs.ids.value.length, empty: () => p({ class: "pad quiet" }, "It has no jobs."),
        })),
      panel("Settings", { note: "for jobs from now on" }, queueSettings(queue, { after: queue.read })),
    ], { what: "this queue", word: "queues:read", lines: 10 }),
  ];
}

const jobColumns = [
  { label: "Status", cell: row => () => status(stateOf(row.value, nowMs())) },
  { label: "Job", class: "second", cell: (row, id) => a({ class: "mono", href: link(["jobs", id]) }, shortId(id)) },
  { label: "Type", class: "whole clip", cell: row => row.peek().job_type },
  { label: "Last error", class: "fill clip whole quiet", cell: row => () => row.value.last_error?.slice(0, 300) },
  { label: "Created", class: "num hide", cell: row => when(row.peek().created_at) },
];

function tiles(it, stats, name) {
  const tile = (tone, label, number, note, query) => a({ class: "tile", href: link(tone === "deadletter" ? "dead" : "jobs", { queue: name, ...query }), "data-s": tone }, span(mark(tone), label), b(number), small(note));
  const of = () => stats.data.value, has = () => it().waiting != null;
  const emptyIn = () => (!it().waiting ? "" : it().drain_seconds == null ? "not shrinking" : `empty in ${duration(it().drain_seconds * 1000)}`);
  const failed = () => has() && failedShare(it());
  return nav({ class: "tiles", "aria-label": "Its jobs" },
    tile("pending", "Waiting", () => count(has() ? it().waiting : of().pending), () => [it().oldest_waiting_at && `oldest ${sinceText(it().oldest_waiting_at)}`, emptyIn()].filter(Boolean).join(", "), { status: "pending" }),
    tile("processing", "Running", () => [count(of().processing), it().max_concurrency ? span({ class: "quiet" }, ` of ${count(it().max_concurrency)}`) : null], () => (it().rate_limit ? `${count(it().rate_limit)} a second at most` : ""), { status: "processing" }),
    tile("scheduled", "Held back", () => count(has() ? heldOf(it()) : of().scheduled), () => (has() && heldOf(it()) ? heldText(it()) : ""), { status: "scheduled" }),
    tile("completed", "Done per minute", () => (has() ? perMinute(it().completed_per_min) : count(Math.round(of().throughput / 60))), () => `${count(of().completed_jobs_24h)} in 24 h${of().avg_processing_time_ms == null ? "" : `, ${duration(of().avg_processing_time_ms)} each`}`, { status: "completed" }),
    tile("deadletter", "Dead letters", () => count(of().deadletter), () => (failed() ? `${percent(failed())} of attempts fail` : ""), {}));
}
