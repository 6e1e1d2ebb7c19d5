// What holds when attempts fail, in words: of a task, and of a queue.

import { count, plural, span as duration } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { when } from "./panel.js";

export function backoffText(it) {
  if (!it) return "as its queue says";
  const most = it.max_delay_ms == null ? "" : `, at most ${duration(it.max_delay_ms)}`, first = duration(it.base_delay_ms);
  return {
    fixed: () => `${first} each time`, linear: () => `${first}, each time as much more${most}`, exponential: () => `${first}, each time ${it.multiplier} times as long${most}`,
    full_jitter: () => `by chance, below ${duration(it.min_delay_ms)} at first, each time twice as much${most}`,
  }[it.strategy]?.() ?? it.strategy;
}

export const breakerText = it => (it ? `opens after ${plural(it.failure_threshold, "failure")} in a row, for ${duration(it.open_timeout_ms)}` : "none");

const STANDING = { closed: ["completed", "Closed"], open: ["deadletter", "Open"], half_open: ["retrying", "Half open"] };
// How it stands, where the server says it.
export const breakerStatus = it => it && [status(...(STANDING[it.state] ?? ["warn", it.state])),
  it.state === "closed" ? it.failures > 0 && `, ${plural(it.failures, "failure")} in a row` : it.is_tried ? ", one attempt decides" : it.open_until && [", lets one through ", when(it.open_until)]];

export const onFailText = (it, name) => (it ? `a job in ${it.queue_name ?? `${name}_on_fail`}${it.max_retries == null ? "" : `, ${plural(it.max_retries, "retry", "retries")}`}` : "nothing more");
export const timeoutText = ms => (ms ? duration(ms) : "none");
export const most = n => (n == null ? "no limit" : count(n));
