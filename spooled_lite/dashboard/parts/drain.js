// A queue of test mode is worked off without a worker, each attempt as it is said here.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { signal } from "../lib/signal.js";
import { MOVE_MS, readClock } from "../lib/test_mode.js";
import { checkField, form, selectField, textField } from "./form.js";
import { panel } from "./panel.js";

const ENDS = [["complete", "complete"], ["fail", "fail, and are tried again"], ["deadletter", "fail for good"], ["leave", "stay held"], ["expire", "end with their lease"]];

export function drainPanel() {
  const queue = signal(""), fails = signal("0"), then = signal("complete"), withScheduled = signal(true), made = signal(null);
  const run = () => send("POST", "/test/drain", {
    queue: queue.peek().trim(), with_scheduled: withScheduled.peek(), outcomes: [{ fail: Number(fails.peek()), then: then.peek() }],
  }, { wait: MOVE_MS }).finally(readClock);
  const said = it => `${plural(it.attempts, "attempt")}: ${["completed", "failed", "deadlettered", "expired"].filter(name => it[name]).map(name => `${count(it[name])} ${name}`).join(", ") || "nothing to do"}; ${count(it.left)} left`;
  return panel("Work a queue off", { note: () => (made.value ? said(made.value) : "without a worker, in the order of claims") }, el.div({ class: "pad" }, form({
    label: "Work it off", run, done: said, after: it => { made.value = it; }, obstacle: () => (queue.value.trim() ? null : "Name a queue"),
  }, el.div({ class: "two" }, textField("Queue", queue), textField("First attempts that fail", fails, { type: "number", min: 0, hint: "of each job" }), selectField("The others", then, ENDS)),
  checkField("Time passes to reach delays and retries", withScheduled))));
}
