// Attempts a minute, and how long they take: the two charts of Home and of a queue, over one axis.
//
//   const it = series({ queue: () => null });      reads GET /dashboard/series for the range in the address
//   it.charts, it.read()

import { get } from "../lib/api.js";
import { nowMs, rangeMs, RANGES } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count, dayText, span as duration } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { queryOf, setQuery } from "../lib/router.js";
import { reading, resource } from "../lib/store.js";
import { chart, crosshair, spark } from "./chart.js";
import { choice, menu } from "./menu.js";
import { panel } from "./panel.js";
import { shown } from "./states.js";

const { div, button, span } = el;
const USUAL = "1h";

export function series({ queue = () => null } = {}) {
  const range = queryOf("range"), begin = queryOf("from"), end = queryOf("to");
  const asked = () => (begin.value && end.value
    ? { queue: queue(), from: begin.value, to: end.value }
    : { queue: queue(), from: new Date(nowMs() - (rangeMs(range.value) ?? rangeMs(USUAL))).toISOString() });
  const it = resource(ending => get("/dashboard/series", asked(), { signal: ending }));
  reading(() => [queue(), range.value, begin.value, end.value], it.read);

  const words = () => (begin.value ? `${dayText(begin.value)} to ${dayText(end.value)}` : RANGES.find(([name]) => name === (range.value || USUAL))?.[1]);
  const chooser = menu({ label: words, name: "Range of the charts", class: "btn" }, close => RANGES.map(([name, text]) =>
    choice({ label: text, isChosen: !begin.peek() && (range.peek() || USUAL) === name, onclick: () => (close(), setQuery({ range: name === USUAL ? null : name, from: null, to: null })) })));
  const reset = () => begin.value && button({ class: "btn plain only", title: "The last hour", "aria-label": "The last hour", onclick: () => setQuery({ from: null, to: null }) }, icon("close"));

  const s = () => it.data.value, over = crosshair();
  const onrange = (first, last) => setQuery({ from: new Date(first).toISOString(), to: new Date(last).toISOString(), range: null });
  const per = () => (s().step_seconds === 60 ? "a minute" : `in ${duration(s().step_seconds * 1000)}`);
  const marks = () => s().marks.map(({ at, kind, text }) => ({ at, text: kind === "started" ? `the server was started (${text})` : `${text} ${kind}` }));
  const one = (title, note, make, more) => panel(title, { note, more }, div({ class: "pad" }, shown(it, make, { what: "the chart", word: "jobs:read", lines: 4 })));
  return {
    read: it.read, data: it.data,
    charts: div({ class: "grid even" },
      one("Attempts", () => s() && per(), () => chart({
        label: "Attempts", at: () => s().at, over, onrange, marks,
        stacks: () => [["completed", "completed", "completed"], ["will retry", "retrying", "failed"], ["dead", "deadletter", "deadlettered"]].map(([name, tone, key]) => ({ name, tone, values: s()[key] })),
        lines: () => [{ name: "created", tone: "created", values: s().created }], format: count,
      }), [chooser, reset]),
      one("From claim to completion", null, () => chart({
        label: "From claim to completion", at: () => s().at, over, onrange, marks,
        lines: () => ["p50", "p95", "p99"].map(name => ({ name, tone: name, values: s().duration_ms[name] })), format: duration,
      }))),
  };
}

export { spark };
