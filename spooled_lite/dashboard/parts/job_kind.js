// What a job is besides a job: a message, a run of a task, what follows a failure; and what it has because of that.

import { el } from "../lib/dom.js";
import { count, shortId, span as duration } from "../lib/format.js";
import { formatted, memberOf } from "../lib/json.js";
import { go, link } from "../lib/router.js";
import { gated } from "./act.js";
import { openStop } from "./cancel_form.js";
import { openMessage } from "./message_form.js";
import { when } from "./panel.js";
import { backoffText } from "./policy.js";

const { a, span } = el;
const NAMES = { message: "Message", task_run: "Run", on_fail: "On-fail job", item: "Item" };
export const kindName = it => NAMES[it?.kind] ?? "Job";
export const isMessage = it => it?.kind === "message";
export const isRun = it => it?.kind === "task_run";
// What it carries, as it was given; what came of it.
export const members = it => (isMessage(it) ? ["Body", "body", "Result", "result"] : isRun(it) ? ["Input", "input", "Output", "output"] : ["Payload", "payload", "Result", "result"]);

const taskLink = it => a({ href: link(["tasks", it.task_name]) }, it.task_name);
export const kindNote = it => (isMessage(it) ? ["message of ", a({ href: link(["messages", it.queue_name]) }, it.queue_name)] : it.task_name ? ["run of ", taskLink(it)] : null);

export const kindFacts = it => [
  it.task_name && ["Task", taskLink(it)],
  it.state && ["State", it.state],
  it.on_fail_of && ["Follows", a({ class: "mono", href: link(["jobs", it.on_fail_of]) }, shortId(it.on_fail_of))],
  it.topic && ["Topic", it.topic],
  it.concurrency_key && ["Concurrency key", span({ class: "mono" }, it.concurrency_key)],
  isMessage(it) && ["Reads", count(it.deliveries)],
  it.backoff && ["Wait before a retry", backoffText(it.backoff)],
  it.timeout_ms != null && ["Time-out of an attempt", it.timeout_ms ? duration(it.timeout_ms) : "none"],
  it.cancel_reason && ["Cancelled because", it.cancel_reason],
  it.skipped_at && ["Skipped", when(it.skipped_at), ", it does not meet the condition of its task"],
  it.expired_at && ["Expired", when(it.expired_at)],
];

// Another run with the same input and headers, to be changed before.
export const runAgain = (read, text) => gated({ label: "Run again…", icon: "play", words: ["jobs:write"], onclick: () => openMessage({
  task: read().task_name, body: formatted(memberOf(text(), "input") ?? "null"), headers: read().headers ? memberOf(text(), "headers") : "", after: it => go(["jobs", it.id].join("/")),
}) });

// Of one that is under way: also what a worker has ends at once.
export const stopAct = (read, { after }) => gated({ label: "Stop…", icon: "stop", kind: "danger", words: ["jobs:write"], onclick: () => openStop([read().id], { after, path: id => `/jobs/${id}/cancel`, noun: isRun(read()) ? "run" : "job", more: { force: true } }) });
