// Test mode: the clock and what waits for it, every way to move it, and the worlds.

import { ApiError } from "../lib/api.js";
import { now } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, stampText } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { link, queryOf } from "../lib/router.js";
import { signal, untracked } from "../lib/signal.js";
import { clock, moved, readClock, setClock, trouble, waitsForWorkers, world } from "../lib/test_mode.js";
import { paceText, standing } from "../parts/clock_bar.js";
import { asCurl } from "../parts/curl.js";
import { drainPanel } from "../parts/drain.js";
import { checkField, form, selectField, textField } from "../parts/form.js";
import { happened, movedText, moving } from "../parts/moving.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { failure } from "../parts/states.js";

const { a, code, div, li, p, span, ul } = el;
const TAB_BEFORE = 60; // pixels of it that stay in sight on a phone
const PATH = "/test/clock", MODES = [["frozen", "stands until it is moved"], ["real", "runs as that of the machine"], ["ticking", "runs faster or slower"]];

// What makes each of them arrives when it is opened: it gives the nodes, and how to read them again.
const kept = async () => (await import("../parts/kept.js")).kept;
const TABS = {
  "": ["Time", () => time],
  worlds: ["Worlds", async () => (await import("../parts/worlds.js")).worlds],
  faults: ["Faults", async () => (await import("../parts/faults.js")).faults],
  expect: ["Expectations", async () => (await import("../parts/expectations.js")).expectations],
  seed: ["Seed", async () => (await import("../parts/seed.js")).seed],
  journal: ["Journal", kept],
  webhooks: ["Webhooks", kept],
  mails: ["Mails", kept],
};

export default function test() {
  const tab = queryOf("tab"), chosen = () => (TABS[tab.value] ? tab.value : "");
  let its, tabs;
  const read = () => (readClock(), its?.read());
  readClock();
  keys("Test mode", { r: ["Read again", read] });
  return [
    head({ title: "Test mode", note: () => world.value && `world ${world.value.world}`, acts: [asCurl(calls)] }),
    either(() => trouble.value && !clock.value, () => () => trouble.value && panel(null, {}, off(trouble.value))),
    either(() => clock.value, () => [
      el.nav({ class: "filters tabs", "aria-label": "Parts of test mode", ref: it => { tabs = it; } }, Object.entries(TABS).map(([name, [label]]) =>
        a({ class: "chip", href: link("test", { tab: name }), "aria-current": () => (chosen() === name ? "page" : null) }, label))),
      () => { const name = chosen(); return untracked(() => late(TABS[name][1], make => {
        tabs.scrollLeft = tabs.querySelector("[aria-current]").offsetLeft - tabs.offsetLeft - TAB_BEFORE;
        its = make(name);
        return its.nodes;
      })); },
    ]),
  ];
}

const off = error => (error instanceof ApiError && error.status === 404
  ? div({ class: "empty" }, el.h2("This server is not in test mode"), p("A server for tests has a clock that stands until it is moved, and a world for each test."), code({ class: "code" }, "spooled-lite serve --test"))
  : failure(error, { what: "the clock", again: readClock }));

// In the place, and of the scope, where it was asked for.
function late(load, show) {
  const make = signal(null);
  Promise.resolve(load()).then(it => { make.value = it; });
  return either(() => make.value, () => show(make.peek()));
}

const time = () => ({ read: () => {}, nodes: [
  div({ class: "grid even" }, clockPanel(), duePanel()),
  movePanel(),
  drainPanel(),
  panel("What happened", { note: () => moved.value && movedText() }, () => (moved.value?.happened.length ? happened() : p({ class: "pad quiet" }, () => (moved.value ? "Nothing." : "Each move of the clock tells here what it set off.")))),
] });

function clockPanel() {
  const mode = signal(clock.peek().mode), rate = signal(String(clock.peek().rate ?? 60));
  return panel("Clock", { more: () => clock.value.mode !== "frozen" && standing() },
    facts([
      ["Now", () => stampText(now.value)], ["The clock", paceText],
      ["Seed", () => world.value?.seed ?? "none: ids differ in every run"], ["Live workers", () => count(world.value?.counts.live_workers)],
    ]),
    div({ class: "pad" }, form({
      label: "Set", run: () => setClock({ mode: mode.peek(), ...(mode.peek() === "ticking" && { rate: Number(rate.peek()) }) }), done: () => `The clock ${paceText()}`,
    }, div({ class: "two" }, selectField("The clock", mode, MODES), () => mode.value === "ticking" && textField("How many times", rate, { type: "number", min: 0.01, max: 86400, step: "any" })))));
}

const duePanel = () => panel("What waits for its time", { note: "the next of each kind" }, () => (clock.value.due.length
  ? ul({ class: "happened" }, clock.value.due.map(it => li(span({ class: "what" }, it.kind), when(it.at), span({ class: "quiet num" }, () => stampText(it.at)))))
  : p({ class: "pad quiet" }, "Nothing: no delay, no lease, no schedule.")));

function movePanel() {
  const by = signal("7d"), to = signal(""), isBack = signal(false), times = signal("1"), within = signal("30d"), sleep = signal("8h");
  return panel("Let time pass", { note: "7d, 36h, 90s, 250ms, 1h30m, P1DT2H or milliseconds" }, div({ class: "moves" },
    div({ class: "row" }, textField("By", by), moving({ label: "Advance by it", kind: "main-act", path: "advance", body: () => ({ by: by.peek().trim() }) })),
    div({ class: "row" }, textField("To", to, { placeholder: "2030-02-01T00:00:00Z" }), moving({ label: "Advance to it", path: "advance", body: () => ({ to: to.peek().trim(), back: isBack.peek() }) }), checkField("It may go back", isBack)),
    div({ class: "row" }, textField("Moments", times, { type: "number", min: 1, max: 1000 }), moving({ label: "To the next of them", path: "next", body: () => ({ count: Number(times.peek()) }) })),
    div({ class: "row" }, textField("At most", within), moving({ label: "Until idle", path: "idle", body: () => ({ within: within.peek().trim() }), hint: "Until nothing waits for time but what recurs: schedules, silent workers" })),
    div({ class: "row" }, textField("The machine sleeps", sleep), moving({ label: "Outage", path: "outage", body: () => ({ by: sleep.peek().trim() }), hint: "Time jumps, then all that is due happens at once" }),
      moving({ label: "Settle", path: "settle", hint: "The clock stays, until nothing is due or under way" })),
    checkField("Time waits for live workers", waitsForWorkers, { hint: "while one holds a job or could take one; otherwise their leases may end" })));
}

const calls = () => [
  ["The clock", "GET", PATH], ["A week", "POST", `${PATH}/advance`, { body: { by: "7d" } }], ["To the next moment", "POST", `${PATH}/next`, { body: { count: 1 } }],
  ["Until idle", "POST", `${PATH}/idle`, { body: { within: "30d" } }], ["A night off", "POST", `${PATH}/outage`, { body: { by: "8h" } }],
  ["Let it run", "PUT", PATH, { body: { mode: "ticking", rate: 60 } }], ["Work a queue off", "POST", "/test/drain", { body: { queue: "emails" } }], ["A world for a test", "POST", "/test/fork", { body: {} }],
  ["A lost acknowledgement", "POST", "/test/faults", { body: { on: { route: "POST /api/v1/jobs/{id}/complete" }, do: { drop: "after_commit" }, times: 1 } }], ["Has it happened?", "POST", "/test/expect", { body: { expect: [{ queue: "emails", status: "completed" }] } }],
  ["What it begins with", "POST", "/test/seed", { body: { jobs: [{ queue_name: "emails", payload: {} }] } }], ["What happened", "GET", "/test/journal", { query: { kind: "event,fault" } }],
  ["Back to the baseline", "POST", "/test/reset"],
];
