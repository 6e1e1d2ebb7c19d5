// Tasks: what each is, where its runs wait and how many do; run one, define a new one.

import { get } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link } from "../lib/router.js";
import { rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { inPlace } from "../parts/in_place.js";
import { openMessage } from "../parts/message_form.js";
import { head, panel, when } from "../parts/panel.js";
import { breakerStatus, most, timeoutText } from "../parts/policy.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { openTask } from "../parts/task_form.js";
import { queuesRead } from "../parts/workers_table.js";

const { a, p, span } = el;
const PAGE = 100, READ_SECONDS = 15;
const WORDS = ["jobs:write"];

export default function tasksPage() {
  const list = inPlace(() => all, async (query, ending) => {
    const found = await get("/tasks", query, { signal: ending });
    return { found: found.map(it => ({ ...it, id: it.name })), hasMore: found.length === query.limit };
  }, { size: PAGE, noun: "task" });
  const all = rows(list.first), queues = queuesRead();
  const again = () => (list.again(), queues.read());
  every(READ_SECONDS, again);
  live({ events: "queue.stats", read: again, paint: gathered(queues.read) });
  const make = () => openTask({ after: it => go(["tasks", encodeURIComponent(it.name)].join("/")) });
  const add = gated({ label: "New task", icon: "plus", kind: "main-act", words: WORDS, onclick: make });
  const run = name => openMessage({ task: name, after: again });
  keys("Tasks", { r: ["Read again", all.read], ".": ["Show the newer ones", all.read], n: ["New task", () => add.click()], "]": ["More", list.more] });

  const standing = name => queues.data.value?.find(it => it.queue_name === name);
  const numbers = name => {
    const it = standing(name);
    return it && [it.paused && "paused", it.waiting && `${count(it.waiting)} waiting`, it.processing && `${count(it.processing)} running`, it.retrying && `${count(it.retrying)} retry`, it.deadletter && `${count(it.deadletter)} dead`].filter(Boolean).join(", ");
  };
  return [
    head({ title: "Tasks", note: () => all.data.value && `${count(all.ids.value.length)}${list.hasMore.value ? " and more" : ""}`, acts: [
      asCurl(() => [["All tasks", "GET", "/tasks"], ["Define one", "PUT", "/tasks/charge_card", { body: { queue_name: "payments", max_retries: 3, timeout_seconds: 20 } }], ["Run it", "POST", "/tasks/charge_card/runs", { body: { input: { amount: 10 } } }]]), add] }),
    list.button(),
    panel(null, { class: "acts-first" }, shown(all, () => table({
      of: all, label: "Tasks", group: "Tasks", nameOf: id => id, rowClass: row => (row.value.isGone ? "moved" : ""), more: { p: ["Run", run] },
      columns: [
        { label: "Task", cell: (row, name) => [a({ href: link(["tasks", name]) }, name), () => row.value.isGone && span({ class: "quiet" }, " deleted"), () => row.value.breaker && row.value.breaker.state !== "closed" && [" ", breakerStatus(row.value.breaker)]] },
        { label: "Queue", class: "second", cell: row => () => a({ href: link(["queues", row.value.queue_name]) }, row.value.queue_name) },
        { label: "In its queue", class: "whole quiet", cell: row => () => numbers(row.value.queue_name) },
        { label: "Description", class: "fill clip whole quiet", cell: row => () => row.value.description && span({ title: row.value.description }, row.value.description) },
        { label: "Condition", class: "hide brief", cell: row => () => row.value.condition && span({ class: "mono", title: row.value.condition }, row.value.condition) },
        { label: "Retries", class: "num hide", cell: row => () => count(row.value.max_retries) },
        { label: "Time-out", class: "num hide", cell: row => () => timeoutText(row.value.timeout_ms) },
        { label: "At once", class: "num hide", cell: row => () => (row.value.max_concurrency == null ? span({ class: "quiet" }, "–") : most(row.value.max_concurrency)) },
        { label: "Changed", class: "num hide", cell: row => () => when(row.value.updated_at) },
        { label: "Run", isUnsaid: true, class: "acts-cell", cell: (_, name) => act({ label: "Run…", icon: "play", isSmall: true, name: `Run ${name}`, words: WORDS, run: async () => run(name) }) },
      ],
    }), {
      what: "the tasks", word: "jobs:read", isEmpty: () => !all.ids.value.length,
      empty: () => emptyState("No tasks yet", p("A task is a name for work of one kind, with all that holds for it: its queue, how often it is tried, how long it may take. Each run of it is a job that any worker of the queue takes."),
        gated({ label: "New task", icon: "plus", words: WORDS, onclick: make })),
    })),
    list.moreButton(),
  ];
}
