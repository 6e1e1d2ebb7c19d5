// The server's time, and the one tick that everything shown as "4 s ago" shares.

import { onDispose, signal } from "./signal.js";

// Smaller differences are the way of the answer; a larger one is another clock, or a clock of a test.
const DRIFT_MS = 1500;

let offset = 0;

export const now = signal(Date.now()); // the server's, once a second while the page is seen
export const nowMs = () => Date.now() + offset;

// What a frame or an answer said its time is.
export function learn(at) {
  const theirs = typeof at === "number" ? at : Date.parse(at);
  if (!Number.isFinite(theirs) || Math.abs(theirs - nowMs()) < DRIFT_MS) return;
  offset = theirs - Date.now();
  now.value = nowMs();
}

setInterval(() => {
  if (!document.hidden) now.value = nowMs();
}, 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now.value = nowMs();
});

// Call again and again while the page is seen; at once when it is seen again. Ends with the scope.
export function every(seconds, act) {
  let last = Date.now();
  const look = () => {
    if (document.hidden || Date.now() - last < seconds * 1000) return;
    last = Date.now();
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
export const fixedRange = name => (rangeMs(name) ? `${rangeOf(name).after}/${new Date(nowMs()).toISOString()}` : null);
