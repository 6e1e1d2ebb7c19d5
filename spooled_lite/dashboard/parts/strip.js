// The next 24 hours of all schedules: a line each, a tick where it fires.
//
//   const it = strip({ queue: () => null });      it.panel, it.read()
//   linesOf(slots)        [{ id, name, queue, at: [ms], isOften }], those that fire first above
//
// One that fires more often than every hour is a band: its ticks would run into each other, and the server tells no
// more than EACH of them. It stands still between two reads, so that a line never moves while one looks at it.

import { getWhole } from "../lib/api.js";
import { now, nowMs } from "../lib/clock.js";
import { el, list, when as either, sheet } from "../lib/dom.js";
import { agoText, count, dayText, hourText, plural } from "../lib/format.js";
import { visible } from "../lib/json.js";
import { link, queryOf, setQuery } from "../lib/router.js";
import { computed } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import "./drawn.js";
import { panel } from "./panel.js";
import { shown } from "./states.js";

await sheet("strip.css");

const { a, button, div, i, li, ol, p, span } = el;
const HOURS = 24, HOUR_MS = 36e5, DAY_MS = HOURS * HOUR_MS;
const EACH = HOURS + 1, LIMIT = 500, LINES = 8, TICK_HOURS = 3, SPOKEN = 4;

export function linesOf(slots) {
  const lines = new Map();
  for (const { at, schedule_id: id, name, queue_name: queue } of slots) {
    if (!lines.has(id)) lines.set(id, { id, name, queue, at: [] });
    lines.get(id).at.push(Date.parse(at));
  }
  return [...lines.values()].map(it => ({ ...it, isOften: it.at.length === EACH }));
}

export function strip({ queue }) {
  const slots = resource(async ending => {
    const from = nowMs(), answer = await getWhole("/schedules/upcoming", { hours: HOURS, limit: LIMIT, each: EACH }, { signal: ending });
    const found = JSON.parse(answer.text), isCut = answer.headers.get("x-has-more") === "true";
    return { from, until: isCut && found.length ? Date.parse(found.at(-1).at) : from + DAY_MS, isCut, lines: linesOf(found) };
  });
  const it = () => slots.data.value, all = queryOf("lines");
  const lines = computed(() => (it()?.lines ?? []).filter(line => !queue() || line.queue === queue()));
  const place = ms => `${((100 * (ms - it().from)) / DAY_MS).toFixed(2)}%`, length = ms => `${((100 * ms) / DAY_MS).toFixed(2)}%`;
  const told = line => (line.isOften ? "more than once an hour" : `${plural(line.at.length, "time")}: ${line.at.slice(0, SPOKEN).map(hourText).join(", ")}${line.at.length > SPOKEN ? ", …" : ""}`);
  // Whole hours, each third of them by the clock of the reader, so that they are those one has in mind.
  const hours = () => Array.from({ length: HOURS }, (_, n) => Math.ceil(it().from / HOUR_MS + n) * HOUR_MS)
    .filter(ms => Number.parseInt(hourText(ms), 10) % TICK_HOURS === 0);
  const track = line => span({ class: "track", role: "img", "aria-label": () => told(line()) },
    () => hours().map(ms => i({ class: "hour", style: { left: place(ms) } })),
    () => (line().isOften ? i({ class: "often", style: { left: place(line().at[0]), right: 0 } }) : line().at.map(ms => i({ class: "tick", title: dayText(ms), style: { left: place(ms) } }))),
    () => it().isCut && !line().isOften && i({ class: "unknown", style: { left: place(it().until), width: length(it().from + DAY_MS - it().until) } }));
  return {
    read: slots.read,
    panel: panel("Next 24 hours", { class: "strip", note: () => it()?.isCut && lines.value.length > 0 && `the first ${count(LIMIT)} times, up to ${hourText(it().until)}` }, shown(slots, () => [
      ol({ class: "lane pad" },
        li({ class: "axis", "aria-hidden": "true" }, span({ class: "of" }), span({ class: "times" }, () => hours().map(ms => span({ style: { left: place(ms) } }, hourText(ms)))), span()),
        list(() => (all.value ? lines.value : lines.value.slice(0, LINES)), line => line.id, (row, id) => li(
          a({ class: "of clip", href: link(["schedules", id]) }, visible(row.peek().name)), track(() => row.value),
          span({ class: "end nowrap" }, () => agoText(row.value.at.find(ms => ms > now.value) ?? now.value),
            () => (row.value.isOften || row.value.at.length > 1) && span({ class: "quiet" }, row.value.isOften ? "often" : `${count(row.value.at.length)} times`))))),
      either(() => lines.value.length > LINES, () => div({ class: "pad" }, button({ class: "btn link", "aria-expanded": () => String(Boolean(all.value)), onclick: () => setQuery({ lines: all.peek() ? null : "all" }) }, () => (all.value ? "Fewer" : `All ${count(lines.value.length)}`)))),
    ], { what: "what comes next", word: "schedules:read", lines: 4, isEmpty: () => !lines.value.length, empty: () => p({ class: "pad quiet" }, "None fires in the next 24 hours.") })),
  };
}
