// The table of workers, on the page of all workers and on that of a queue.

import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { when } from "./panel.js";

const { a, i, span } = el;
// How a worker is, and the mark of it.
const STATES = { healthy: ["completed", "Healthy"], degraded: ["retrying", "Degraded"], draining: ["scheduled", "Draining"], offline: ["deadletter", "Offline"], gone: ["cancelled", "Signed off"] };
export const workerStatus = name => status(...(STATES[name] ?? ["pending", name]));
export const workerWord = name => STATES[name][1];

export const queuesOf = names => {
  const [first, ...more] = names;
  return span({ class: "clip", title: names.slice(0, 50).join(", ") }, a({ href: link(["queues", first]) }, first), more.length ? ` and ${count(more.length)} more` : "");
};

// How much of what it can do at once it does: a bar and the numbers.
export const loadOf = row => () => {
  const { current_jobs: now, max_concurrency: most } = row.value;
  return span({ class: "row nowrap load" }, span({ class: "bar", "aria-hidden": "true" }, i({ style: { "--part": `${Math.min(100, (100 * now) / Math.max(1, most))}%` } })), `${count(now)}/${count(most)}`);
};

export const workerColumns = ({ isShort = false } = {}) => [
  { label: "State", cell: row => () => workerStatus(row.value.status) },
  { label: "Worker", class: "second", cell: (row, id) => a({ class: "mono clip block", title: id, href: link(["workers", id]) }, id) },
  { label: "Host", class: "clip hide", cell: row => row.peek().hostname },
  !isShort && { label: "Queues", class: "fill clip whole", cell: row => queuesOf(row.peek().queue_names) },
  { label: "Holds", class: "num", cell: loadOf },
  { label: "Done", class: "num hide", cell: row => () => count(row.value.jobs_processed) },
  { label: "Failed", class: "num hide", cell: row => () => count(row.value.jobs_failed) },
  { label: "Version", class: "hide", cell: row => row.peek().version ?? "–" },
  { label: "Last sign", class: "num third", cell: row => () => when(row.value.last_heartbeat) },
].filter(Boolean);
