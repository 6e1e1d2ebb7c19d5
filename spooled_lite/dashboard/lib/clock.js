// The server's time, and the one tick that everything shown as "4 s ago" shares.

import { onDispose, signal } from "./signal.js";

// Smaller differences are the way of the answer; a larger one is another clock, or a clock of a test.
const DRIFT_MS = 1500;

let base = Date.now(), since = base;

export const pace = signal(null); // in test mode: how many of its seconds pass in one; 0: it stands
export const now = signal(base); // the server's, once a second while the page is seen
export const nowMs = () => base + (Date.now() - since) * (pace.peek() ?? 1);

// What a frame or an answer said its time is; in test mode to the millisecond, with a pace.
export function learn(at, rate) {
  const theirs = typeof at === "number" ? at : Date.parse(at);
  if (!Number.isFinite(theirs) || (rate == null && Math.abs(theirs - nowMs()) < DRIFT_MS)) return;
  [base, since] = [theirs, Date.now()];
  if (rate != null) pace.value = rate;
  now.value = theirs;
}

setInterval(() => {
  if (!document.hidden) now.value = nowMs();
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = nowMs();
});

// Calls within `ms` of the first are one, and none comes after the page.
export function gathered(run, ms = 2000) {
  let timer = 0;
  onDispose(() => clearTimeout(timer));
  return () => { timer ||= setTimeout(() => { timer = 0; run(); }, ms); };
}

// Call again and again while the page is seen; at once when it is seen again, or time was moved. Ends with the scope.
export function every(seconds, act) {
  let last = Date.now(), seen = nowMs();
  const look = () => {
    if (document.hidden || Math.max(Date.now() - last, Math.abs(nowMs() - seen)) < seconds * 1000) return;
    [last, seen] = [Date.now(), nowMs()];
    act();
  };
  const timer = setInterval(look, Math.min(seconds * 1000, 1000));
  document.addEventListener("visibilitychange", look);
  onDispose(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  });
}

// The ranges of time one can look at. In an address it stays relative ("1h"); fixed it is two times with "/" between.
export const RANGES = [["1h", "last hour", 36e5], ["6h", "last 6 hours", 216e5], ["24h", "last 24 hours", 864e5], ["7d", "last 7 days", 6048e5], ["35d", "last 35 days", 3024e6]];
export const rangeMs = name => RANGES.find(each => each[0] === name)?.[2];
export function rangeOf(name) {
  const [after, before = null] = name.split("/");
  return { after: rangeMs(name) ? new Date(nowMs() - rangeMs(name)).toISOString() : after || null, before };
}
