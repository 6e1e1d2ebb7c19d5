// Runs of a task: where one stands, the columns of a table of them, and cancelling.

import { getWhole } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { shortId, span as duration } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { membersOf, visible } from "../lib/json.js";
import { link } from "../lib/router.js";
import { openStop } from "./cancel_form.js";
import { runsOf } from "./message_form.js";
import { when } from "./panel.js";
import { masked } from "./search.js";

const { a, span } = el;
const EXCERPT = 300;
export const STATES = { queued: ["pending", "Queued"], started: ["processing", "Started"], completed: ["completed", "Completed"], failed: ["deadletter", "Failed"], canceled: ["cancelled", "Canceled"], skipped: ["cancelled", "Skipped"], expired: ["warn", "Expired"] };
export const hasEnded = it => it.isGone || !["queued", "started"].includes(it.state);

export function runStatus(it) {
  if (it.isGone) return status("cancelled", "Gone");
  if (it.state === "started" && it.status !== "processing") return status("retrying");
  return status(...(it.state === "queued" && it.status === "scheduled" ? ["scheduled", "Queued"] : STATES[it.state] ?? ["warn", it.state]));
}

export async function readRuns(task, query, signal) {
  const { text, headers } = await getWhole(runsOf(task), query, { signal }), inputs = membersOf(text, "input");
  return { found: JSON.parse(text).map((it, n) => ({ ...it, raw: inputs[n] })), hasMore: headers.get("x-has-more") === "true" };
}

// `ids`: of runs that have not ended.
export const openCancel = (task, ids, after) => openStop(ids, { after, path: id => `${runsOf(task)}/${id}/cancel`, noun: "run" });

const took = it => (it.started_at && it.completed_at ? duration(Date.parse(it.completed_at) - Date.parse(it.started_at)) : "");
const told = it => it.cancel_reason ?? (it.state === "completed" || it.state === "skipped" ? "" : it.last_error) ?? "";

export const runColumns = () => [
  { label: "State", cell: row => () => runStatus(row.value) },
  { label: "Run", cell: (_, id) => a({ class: "mono", href: link(["jobs", id]) }, shortId(id)) },
  { label: "Input", class: "fill half clip whole", cell: row => () => span({ class: "mono" }, visible(masked((row.value.raw ?? "").slice(0, EXCERPT), ""))) },
  { label: "Error or reason", class: "fill half clip whole quiet", cell: row => () => told(row.value) && span({ title: told(row.value).slice(0, 1000) }, told(row.value).slice(0, EXCERPT)) },
  { label: "Key", class: "hide brief", cell: row => span({ class: "mono", title: row.peek().concurrency_key }, row.peek().concurrency_key) },
  { label: "Attempt", class: "num hide", cell: row => () => [row.value.attempts, span({ class: "quiet" }, `/${row.value.max_retries + 1}`)] },
  { label: "Took", class: "num hide", cell: row => () => took(row.value) },
  { label: "Made", class: "num hide", cell: row => when(row.peek().created_at) },
];
