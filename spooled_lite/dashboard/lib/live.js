// What the page shows, kept up to date: one stream, at most four paints a second, polling when it has to.
//
//   const it = live({ events: "job.created,job.status", query: { queue }, paint(frames) {}, read() {} });
//
// `paint` gets [{ kind, data }], the last of each kind of each job, queue or worker, in order. `read` is
// called when frames may be missing: after a break, while polling, while and after it is busy, after it was hidden. `query`
// may be a function of signals: then it is opened anew. Ends with the scope; `isTail`: every frame, none merged.

import { budget, reachable } from "./api.js";
import { every } from "./clock.js";
import { state as session } from "./session.js";
import { openStream } from "./stream.js";
import { batch, computed, effect, onDispose, signal, untracked } from "./signal.js";

const PAINT_MS = 250, PAINT_BUSY_MS = 1000, WAITING_MANY = 200;
const WAITING_MAX = 5000; // while nothing may be painted: then the oldest are read instead
const BUSY_PER_SECOND = 300, BUSY_SECONDS = 3, BUSY_READ_SECONDS = 5, BUSY_REST_MS = 30_000;
const POLL_SECONDS = 10, POLL_SLOW_SECONDS = 30;
const BREAKS_MAX = 3, BREAKS_MS = 60_000;

const stream = signal("none"); // none, connecting, live, busy, polling
export const held = signal(false); // by the person: `z`
export const mark = computed(() => {
  if (!reachable.value) return "offline";
  return held.value && stream.value !== "none" ? "held" : stream.value;
});

let isPointerDown = false, isComposing = false;
const listen = (kinds, act) => kinds.forEach(kind => addEventListener(kind, act, { capture: true, passive: true }));
listen(["pointerdown"], () => { isPointerDown = true; });
listen(["pointerup", "pointercancel", "blur"], () => { isPointerDown = false; });
listen(["compositionstart"], () => { isComposing = true; });
listen(["compositionend"], () => { isComposing = false; });

// Nothing moves under a hand.
function mayPaint() {
  const isSelecting = !(getSelection()?.isCollapsed ?? true);
  return !held.peek() && !isPointerDown && !isComposing && !isSelecting && !document.querySelector("[popover]:popover-open");
}

const subject = ({ kind, data }) =>
  `${kind} ${data.job_id ?? data.workflow_id ?? data.worker_id ?? data.schedule_id ?? data.queue_name ?? ""}`;

export function live({ path = "/events", events = "", query = {}, paint, read, isTail = false }) {
  let close = () => {}, timer = 0, breaks = [], seconds = [], isBusy = false, isOver = false;
  let waiting = new Map(), number = 0, paintedAt = 0, isCut = false, wasOpen = false;

  function open() {
    close();
    // Six connections are there for all tabs: who is unseen holds none.
    if (document.hidden) return void (wasOpen = true);
    const names = isBusy ? "queue.stats" : events, filters = typeof query === "function" ? query() : query;
    const stop = openStream(path, { ...filters, ...(names && { events: names }) }, { onFrame, onState, onGap: () => read?.(), isAgain: wasOpen });
    wasOpen = true;
    close = () => (stop(), (close = () => {}));
  }

  function onState(state) {
    if (state === "live") stream.value = isBusy ? "busy" : "live";
    if (state === "connecting" && stream.peek() === "none") stream.value = "connecting";
    if (state === "refused") stream.value = "polling";
    if (state !== "broken") return;
    breaks = [...breaks.filter(at => at > Date.now() - BREAKS_MS), Date.now()];
    stream.value = breaks.length >= BREAKS_MAX ? "polling" : stream.peek() === "polling" ? "polling" : "connecting";
  }

  function onFrame(kind, data) {
    if (kind === "system.health" || kind === "ping") return;
    const frame = { kind, data }, name = isTail ? number++ : subject(frame);
    waiting.delete(name);
    waiting.set(name, frame);
    if (waiting.size > WAITING_MAX) isCut = waiting.delete(waiting.keys().next().value);
    if (!isBusy) measure();
    timer ||= setTimeout(look, PAINT_MS);
  }

  function look() {
    const early = waiting.size > WAITING_MANY ? paintedAt + PAINT_BUSY_MS - Date.now() : 0;
    timer = early > 0 || !mayPaint() ? setTimeout(look, PAINT_MS) : 0;
    if (timer) return;
    const frames = [...waiting.values()];
    [waiting, paintedAt] = [new Map(), Date.now()];
    batch(() => paint?.(frames));
    if (isCut) read?.();
    isCut = false;
  }

  // More than can be shown: the list is read now and then instead.
  function measure() {
    const at = Math.floor(Date.now() / 1000);
    if (seconds[0]?.at !== at) seconds = [{ at, n: 0 }, ...seconds.slice(0, BUSY_SECONDS)];
    seconds[0].n++;
    const whole = seconds.slice(1);
    if (whole.length < BUSY_SECONDS || whole.some(each => each.n < BUSY_PER_SECOND)) return;
    isBusy = true;
    seconds = [];
    setTimeout(() => { isBusy = false; if (!isOver) open(); }, BUSY_REST_MS);
    open();
  }

  let lastPoll = Date.now();
  every(BUSY_READ_SECONDS, () => {
    const state = stream.peek(), isScarce = budget.remaining < budget.limit / 5;
    const pause = state === "busy" ? BUSY_READ_SECONDS : isScarce ? POLL_SLOW_SECONDS : POLL_SECONDS;
    if (held.peek() || (state !== "busy" && state !== "polling") || Date.now() - lastPoll < pause * 1000 - 500) return;
    lastPoll = Date.now();
    read?.();
  });
  document.addEventListener("visibilitychange", open);
  // Who signs in again over the page goes on where it was.
  let wasLost = false;
  effect(() => {
    if (session.value === "lost") wasLost = true;
    else if (wasLost) [wasLost] = [false, untracked(open)];
  });
  let asked = "";
  effect(() => {
    const now = JSON.stringify(typeof query === "function" ? query() : query);
    if (now === asked) return;
    asked = now;
    untracked(open);
  });
  onDispose(() => {
    isOver = true;
    close();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", open);
    stream.value = "none";
  });
  return { again: open };
}
