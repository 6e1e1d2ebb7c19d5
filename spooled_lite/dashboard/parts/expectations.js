// Expectations of test mode: what should have happened, or happens within a time, and what came of each.

import { ApiError, get, send } from "../lib/api.js";
import { itemsOf } from "../lib/edited.js";
import { el, when as either } from "../lib/dom.js";
import { plural, shortId, stampText } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { formatted, visible } from "../lib/json.js";
import { link } from "../lib/router.js";
import { effect, signal } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { MOVE_MS, readClock } from "../lib/test_mode.js";
import { noting, refusedIn } from "./described_form.js";
import { editor } from "./editor.js";
import { form, textField } from "./form.js";
import { panel } from "./panel.js";
import { emptyState } from "./states.js";
import { table } from "./table.js";

const { a, button, code, div, li, p, span, ul } = el;
let last = null; // what was written, as long as the page is not loaded anew

// What the world has: its queues, its webhooks, a request that makes jobs.
function exampleOf([queues, webhooks]) {
  const names = queues.map(it => it.queue_name ?? it.name).slice(0, 2);
  return JSON.stringify([
    ...(names.length ? names : ["emails"]).map(queue => ({ queue, status: "completed", count: { at_least: 1 } })),
    { queue: names[0] ?? "emails", status: "deadletter", count: 0 },
    ...webhooks.slice(0, 1).map(it => ({ webhook: it.name, event: it.events[0], delivered: { at_least: 1 } })),
    { request: "POST /api/v1/jobs", status_code: 201 },
  ]);
}

export function expectations() {
  const text = signal(last ?? "[]"), within = signal(""), realMs = signal(""), made = signal(null);
  const refusals = signal(new Map()), refusal = signal(null);
  const results = rows(null, { isRead: false, key: it => it.n });
  const known = path => get(path).catch(error => { if (error instanceof ApiError) return []; throw error; });
  const there = resource(() => Promise.all([known("/queues"), known("/outgoing-webhooks")]), { take: it => {
    if (last === null && text.peek() === "[]") text.value = formatted(exampleOf(it));
    return it;
  } });
  effect(() => { if (there.data.value) last = text.value; });
  effect(() => { text.value; refusal.value = null; });
  const edit = editor(text, { name: "What is expected", rows: 14, refusal: () => refusal.value });

  async function run() {
    const sent = text.peek(), more = [within.peek().trim() && `"within":${JSON.stringify(within.peek().trim())}`, realMs.peek() && `"real_ms":${realMs.peek()}`];
    try {
      const answer = await noting(refusals, () => send("POST", "/test/expect", `{${[`"expect":${sent}`, ...more].filter(Boolean).join(",")}}`, { wait: MOVE_MS }));
      results.replace(answer.results.map((it, n) => ({ ...it, n, expected: itemsOf(sent)[n] })));
      made.value = answer;
    } finally {
      refusal.value = refusedIn(sent, refusals.peek(), "expect");
      readClock();
    }
  }
  const hold = () => made.value.results.filter(it => it.passed).length;
  const of = name => ({ error: () => refusals.value.get(name) ?? null });
  return { read: there.read, nodes: [
    panel("Expectations", { note: "queue, job_id, webhook, request or mail says what each is about", more: button({ type: "button", class: "btn", onclick: () => { text.value = formatted(exampleOf(there.data.peek() ?? [[], []])); } }, "An example from here") },
      div({ class: "pad" }, form({ label: "See what holds", run, obstacle: () => edit.error.value && "This is not JSON" }, edit,
        div({ class: "two" },
          textField("Within", within, { ...of("within"), placeholder: "7d", hint: "Time passes step by step until all that may hold early does. Empty: as it is now" }),
          textField("Real milliseconds", realMs, { ...of("real_ms"), type: "number", min: 0, max: 25000, hint: "Waits for workers that take their own time, instead of moving the clock" }))))),
    panel("What came of it", { tone: () => made.value && (made.value.passed ? "completed" : "failed"), note: () => made.value && `at ${stampText(made.value.now)}` },
      either(() => made.value, () => [
        p({ class: "pad", role: "status" }, () => (made.value.passed ? status("completed", `All ${plural(made.value.results.length, "expectation")} hold`) : status("failed", `${hold()} of ${plural(made.value.results.length, "expectation")} hold`))),
        table({ of: results, label: "What came of each expectation", columns: COLUMNS(there), nameOf: n => `expectation ${n + 1}` }),
      ], () => emptyState("Not asked yet", p("Each expectation gets a line: whether it holds, how many there are, and of one that does not what came nearest.")))),
  ] };
}

const COLUMNS = there => [
  { label: "Result", class: "result", cell: row => () => (row.value.passed ? status("completed", "Holds") : status("failed", "Does not hold")) },
  { label: "Expected", class: "whole long", cell: row => () => code({ class: "mono" }, visible(row.value.expected)) },
  { label: "Found", class: "num", cell: row => () => [row.value.actual].flat().map(it => div(typeof it === "string" ? stampText(it) : it)) },
  { label: "Nearest, and how it differs", class: "whole long", cell: row => () => (row.value.nearest.length ? ul(row.value.nearest.map(it => near(it, row.value, there)))
    : row.value.passed ? null : span({ class: "quiet" }, "Nothing like it")) },
];

const near = (it, { expected }, there) => li(thing(it, JSON.parse(expected), there), " ",
  Object.entries(it.differs).map(([path, value], n) => [n > 0 && ", ", span({ class: "mono" }, visible(path)), " is ", span({ class: "mono bad" }, visible(JSON.stringify(value)))]));

function thing(it, expected, there) {
  if (it.job_id) return a({ href: link(["jobs", it.job_id]), title: it.job_id }, `job ${shortId(it.job_id)}`);
  if (it.delivery_id) {
    const webhook = there.data.value?.[1].find(each => each.name === expected.webhook), name = `delivery ${shortId(it.delivery_id)}`;
    return webhook ? a({ href: link(["webhooks", webhook.id]), title: it.delivery_id }, name) : span({ title: it.delivery_id }, name);
  }
  return expected.mail === undefined ? a({ href: link("test", { tab: "journal", kind: "request", line: it.n }) }, `line ${it.n} of the journal`) : a({ href: link("test", { tab: "mails", line: it.n }) }, `mail ${it.n}`);
}
