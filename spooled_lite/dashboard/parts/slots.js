// When a cron rule fires: its words, what is wrong in it, its next slots with what the clock does to them.
//
//   const cron = signal("30 2 * * *"), zone = signal("UTC");
//   ruleFields({ cron, zone })        the two inputs, the words, the wrong word marked
//   ruleSlots({ cron, zone })         its next slots, by POST /schedules/preview
//   slotList(() => slots, () => cron, () => zone)     slots that have been read

import { send } from "../lib/api.js";
import { clockMarks, readCron } from "../lib/cron.js";
import { el, when as either } from "../lib/dom.js";
import { agoText, stampText } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { computed, effect, onDispose } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import "./drawn.js";
import { field } from "./panel.js";
import { failure, skeleton } from "./states.js";

const { button, datalist, div, input, li, mark, ol, option, p, span, time } = el;
const REST_MS = 250; // after the last key
const SLOTS = 20;
const ZONES = "zones";

// A time as it is in a zone: "Sat 29 Nov 02:30 EST".
export function inZone(at, zone, { isShort = false } = {}) {
  try {
    const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" }).formatToParts(new Date(at));
    const { weekday, day, month, hour, minute, second, timeZoneName } = Object.fromEntries(parts.map(it => [it.type, it.value]));
    const clock = `${hour}:${minute}${second === "00" ? "" : `:${second}`}`;
    return isShort ? clock : `${weekday} ${day} ${month} ${clock} ${timeZoneName}`;
  } catch {
    return stampText(at); // a zone that this browser does not know
  }
}

const isZone = name => {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
};

// An expression with the place of its error marked, or in words.
export const inWords = cron => () => {
  const { words, error } = readCron(cron());
  if (!error) return span(words);
  const { from, to, message } = error, text = cron();
  return span({ class: "refused" }, icon("warn"), span(span({ class: "mono" }, text.slice(0, from), mark(text.slice(from, to) || " "), text.slice(to)), ` ${message}`));
};

export function ruleFields({ cron, zone }) {
  const text = input({ class: "mono", value: cron, maxlength: 100, spellcheck: "false", autocomplete: "off", autocapitalize: "off", placeholder: "30 2 * * *", required: true, oninput: event => { cron.value = event.target.value; } });
  const place = input({ value: zone, list: ZONES, autocomplete: "off", spellcheck: "false", placeholder: "UTC", oninput: event => { zone.value = event.target.value.trim(); } });
  return div({ class: "form" },
    div({ class: "two" },
      field("Cron expression", text, { hint: "Minute hour day month weekday; six with seconds first; or @daily" }),
      field("Time zone", place, { hint: "Such as America/New_York", error: () => (zone.value && !isZone(zone.value) ? "This browser knows no such zone" : null) })),
    datalist({ id: ZONES }, Intl.supportedValuesOf("timeZone").map(value => option({ value }))),
    p({ class: "row", role: "status" }, inWords(() => cron.value)));
}

export function ruleSlots({ cron, zone }) {
  const rule = computed(() => JSON.stringify([cron.value.trim(), zone.value || "UTC"]));
  const slots = resource(ending => {
    const [cron_expression, timezone] = JSON.parse(rule.peek());
    return send("POST", "/schedules/preview", { cron_expression, timezone, count: SLOTS }, { signal: ending });
  }, { isRead: false });
  let timer = 0;
  effect(() => {
    const [text] = JSON.parse(rule.value);
    clearTimeout(timer);
    if (!readCron(text).error) timer = setTimeout(slots.read, slots.at.peek() ? REST_MS : 0);
  });
  onDispose(() => clearTimeout(timer));
  const isOf = it => it.cron_expression === cron.value.trim() && it.timezone === (zone.value || "UTC");
  return div({ "aria-busy": () => String(slots.state.value === "loading") },
    either(() => slots.error.value, () => () => slots.error.value && failure(slots.error.value, { what: "the slots", word: "schedules:read", again: slots.read })),
    either(() => slots.data.value && !slots.error.value, () => div({ class: () => (isOf(slots.data.value) ? "" : "quiet") }, slotList(() => slots.data.value.slots, () => slots.data.value.cron_expression, () => slots.data.value.timezone))),
    either(() => !slots.data.value && !slots.error.value, () => () => (readCron(cron.value).error ? p({ class: "pad quiet" }, "They appear here once the expression is complete.") : skeleton(8))));
}

export function slotList(slots, cron, zone) {
  const marks = computed(() => clockMarks(slots(), readCron(cron())));
  return () => (slots().length ? ol({ class: "slots" }, slots().map((it, n) => li(
    time({ class: "num", datetime: it.utc, title: stampText(it.utc) }, inZone(it.utc, zone())),
    span({ class: "quiet num" }, () => agoText(it.utc)),
    marks.value[n] && span({ class: "status", "data-s": ["gap", "repeat"].includes(marks.value[n].kind) ? "retrying" : "pending" }, icon("clock"), span(marks.value[n].text))))) : p({ class: "pad quiet" }, "It never fires: there is no such time."));
}

// Rules to begin with.
export const EXAMPLES = [["*/15 * * * *", "every 15 minutes"], ["0 9 * * MON-FRI", "mornings of working days"], ["30 2 * * *", "at night"], ["0 0 1 * *", "monthly"], ["*/10 * * * * *", "every 10 seconds"]];
export const examples = cron => div({ class: "row" }, EXAMPLES.map(([text, words]) => button({ class: "chip", title: text, onclick: () => { cron.value = text; } }, words)));
