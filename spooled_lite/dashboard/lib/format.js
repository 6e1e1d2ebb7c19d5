// Numbers, durations and times as they are shown. Those ending in `Text` read signals: give them as a child.

import { now } from "./clock.js";
import { zone } from "./prefs.js";

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const UNITS = [["d", 864e5], ["h", 36e5], ["min", 6e4], ["s", 1e3]];
const DAY_MS = 864e5;
export const NONE = "–";

export const count = n => (n == null ? NONE : WHOLE.format(n)); // 1,284,301
export const short = n => (n == null ? NONE : n < 100_000 ? WHOLE.format(n) : SHORT.format(n)); // 1.3M
export const percent = share => (share == null ? NONE : `${share > 0 && share < 0.01 ? "< 1" : Math.round(share * 100)} %`);
export const shortId = id => (id ? String(id).slice(0, 8) : NONE);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  if (n == null) return NONE;
  if (n < 1024) return plural(n, "byte");
  const unit = n < 1024 ** 2 ? 1 : n < 1024 ** 3 ? 2 : 3;
  return `${(n / 1024 ** unit).toFixed(n / 1024 ** unit < 10 ? 1 : 0)} ${["", "KiB", "MiB", "GiB"][unit]}`;
}

// Two units at most: 640 ms, 4.1 s, 12 s, 1 h 31 min.
export function span(ms) {
  if (ms == null || Number.isNaN(ms)) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const i = UNITS.findIndex(([, size]) => ms >= size), [name, size] = UNITS[i];
  const big = Math.floor(ms / size), next = UNITS[i + 1];
  const rest = next ? Math.floor((ms % size) / next[1]) : 0;
  return rest && big < 100 ? `${big} ${name} ${rest} ${next[0]}` : `${big} ${name}`;
}
// Whole seconds: for what counts while one looks at it.
const steady = ms => (ms < 1000 ? "1 s" : ms < 10_000 ? `${Math.floor(ms / 1000)} s` : span(ms));

export const ms = at => (at == null ? null : typeof at === "number" ? at : Date.parse(at));

const formats = new Map();
function written(at, options) {
  const timeZone = zone.value === "utc" ? "UTC" : undefined, name = JSON.stringify([timeZone, options]);
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat("sv-SE", { timeZone, ...options }));
  return formats.get(name).format(at);
}
const DATE = { year: "numeric", month: "2-digit", day: "2-digit" };
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const zoneName = () => (zone.value === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone);
export const hourText = at => written(ms(at), { hour: "2-digit", minute: "2-digit" }); // 03:12
export const clockText = at => written(ms(at), TIME); // 03:12:40
export const dayText = at => { // 29 Nov 03:12; of another year 29 Nov 2025 03:12
  const [year, month, day] = written(ms(at), DATE).split("-"), isNow = written(now.peek(), DATE).startsWith(year);
  return `${Number(day)} ${MONTHS[month - 1]} ${isNow ? "" : `${year} `}${hourText(at)}`;
};
// To the millisecond, for a tooltip or to copy: 2026-11-29 03:12:40.120 UTC
export const stampText = at => {
  if (at == null) return NONE;
  const part = String(new Date(ms(at)).getUTCMilliseconds()).padStart(3, "0");
  return `${written(ms(at), DATE)} ${clockText(at)}.${part} ${zoneName()}`;
};

// "in 4 s", "12 min ago"; a date from a day on.
export function agoText(at) {
  if (at == null) return NONE;
  const away = ms(at) - now.value;
  if (Math.abs(away) >= DAY_MS) return dayText(at);
  if (Math.abs(away) < 1000) return "now";
  return away > 0 ? `in ${steady(away)}` : `${steady(-away)} ago`;
}
// How long since, or until when given both.
export const sinceText = (from, to) => (from == null ? NONE : steady(Math.max(0, (to == null ? now.value : ms(to)) - ms(from))));
