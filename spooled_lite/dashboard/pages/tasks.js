// Tasks: what each is, where its runs wait and how many do; run one, define a new one.

import { gathered } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { live } from "../lib/live.js";
import { link } from "../lib/router.js";
import { definitions, descriptionColumn } from "../parts/definitions.js";
import { openMessage } from "../parts/message_form.js";
import { breakerStatus, most, timeoutText } from "../parts/policy.js";
import { openTask } from "../parts/task_form.js";
import { queuesRead } from "../parts/workers_table.js";

const { a, span } = el;

export default function tasksPage() {
  const queues = queuesRead();
  live({ events: "queue.stats", read: queues.read, paint: gathered(queues.read) });
  const numbers = name => {
    const it = queues.data.value?.find(each => each.queue_name === name);
    return it && [it.paused && "paused", it.waiting && `${count(it.waiting)} waiting`, it.processing && `${count(it.processing)} running`, it.retrying && `${count(it.retrying)} retry`, it.deadletter && `${count(it.deadletter)} dead`].filter(Boolean).join(", ");
  };
  return definitions({
    noun: "task", words: ["jobs:write"], word: "jobs:read", open: openTask, run: (task, after) => openMessage({ task, after }), own: queues.read,
    calls: [["All tasks", "GET", "/tasks"], ["Define one", "PUT", "/tasks/charge_card", { body: { queue_name: "payments", max_retries: 3, timeout_seconds: 20 } }], ["Run it", "POST", "/tasks/charge_card/runs", { body: { input: { amount: 10 } } }]],
    about: "A task is a name for work of one kind, with all that holds for it: its queue, how often it is tried, how long it may take. Each run of it is a job that any worker of the queue takes.",
    beside: it => it.breaker && it.breaker.state !== "closed" && [" ", breakerStatus(it.breaker)],
    columns: [
      { label: "Queue", class: "second", cell: row => () => a({ href: link(["queues", row.value.queue_name]) }, row.value.queue_name) },
      { label: "In its queue", class: "whole quiet", cell: row => () => numbers(row.value.queue_name) },
      { ...descriptionColumn, class: "fill clip whole quiet" },
      { label: "Condition", class: "hide brief", cell: row => () => row.value.condition && span({ class: "mono", title: row.value.condition }, row.value.condition) },
      { label: "Retries", class: "num hide", cell: row => () => count(row.value.max_retries) },
      { label: "Time-out", class: "num hide", cell: row => () => timeoutText(row.value.timeout_ms) },
      { label: "At once", class: "num hide", cell: row => () => (row.value.max_concurrency == null ? span({ class: "quiet" }, "–") : most(row.value.max_concurrency)) },
    ],
  });
}
