// One task: what holds for it, its runs by state; run it, change it, cancel runs.

import { el, when as either } from "../lib/dom.js";
import { count, span as duration } from "../lib/format.js";
import { link } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { gated, obstacle } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { definition } from "../parts/definitions.js";
import { openMessage, runsOf } from "../parts/message_form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { backoffText, breakerStatus, breakerText, most, onFailText, timeoutText } from "../parts/policy.js";
import { hasEnded, openCancel, readRuns, runColumns, STATES } from "../parts/runs.js";
import { scheduled } from "../parts/scheduled.js";
import { openTask } from "../parts/task_form.js";

const { a, b, button, div, p, span } = el;
const words = ["jobs:write"];

export default function taskPage({ name }) {
  const selected = signal(new Set()), none = () => { selected.value = new Set(); }, schedules = scheduled("task", name);
  const { it, path, list, runs, state, start, change, remove, ...of } = definition({
    noun: "task", name, words, word: "jobs:read", states: STATES, load: (query, ending) => readRuns(name, query, ending), after: none,
    events: "job.created,job.status,job.failed", query: known => ({ queue: known?.queue_name }), open: openTask, run: after => openMessage({ task: name, after }),
  });
  const after = () => (none(), list.again());
  const open = ids => ids.filter(id => !hasEnded(runs.row(id).peek()));
  const cancel = id => {
    const ids = open(selected.peek().size ? [...selected.peek()] : [id]);
    return obstacle(words) || !ids.length ? false : void openCancel(name, ids, after);
  };
  return [
    head({
      title: () => `Task ${name}`, shown: span({ class: "mono" }, name), note: () => it() && ["in ", a({ href: link(["queues", it().queue_name]) }, it().queue_name), it().breaker && it().breaker.state !== "closed" && [", breaker ", breakerStatus(it().breaker)]],
      acts: [change, remove, asCurl(() => [["This task", "GET", path], ["Its runs", "GET", runsOf(name), { query: { state: state.value } }], ["Run it", "POST", runsOf(name), { body: { input: { amount: 10 }, concurrency_key: "order-7" } }], ["Cancel a run", "POST", `${runsOf(name)}/ID/cancel`, { body: { reason: "ordered twice" } }]]), start],
    }),
    of.banner(),
    of.shown(() => panel(null, {}, () => it().description && p({ class: "pad" }, it().description), () => facts([...factsOf(it()), schedules()])), 3),
    of.runsPanel("A run waits in the queue of the task until a worker takes it.", { selected, columns: runColumns(), more: { "Shift+c": ["Cancel", cancel] } }),
    either(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" }, b(() => `${count(selected.value.size)} selected`),
      gated({ label: "Cancel…", icon: "stop", kind: "danger", words, obstacle: () => (open([...selected.value]).length ? null : "All of them have ended"), onclick: () => cancel() }),
      button({ class: "btn plain", onclick: none }, "None"))),
  ];
}

const factsOf = it => [
  ["Queue", a({ href: link(["queues", it.queue_name]) }, it.queue_name)],
  ["Condition", it.condition ? span({ class: "mono" }, it.condition) : "none"],
  ["Retries", `${count(it.max_retries)}`], ["Time-out", timeoutText(it.timeout_ms)], ["Runs at once", most(it.max_concurrency)],
  ["Wait before a retry", backoffText(it.backoff)], ["Circuit breaker", breakerText(it.circuit_breaker)], it.breaker && ["Breaker now", breakerStatus(it.breaker)],
  ["When all attempts failed", onFailText(it.on_fail, it.name)],
  ["Ended runs are kept", it.retention_seconds == null ? "as long as jobs" : duration(it.retention_seconds * 1000)],
  ["Revision", it.revision], ["Created", when(it.created_at)], ["Changed", when(it.updated_at)],
];
