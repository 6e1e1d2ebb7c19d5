// The table of workers, on the page of all workers and on that of a queue.

import { el } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { now } from "../lib/clock.js";
import { count, ms, plural, sinceText } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { resource } from "../lib/store.js";
import { when } from "./panel.js";

const { a, i, span } = el;
// How a worker is, and the mark of it.
const STATES = { healthy: ["completed", "Healthy"], degraded: ["retrying", "Degraded"], draining: ["scheduled", "Draining"], offline: ["deadletter", "Offline"], gone: ["cancelled", "Signed off"] };
export const workerStatus = name => status(...(STATES[name] ?? ["pending", name]));
export const workerWord = name => STATES[name][1];

// What is not finished for twice as long as nearly all jobs of its queues take (p95), and for a minute, is told; of
// queues that nothing is known of, after five.
const TIMES = 2, STALLED_MIN_MS = 6e4, STALLED_UNKNOWN_MS = 3e5;

// The queues, the worst first: their names, and how long their jobs take.
export const queuesRead = () => resource(ending => get("/dashboard/queues", { limit: 100 }, { signal: ending }));

// Since when a worker has had jobs and finished none, if that is long; else null.
export function stalledSince(it, queues) {
  if (!it.current_jobs || !it.busy_since || ["offline", "gone"].includes(it.status)) return null;
  const since = Math.max(ms(it.busy_since), ms(it.last_settled_at) ?? 0);
  const longest = Math.max(0, ...(queues ?? []).filter(each => it.queue_names.includes(each.queue_name)).map(each => each.p95_ms ?? 0));
  return now.value - since > (longest ? Math.max(STALLED_MIN_MS, TIMES * longest) : STALLED_UNKNOWN_MS) ? since : null;
}
export const stalledText = (it, since) => `holds ${plural(it.current_jobs, "job")}, finished none for ${sinceText(since)}`;

export const queuesOf = names => {
  const [first, ...more] = names;
  return span({ class: "clip", title: names.slice(0, 50).join(", ") }, a({ href: link(["queues", first]) }, first), more.length ? ` and ${count(more.length)} more` : "");
};

// The tasks it has named, if any.
export const tasksOf = names => {
  const [first, ...more] = names ?? [];
  return first && span({ title: names.slice(0, 50).join(", ") }, a({ href: link(["tasks", first]) }, first), more.length ? ` and ${count(more.length)} more` : "");
};

// How much of what it can do at once it does: a bar and the numbers.
export const loadOf = row => () => {
  const { current_jobs: now, max_concurrency: most } = row.value;
  return span({ class: "row nowrap load" }, span({ class: "bar", "aria-hidden": "true" }, i({ style: { "--part": `${Math.min(100, (100 * now) / Math.max(1, most))}%` } })), `${count(now)}/${count(most)}`);
};

export const workerColumns = ({ isShort = false, queues = () => null } = {}) => [
  { label: "State", cell: row => span({ class: "row" }, () => workerStatus(row.value.status), () => {
    const since = stalledSince(row.value, queues());
    return since && span({ class: "status", "data-s": "warn" }, icon("warn"), span(stalledText(row.value, since)));
  }) },
  { label: "Worker", class: "second", cell: (row, id) => a({ class: "mono clip block", title: id, href: link(["workers", id]) }, id) },
  { label: "Host", class: "clip hide", cell: row => row.peek().hostname },
  !isShort && { label: "Queues", class: "fill clip whole", cell: row => [queuesOf(row.peek().queue_names), row.peek().task_handlers && span({ class: "quiet" }, " runs ", tasksOf(row.peek().task_handlers))] },
  { label: "Holds", class: "num", cell: loadOf },
  { label: "Done", class: "num hide", cell: row => () => count(row.value.jobs_processed) },
  { label: "Failed", class: "num hide", cell: row => () => count(row.value.jobs_failed) },
  { label: "Version", class: "hide", cell: row => row.peek().version ?? "–" },
  { label: "Last sign", class: "num third", cell: row => () => when(row.value.last_heartbeat) },
].filter(Boolean);
