// What an organization uses of what it may, as bars.

import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { status } from "../lib/icons.js";

const { dd, div, dl, dt, i, p, span } = el;
const NEAR = 80;
const NAMES = { jobs_today: "Jobs today", active_jobs: "Active jobs", queues: "Queues", workers: "Workers", api_keys: "API keys", schedules: "Schedules", workflows: "Workflows", webhooks: "Webhooks" };

// `read`: gives the usage as the API has it, with its warnings.
export const usageBars = read => [
  () => read().warnings.map(each => p({ class: "pad" }, status(each.severity === "critical" ? "failed" : "retrying", each.message))),
  dl({ class: "facts pad bars" }, Object.entries(NAMES).map(([name, words]) => div(dt(words), dd(() => bar(read().usage[name], words))))),
];

function bar({ current, limit, percentage, is_disabled }, words) {
  const share = Math.min(100, percentage ?? 0), tone = share >= 100 ? "failed" : share >= NEAR ? "retrying" : "processing";
  return [
    div({ class: "row" }, span({ class: "num" }, count(current)), span({ class: "quiet num" }, is_disabled ? "not in this plan" : limit == null ? "no limit" : `of ${count(limit)}`)),
    limit == null || is_disabled ? null : div({ class: "bar long", role: "meter", "aria-label": words, "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": Math.min(current, limit), "data-s": tone }, i({ style: { "--part": `${share}%` } })),
  ];
}
