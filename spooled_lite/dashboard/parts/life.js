// The life of a job as bars: what it waited for, each attempt, how it ended.
//
//   life({ history: () => rows, now: () => now.value })     rows of the history, oldest first
//   partsOf(rows, nowMs)                                    the same as data

import { el, list } from "../lib/dom.js";
import { plural, span as duration, stampText } from "../lib/format.js";
import { mark } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { computed } from "../lib/signal.js";
import "./drawn.js";

const { b, div, i, li, ol, small, span } = el;
const ERROR_MAX = 200;
const ENDS = { completed: "completed", failed: "failed", released: "released", cancelled: "cancelled" };
const STATES = { completed: "completed", failed: "deadletter", released: "pending", cancelled: "cancelled" };

// [{ key, label, state, isWait, from, to, isOpen, worker, text }]
export function partsOf(history, nowMs) {
  const parts = [];
  let open = null, attempts = 0;
  const begin = (label, state, at, more = {}) => {
    end(at);
    open = { key: parts.length, label, state, from: at, to: null, isOpen: true, isWait: false, worker: null, text: "", ...more };
    parts.push(open);
  };
  const end = (at, fields = {}) => {
    if (!open) return;
    Object.assign(open, { to: Math.max(open.from, at), isOpen: false }, fields);
    open = null;
  };
  for (const { event_type: kind, details, worker_id: worker, created_at: created } of history) {
    const at = Date.parse(created), told = details ?? {};
    if (kind === "created") begin(told.status === "scheduled" ? "Scheduled" : "Waiting", told.status === "scheduled" ? "scheduled" : "pending", at, { isWait: true, until: told.scheduled_at });
    else if (kind === "claimed") begin(`Attempt ${++attempts}`, "processing", at, { worker: worker ?? told.worker_id ?? null });
    else if (kind === "released") {
      end(at, { text: "given back", state: STATES.released });
      begin("Waiting", "pending", at, { isWait: true });
      attempts--;
    } else if (Object.hasOwn(ENDS, kind)) {
      if (open?.isWait) end(at, kind === "cancelled" ? { text: "cancelled", state: "cancelled", by: told.by } : {});
      else end(at, { by: told.by, text: ENDS[kind], state: STATES[kind], error: kind === "failed" ? told.error : told.reason });
    } else if (kind === "retried") {
      begin(told.reason === "by call" ? "Retried by hand" : "Backoff", "retrying", at, { isWait: true, until: told.next_run, by: told.by });
    } else if (kind === "deadlettered") {
      const last = parts.findLast(it => !it.isWait);
      if (last) last.text = `${last.text || "failed"}, dead letter`;
    }
  }
  if (open) open.to = Math.max(open.from, nowMs);
  return parts;
}

export function life({ history, now }) {
  const parts = computed(() => partsOf(history(), now()));
  const from = () => parts.value[0]?.from ?? 0;
  const whole = () => Math.max(1, parts.value.reduce((most, it) => Math.max(most, it.to), 0) - from());
  const percent = part => `${(100 * part).toFixed(2)}%`;
  return ol({ class: "lane life" }, list(() => parts.value, it => it.key, row => {
    const it = () => row.value, text = () => [it().text, duration(it().to - it().from)].filter(Boolean).join(", ");
    return li({ "data-s": () => it().state, title: () => `${stampText(it().from)} to ${it().isOpen ? "now" : stampText(it().to)}` },
      div({ class: "of" }, b(() => it().label), () => it().worker && small({ class: "quiet clip" }, visible(it().worker)), () => it().by && small({ class: "quiet clip" }, "by ", visible(it().by))),
      span({ class: "track", "aria-hidden": "true" }, i({ class: () => (it().isWait ? "wait" : ""), style: () => ({ left: percent((it().from - from()) / whole()), width: percent((it().to - it().from) / whole()) }) })),
      div({ class: "end" }, () => !it().isWait && mark(it().state), span(text), () => it().isOpen && it().until && Date.parse(it().until) > it().to && small({ class: "quiet" }, `due in ${duration(Date.parse(it().until) - it().to)}`)),
      () => it().error && small({ class: "error mono clip" }, visible(String(it().error).slice(0, ERROR_MAX))));
  }), () => parts.value.length === 0 && li({ class: "quiet" }, "Its history was deleted: it is kept only for a while."));
}

export const attemptsText = parts => plural(parts.filter(it => !it.isWait).length, "attempt");
