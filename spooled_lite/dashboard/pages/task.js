// One task: what holds for it, its runs by state; run it, change it, cancel runs.

import { get, send } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, span as duration } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf } from "../lib/router.js";
import { may } from "../lib/session.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { gated, obstacle } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { chips, noMatch } from "../parts/filters.js";
import { typed } from "../parts/form.js";
import { inPlace } from "../parts/in_place.js";
import { openMessage, runsOf } from "../parts/message_form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { backoffText, breakerStatus, breakerText, most, onFailText, timeoutText } from "../parts/policy.js";
import { hasEnded, openCancel, readRuns, runColumns, STATES } from "../parts/runs.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { openTask, pathOf } from "../parts/task_form.js";

const { a, b, button, div, p, span } = el;
const PAGE = 50, READ_SECONDS = 30, SCHEDULES_READ = 100;
const WORDS = ["jobs:write"];

export default function taskPage({ name }) {
  const state = queryOf("state"), selected = signal(new Set());
  const task = resource(ending => get(pathOf(name), {}, { signal: ending })), it = () => task.data.value;
  const schedules = resource(async ending => (await get("/schedules", { target_type: "task", limit: SCHEDULES_READ }, { signal: ending })).filter(each => each.task_name === name), { isRead: may("schedules:read") });
  const list = inPlace(() => runs, (query, ending) => readRuns(name, { state: state.peek(), ...query }, ending), { size: PAGE, noun: "run", isNewestFirst: true, isShifted: () => true });
  const runs = rows(list.first), read = () => (task.read(), runs.read());
  reading(() => [state.value], () => {
    selected.value = new Set();
    runs.read();
  });
  const soon = gathered(list.again, 1000);
  live({ events: "job.created,job.status,job.failed", query: () => ({ queue: it()?.queue_name }), read: list.again, paint: soon });
  every(READ_SECONDS, () => (task.read(), list.again()));

  const isGone = computed(() => task.error.value?.status === 404);
  const not = () => (it() && !isGone.value ? null : "It is not here");
  const after = () => {
    selected.value = new Set();
    list.again();
  };
  const start = gated({ label: "Run…", icon: "play", kind: "main-act", words: WORDS, obstacle: not, onclick: () => openMessage({ task: name, after: runs.read }) });
  const change = gated({ label: "Change", icon: "edit", words: WORDS, obstacle: not, onclick: () => openTask({ given: it(), after: task.read }) });
  const remove = gated({ label: "Delete…", icon: "trash", kind: "danger", words: WORDS, obstacle: not, onclick: () => typed({
    title: `Delete ${name}?`, name, verb: "Delete task", words: WORDS, run: () => send("DELETE", pathOf(name)), done: `${name} is gone`, after: () => go("tasks"),
    about: ["All its runs are deleted with it, whatever their state, and what is bound to it."],
  }) });
  const open = ids => ids.filter(id => !hasEnded(runs.row(id).peek()));
  const cancel = id => {
    const ids = open(selected.peek().size ? [...selected.peek()] : [id]);
    return obstacle(WORDS) || !ids.length ? false : void openCancel(name, ids, after);
  };
  keys("This task", { r: ["Read again", read], ".": ["Show the newer ones", runs.read], "]": ["More", list.more], n: ["Run it", () => start.click()], e: ["Change", () => change.click()] });

  const numbers = computed(() => (state.value || list.hasMore.value ? {} : Object.groupBy(runs.ids.value.map(id => runs.row(id).value), each => each.state)));
  const isMoved = row => row.value.isGone || (state.value && row.value.state !== state.value);
  return [
    head({
      title: () => `Task ${name}`, shown: span({ class: "mono" }, name), note: () => it() && ["in ", a({ href: link(["queues", it().queue_name]) }, it().queue_name), it().breaker && it().breaker.state !== "closed" && [", breaker ", breakerStatus(it().breaker)]],
      acts: [change, remove, asCurl(() => [["This task", "GET", pathOf(name)], ["Its runs", "GET", runsOf(name), { query: { state: state.value } }], ["Run it", "POST", runsOf(name), { body: { input: { amount: 10 }, concurrency_key: "order-7" } }], ["Cancel a run", "POST", `${runsOf(name)}/ID/cancel`, { body: { reason: "ordered twice" } }]]), start],
    }),
    either(() => isGone.value && it(), () => p({ class: "banner panel" }, icon("warn"), "It was deleted meanwhile. You see its last state.")),
    shown(task, () => panel(null, {}, () => it().description && p({ class: "pad" }, it().description), () => facts([...factsOf(it()), ["Schedules", scheduled(schedules.data.value ?? [], name)]])), { what: "this task", word: "jobs:read", lines: 3 }),
    either(() => it(), () => [
      chips({ name: "state", label: "State", options: () => [{ value: "", label: "All" }, ...Object.entries(STATES).map(([value, [tone, label]]) => ({ value, label, tone, n: numbers.value[value]?.length }))] }),
      list.button(),
      panel("Runs", { note: () => runs.ids.value.length > 0 && `${count(runs.ids.value.length)}${list.hasMore.value ? " and more" : ""}` }, shown(runs, () => table({
        of: runs, label: "Runs", group: "Runs", selected, columns: runColumns(), rowClass: row => (isMoved(row) ? "moved" : ""), more: { "Shift+c": ["Cancel", cancel] },
      }), {
        what: "its runs", word: "jobs:read", isEmpty: () => !runs.ids.value.length,
        empty: () => (state.value ? noMatch({ state: "State" }, { what: "runs" }) : emptyState("It has not been run", p("A run waits in the queue of the task until a worker takes it."), gated({ label: "Run it", icon: "play", words: WORDS, onclick: () => start.click() }))),
      })),
      list.moreButton(),
    ]),
    either(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" }, b(() => `${count(selected.value.size)} selected`),
      gated({ label: "Cancel…", icon: "stop", kind: "danger", words: WORDS, obstacle: () => (open([...selected.value]).length ? null : "All of them have ended"), onclick: () => cancel() }),
      button({ class: "btn plain", onclick: () => { selected.value = new Set(); } }, "None"))),
  ];
}

const scheduled = (all, name) => [all.map(each => [a({ href: link(["schedules", each.id]) }, each.name), ` ${each.is_active ? "next " : "paused"}`, each.is_active && when(each.next_run_at), ", "]), a({ href: link("schedules/new", { task: name }) }, all.length ? "another" : "make one")];

const factsOf = it => [
  ["Queue", a({ href: link(["queues", it.queue_name]) }, it.queue_name)],
  ["Condition", it.condition ? span({ class: "mono" }, it.condition) : "none"],
  ["Retries", `${count(it.max_retries)}`], ["Time-out", timeoutText(it.timeout_ms)], ["Runs at once", most(it.max_concurrency)],
  ["Wait before a retry", backoffText(it.backoff)], ["Circuit breaker", breakerText(it.circuit_breaker)], it.breaker && ["Breaker now", breakerStatus(it.breaker)],
  ["When all attempts failed", onFailText(it.on_fail, it.name)],
  ["Ended runs are kept", it.retention_seconds == null ? "as long as jobs" : duration(it.retention_seconds * 1000)],
  ["Revision", it.revision], ["Created", when(it.created_at)], ["Changed", when(it.updated_at)],
];
