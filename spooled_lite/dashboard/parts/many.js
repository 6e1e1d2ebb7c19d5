// Acts on many: counted first, then done in steps that can be stopped. C and D of docs/dashboard.md.
//
//   many({ title: n => `Retry ${n} dead letters?`, verb: "Retry", done: n => `${n} retried`,
//          count: () => …, step: (counted, cursor) => …, after: () => jobs.read() })
//   manyJobs({ action: "retry", filter: { queue_name, statuses }, jobIds, all, … })     by POST /jobs/actions
//
// `count` gives { matched, eligible, is_exact, by_queue, by_type, oldest_at, sample }, `step` gives
// { done, skipped: { reason: n }, cursor }. `one(id)` offers "Retry 1 first", and may give another job to follow.
// `typed`: what has to be typed; a function is given the number.

import { ApiError, send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count as written, plural, shortId } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { openStream } from "../lib/stream.js";
import { openDialog } from "./dialog.js";
import { when } from "./panel.js";
import { refused, skeleton } from "./states.js";
import { toast } from "./toast.js";

const { div, p, button, ul, li, span, b, label, input, i, a } = el;
const ENDS = new Set(["completed", "failed", "deadletter", "cancelled"]);
const GROUPS_MAX = 8; // shown of queues and of types

export function many({ title, verb, noun = "job", done = n => `${plural(n, noun)}: done`, about, isDanger = false, typed: word, one, count, step, after = () => {} }) {
  const counted = signal(null), error = signal(null), first = signal(null);
  const progress = signal(null); // { done, skipped, isOver }
  let isStopped = false, closeStream = () => {};

  const number = () => counted.value.eligible ?? counted.value.matched;
  const words = () => `${written(number())}${counted.value.is_exact === false ? " or more" : ""}`;

  const acts = (...all) => div({ class: "acts" }, all);
  const back = (close, text = "Back") => button({ class: "btn", ref: focused, onclick: close }, text);

  openDialog({
    title: () => (counted.value ? title(words()) : `${verb}: counting`),
    onClose: () => (isStopped = true, closeStream()),
    body: close => {
      count().then(it => { counted.value = it; }, fail);
      return () => {
        if (progress.value) return running(close);
        if (error.value) return [refused(error.value), acts(back(close))];
        return counted.value ? asking(close) : [skeleton(3), acts(back(close))];
      };
    },
  });

  function fail(reason) {
    if (!(reason instanceof ApiError)) throw reason;
    error.value = reason;
  }

  function asking(close) {
    if (!number()) return [p("Nothing to do: none of them is in a state that allows it."), acts(back(close))];
    const typed = typeof word === "function" ? word(number()) : word;
    const text = signal(""), mayGo = () => !typed || text.value.trim() === String(typed);
    const by = group => Object.entries(group ?? {}).slice(0, GROUPS_MAX).map(([name, n]) => li({ class: "chip" }, name || "no type", span({ class: "num" }, written(n))));
    return [
      p({ class: "quiet" }, about?.(counted.value), " What arrives after this count is left out."),
      ul({ class: "row" }, by(counted.value.by_queue), by(counted.value.by_type),
        counted.value.oldest_at && li({ class: "chip" }, "oldest ", when(counted.value.oldest_at))),
      typed && label({ class: "field" }, span("Type ", b({ class: "mono" }, String(typed)), " to go on"),
        input({ class: "text", oninput: event => { text.value = event.target.value; }, autocomplete: "off", "aria-label": `Type ${typed} to go on` })),
      () => first.value && sample(first.value),
      acts(
        button({ class: `btn ${isDanger ? "danger" : "main-act"}`, disabled: () => !mayGo(), onclick: run }, `${verb} ${words()} ${number() === 1 ? noun : `${noun}s`}`),
        one && number() > 1 && !first.value ? button({ class: "btn", disabled: () => !mayGo(), onclick: tryOne }, `${verb} 1 first`) : null,
        back(close)),
    ];
  }

  // One goes ahead: how it fares is known before the others follow.
  async function tryOne() {
    const id = counted.peek().sample?.[0]?.id ?? counted.peek().sample?.[0];
    if (!id) return;
    first.value = { id, state: "pending" };
    try {
      const made = await one(id);
      if (made?.id) first.value = { ...first.peek(), id: made.id };
    } catch (reason) {
      first.value = null;
      fail(reason);
      return;
    }
    closeStream = openStream(`/events/jobs/${first.peek().id}`, {}, {
      onState: () => {}, onGap: () => {},
      onFrame: (kind, data) => {
        if (kind === "job.failed") first.value = { ...first.peek(), error: data.error };
        if (kind !== "job.status") return;
        first.value = { ...first.peek(), state: data.new_status, isOver: ENDS.has(data.new_status) };
        if (ENDS.has(data.new_status)) closeStream();
      },
    });
  }

  const sample = it => p({ role: "status" }, a({ href: link(["jobs", it.id]), class: "mono" }, shortId(it.id)), " ", status(it.state),
    it.isOver ? (it.state === "completed" ? " It went well." : ` ${it.error ?? ""}`) : it.error ? ` failed again: ${it.error}` : " …");

  async function run() {
    const sum = { done: 0, skipped: {}, isOver: false };
    let cursor;
    progress.value = sum;
    try {
      do {
        const part = await step(counted.peek(), cursor);
        cursor = part.cursor;
        const skipped = { ...progress.peek().skipped };
        for (const [reason, n] of Object.entries(part.skipped ?? {})) skipped[reason] = (skipped[reason] ?? 0) + n;
        progress.value = { done: progress.peek().done + part.done, skipped, isOver: false };
      } while (cursor && !isStopped);
    } catch (reason) {
      fail(reason);
    }
    progress.value = { ...progress.peek(), isOver: true, isStopped: isStopped && Boolean(cursor) };
    if (!error.peek()) toast(done(progress.peek().done));
    after();
  }

  function running(close) {
    const it = progress.value, share = Math.min(1, (it.done + sumOf(it.skipped)) / Math.max(1, number()));
    return [
      div({ class: "progress", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": number(), "aria-valuenow": it.done, "aria-label": verb }, i({ style: { "--part": `${Math.round(share * 100)}%` } })),
      p(b(written(it.done)), ` of ${words()} done`, it.isStopped ? ", then stopped" : it.isOver ? "." : " …"),
      ul(Object.entries(it.skipped).map(([reason, n]) => li({ class: "quiet" }, `${written(n)} left as they are: ${reason.replaceAll("_", " ")}`))),
      error.value && refused(error.value),
      it.isOver ? acts(back(close, "Close")) : acts(button({ class: "btn danger", ref: focused, onclick: () => { isStopped = true; } }, icon("stop"), "Stop")),
    ];
  }
}

// What is asked anew is answered by the way back until one chooses.
const focused = node => queueMicrotask(() => node.focus());
const sumOf = it => Object.values(it).reduce((sum, n) => sum + n, 0);

// By POST /jobs/actions: the server counts, and keeps what arrives later out.
export function manyJobs({ action, filter = null, jobIds = null, all = false, priority, ...more }) {
  const body = { action, filter, job_ids: jobIds, all, ...(priority != null && { priority }) };
  const call = (rest, given = body) => send("POST", "/jobs/actions", { ...given, ...rest });
  many({
    count: () => call({ dry_run: true }),
    step: (counted, cursor) => call({ dry_run: false, until: counted.until, cursor }),
    ...(action === "retry" && { one: id => call({ dry_run: false }, { action, job_ids: [id] }) }),
    ...more,
  });
}
