// The table of queues, on Home and on the page of all queues: what GET /dashboard/queues says of each.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count, percent, sinceText, span as duration } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { act } from "./act.js";
import { menu } from "./menu.js";
import { whoPaused } from "./who.js";

const { a, span, input, form, button } = el;

// The share of attempts that failed, or null when there were none.
export const failedShare = it => {
  const all = it.failed_per_min + it.completed_per_min;
  return all > 0 ? it.failed_per_min / all : null;
};

export const perMinute = n => (n == null ? "–" : n < 10 && n % 1 ? n.toFixed(1) : count(Math.round(n)));
const FAILED_MANY = 0.1;

const path = name => `/queues/${encodeURIComponent(name)}`;
export const pause = (name, reason) => send("POST", `${path(name)}/pause`, reason ? { reason } : {});
export const resume = name => send("POST", `${path(name)}/resume`);

// Pause and resume, with Undo. `row`: a function that gives the queue.
export function pauseAct(row, { after, isSmall = false, obstacle }) {
  const name = () => row().queue_name, isPaused = () => row().paused;
  return act({
    label: () => (isPaused() ? "Resume" : "Pause"), icon: () => (isPaused() ? "play" : "pause"), isSmall, name: () => `${isPaused() ? "Resume" : "Pause"} ${name()}`,
    words: ["queues:write"], after, obstacle,
    run: async () => {
      const was = isPaused(), reason = row().paused_reason;
      await (was ? resume(name()) : pause(name()));
      return { was, reason };
    },
    done: ({ was }) => `${name()} ${was ? "goes on" : "is paused"}`,
    undo: ({ was, reason }) => (was ? pause(name(), reason) : resume(name())),
  });
}

// Why it was paused is asked for afterwards: nobody is kept from pausing.
export const pausedNote = (row, { after, who }) => () => {
  const { paused, paused_reason: why, paused_at: at, queue_name: name } = row();
  return paused && [() => who(name, at) ?? (at && sinceText(at)), " ", why ? el.bdi({ title: why }, `“${why}”`) : sayWhy(name, after)];
};

const sayWhy = (name, after) => menu({ label: "say why", class: "btn link", picture: null }, close => form({
  onsubmit: event => {
    event.preventDefault();
    const reason = event.target.elements[0].value.trim();
    close();
    pause(name, reason).then(after);
  },
}, input({ class: "text", maxlength: 500, placeholder: "warehouse is down", "aria-label": `Why is ${name} paused?`, autofocus: "" }), button({ class: "btn", type: "submit" }, "Save")));

// For a table of queues: `p` presses what stands at the end of the row.
export const pauseKey = { p: ["Pause or resume", name => document.querySelector(`tr[data-id="${CSS.escape(name)}"] .acts-cell button`)?.click()] };

// What waits for its time, for another attempt, for a parent.
export const heldOf = it => it.scheduled + it.retrying + it.blocked;
export const heldText = it => [["scheduled", "scheduled"], ["retrying", "for another attempt"], ["blocked", "for a parent"]].filter(([name]) => it[name]).map(([name, words]) => `${count(it[name])} ${words}`).join(", ");

const CONCERNS = { no_worker: "no worker", breaker_open: "breaker open", failing: "failing", stalled: "stands still" };

// `isWhole`: with what is held back.
export function queueColumns({ after, spark, isWhole = false }) {
  const of = row => () => row.value, who = whoPaused("queue");
  return [
    { label: "Queue", sort: "name", class: "fill", cell: (row, name) => span({ class: "row named" }, a({ href: link(["queues", name]), title: name }, name), () => row.value.paused && status("paused"),
      () => row.value.attention.filter(it => CONCERNS[it]).map(it => span({ class: "status", "data-s": "warn" }, icon("warn"), CONCERNS[it])), span({ class: "by clip" }, pausedNote(of(row), { after, who }))) },
    { label: "Waiting", class: "num", cell: row => [span({ class: "on-card quiet" }, "waiting "), span(() => count(row.value.waiting))] },
    isWhole && { label: "Held back", class: "num hide", cell: row => () => span({ title: heldText(row.value) }, count(heldOf(row.value))) },
    { label: "Oldest", class: "num hide", cell: row => () => (row.value.oldest_waiting_at ? sinceText(row.value.oldest_waiting_at) : "–") },
    { label: "Running", class: "num hide", cell: row => () => [count(row.value.processing), row.value.max_concurrency ? span({ class: "quiet" }, `/${count(row.value.max_concurrency)}`) : null] },
    { label: "Done/min", class: "num hide", cell: row => () => perMinute(row.value.completed_per_min) },
    spark && { label: "30 min", class: "hide", cell: row => () => spark(row.value.spark) },
    { label: "Failed", class: "num hide", cell: row => () => {
      const share = failedShare(row.value);
      return share == null ? "–" : span({ class: share > FAILED_MANY ? "status num" : "num", "data-s": share > FAILED_MANY ? "warn" : null }, percent(share));
    } },
    { label: "p95", class: "num hide", cell: row => () => duration(row.value.p95_ms) },
    { label: "Dead", class: "num hide", cell: (row, name) => () => (row.value.deadletter ? a({ href: link("dead", { queue: name }) }, count(row.value.deadletter)) : "0") },
    { label: "Empty in", class: "num hide", cell: row => () => (row.value.waiting === 0 ? "" : row.value.drain_seconds == null ? "–" : duration(row.value.drain_seconds * 1000)) },
    // One line on a phone: what decides whether one has to get up.
    { label: "In short", isUnsaid: true, class: "second on-card-cell", cell: row => () => span({ class: "quiet" }, short(row.value)) },
    { label: "Pause", isUnsaid: true, class: "acts-cell", cell: row => pauseAct(of(row), { after, isSmall: true }) },
  ].filter(Boolean);
}

function short(it) {
  const share = failedShare(it);
  return [
    share ? `${percent(share)} failed` : null, it.oldest_waiting_at ? `oldest ${sinceText(it.oldest_waiting_at)}` : null,
    it.deadletter ? `${count(it.deadletter)} dead` : null, it.waiting && it.drain_seconds ? `empty in ${duration(it.drain_seconds * 1000)}` : null,
  ].filter(Boolean).join(" · ");
}
