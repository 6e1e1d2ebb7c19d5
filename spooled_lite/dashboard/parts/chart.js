// Time series as SVG over one axis: bars that stack, lines that differ by their dashes. At most 240 points.
//
//   const over = crosshair();                 one for all charts of a page: they show the same moment
//   chart({ label: "Attempts per minute", at: () => s.at, over, onrange,
//     stacks: () => [{ name: "completed", tone: "completed", values: s.completed }],
//     lines: () => [{ name: "created", tone: "created", values: s.created }],
//     marks: () => [{ at, text: "paused" }], format: count })
//
// Times in seconds or milliseconds, or as text. null is a gap, not a zero. Tones of bars: completed, retrying,
// deadletter; of lines: created, p50, p95, p99. Arrow keys walk, `m` marks an end of a range, a drag marks both:
// onrange(fromMs, toMs). Its values stand in the legend, and in a table for whoever asks for it.

import { el, list, svg, when } from "../lib/dom.js";
import { clockText, count, dayText, hourText } from "../lib/format.js";
import { computed, onDispose, signal } from "../lib/signal.js";
import "./drawn.js";

const { button, div, figure, i, li, p, span, b, table, tbody, td, th, thead, tr, ul, caption } = el;
const POINTS_MAX = 240;
const HEIGHT = 160, LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 20;
const FIRST_WIDTH = 640, TICK_WIDTH = 88, DRAG_MIN = 6; // pixels
const DAY_MS = 864e5;
const DASHES = { created: "dashed", p50: "solid", p95: "dashed", p99: "dotted" };
const COLOURS = { created: "text", p50: "processing", p95: "scheduled", p99: "deadletter" };

const msOf = at => (typeof at === "number" ? (at < 1e11 ? at * 1000 : at) : Date.parse(at));

// The moment that all charts of a page show, in ms, or null.
export const crosshair = () => signal(null);

// Round numbers from 0 up to what is shown.
export function ticksTo(max, steps = 3) {
  const raw = Math.max(max, 1) / steps, unit = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].find(it => it * unit >= raw) * unit);
  return Array.from({ length: Math.max(1, Math.ceil(max / step)) + 1 }, (_, n) => n * step);
}

export function chart({ label, at, stacks = () => [], lines = () => [], marks = () => [], format = count, over = crosshair(), onrange }) {
  const width = signal(FIRST_WIDTH), from = signal(null), isTable = signal(false);
  const given = computed(() => {
    const times = at().slice(-POINTS_MAX).map(msOf), cut = it => ({ ...it, values: it.values.slice(-POINTS_MAX) });
    return { at: times, stacks: stacks().map(cut), lines: lines().map(cut), marks: marks().map(it => ({ ...it, at: msOf(it.at) })) };
  });
  const all = computed(() => [...given.value.stacks, ...given.value.lines]);
  const here = computed(() => nearest(given.value.at, over.value));
  const axis = computed(() => scale(given.value, width.value));
  const isDays = () => given.value.at.length > 1 && given.value.at.at(-1) - given.value.at[0] > DAY_MS;
  const timeText = ms => (isDays() ? dayText(ms) : hourText(ms));
  const valueText = (it, n) => (it.values[n] == null ? "none" : format(it.values[n]));
  const told = () => (here.value == null ? "" : `${isDays() ? dayText(given.value.at[here.value]) : clockText(given.value.at[here.value])}: ${all.value.map(it => `${it.name} ${valueText(it, here.value)}`).join(", ")}${marksAt(here.value).map(it => `, ${it.text}`).join("")}`);
  const marksAt = n => given.value.marks.filter(it => nearest(given.value.at, it.at) === n);

  function indexAt(event) {
    const box = event.currentTarget.getBoundingClientRect(), { at: times } = given.peek();
    const n = Math.floor((event.clientX - box.left - LEFT) / ((width.peek() - LEFT - RIGHT) / times.length));
    return times.length ? Math.min(times.length - 1, Math.max(0, n)) : null;
  }
  function range(one, other) {
    const { at: times } = given.peek(), step = times.length > 1 ? times[1] - times[0] : 0;
    from.value = null;
    if (onrange && one !== other) onrange(times[Math.min(one, other)], times[Math.max(one, other)] + step);
  }
  let drag = null;
  const pointer = {
    onpointerdown: event => {
      if (!onrange || event.button || event.pointerType === "touch") return;
      drag = { n: indexAt(event), x: event.clientX };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onpointermove: event => {
      const n = indexAt(event);
      if (n != null) over.value = given.peek().at[n];
      if (drag && Math.abs(event.clientX - drag.x) > DRAG_MIN) from.value = drag.n;
    },
    onpointerup: event => {
      if (drag && from.peek() != null) range(from.peek(), indexAt(event));
      drag = null;
    },
    onpointercancel: () => { drag = from.value = null; },
    onpointerleave: () => { if (!drag) over.value = null; },
  };
  function pressed(event) {
    const { at: times } = given.peek(), last = times.length - 1, n = here.peek();
    const to = { ArrowLeft: n == null ? last : n - 1, ArrowRight: n == null ? 0 : n + 1, Home: 0, End: last, PageUp: (n ?? last) - 10, PageDown: (n ?? 0) + 10 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || last < 0) return;
    if (to !== undefined) over.value = times[Math.min(last, Math.max(0, to))];
    else if (event.key === "m" && onrange && n != null) from.peek() == null ? (from.value = n) : range(from.peek(), n);
    else if (event.key === "Escape" && (from.peek() != null || n != null)) from.value = over.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const watch = new ResizeObserver(([entry]) => { if (entry.contentRect.width) width.value = Math.round(entry.contentRect.width); });
  onDispose(() => watch.disconnect());
  const hint = `Arrow keys speak the values${onrange ? ", m marks the ends of a range" : ""}`;
  const live = p({ class: "sr", "aria-live": "polite" });
  let speech = null;
  const speak = () => { clearTimeout(speech); speech = setTimeout(() => { live.textContent = told(); }, 150); };
  onDispose(() => clearTimeout(speech));

  return figure({ class: "chart" },
    div({ class: "plot", tabindex: 0, role: "group", "aria-roledescription": "chart", "aria-label": `${label}. ${hint}`, onkeydown: event => { pressed(event); speak(); }, ...pointer, ref: node => watch.observe(node) },
      svg.svg({ viewBox: () => `0 0 ${width.value} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" },
        () => grid(axis.value, format, timeText),
        () => given.value.stacks.length && bars(given.value, axis.value),
        () => given.value.lines.map(it => svg.path({ class: `l-${it.tone}`, d: linePath(it.values, axis.value) })),
        () => given.value.marks.filter(it => axis.value.within(it.at)).map(it => svg.g({ class: "mark" }, svg.line({ x1: axis.value.xAt(it.at), x2: axis.value.xAt(it.at), y1: TOP, y2: HEIGHT - BOTTOM }), svg.path({ d: `M${axis.value.xAt(it.at) - 4} ${TOP - 6}h8l-4 6z` }), svg.title(it.text))),
        () => all.value.every(it => it.values.every(each => each == null)) && svg.text({ x: () => width.value / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "Nothing in this time"),
        () => chosen(axis.value, from.value, here.value))),
    ul({ class: "legend" }, list(() => all.value, it => it.name, row => li({
      style: () => ({ "--tone": `var(--${COLOURS[row.value.tone] ?? row.value.tone})`, "--fill": given.value.stacks.includes(row.value) ? `var(--fill-${row.value.tone})` : null, "--dash": DASHES[row.value.tone] }),
    }, i({ class: () => (given.value.lines.includes(row.value) ? "line" : "") }), row.peek().name, b({ class: "num" }, () => (here.value == null ? "" : valueText(row.value, here.value))))),
    li({ class: "num at" }, () => (here.value == null ? "" : [timeText(given.value.at[here.value]), marksAt(here.value).map(it => span(`: ${it.text}`))])),
    li({ class: "end" }, button({ class: "btn link", "aria-expanded": () => isTable.value, onclick: () => isTable.update(it => !it) }, "As table", span({ class: "sr" }, `: ${label}`)))),
    live,
    when(() => isTable.value, () => asTable(label, given, all, timeText, valueText)));
}

const nearest = (times, ms) => {
  if (ms == null || !times.length || ms < times[0] || ms > times.at(-1) + (times[1] - times[0] || 60_000)) return null;
  return Math.max(0, times.findLastIndex(it => it <= ms));
};

function scale({ at, stacks, lines }, width) {
  const tops = at.map((_, n) => stacks.reduce((sum, it) => sum + (it.values[n] ?? 0), 0));
  const most = [...tops, ...lines.flatMap(it => it.values)].reduce((max, it) => Math.max(max, it ?? 0), 0);
  const ticks = ticksTo(most), step = (width - LEFT - RIGHT) / Math.max(1, at.length), every = at[1] - at[0] || 60_000;
  return {
    at, ticks, step, width,
    x: n => LEFT + step * (n + 0.5),
    y: value => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * value) / ticks.at(-1),
    within: ms => at.length > 0 && ms >= at[0] && ms <= at.at(-1) + every,
    xAt: ms => LEFT + (step * (ms - at[0])) / every,
  };
}

function grid({ ticks, at, x, y, step, width }, format, timeText) {
  const every = Math.max(1, Math.ceil(TICK_WIDTH / step));
  return [
    ticks.map(it => svg.g(svg.line({ class: "grid-line", x1: LEFT, x2: width - RIGHT, y1: y(it), y2: y(it) }), svg.text({ x: LEFT - 6, y: y(it) + 4, "text-anchor": "end" }, format(it)))),
    at.map((ms, n) => n % every === Math.floor(every / 2) && svg.text({ x: x(n), y: HEIGHT - 4, "text-anchor": "middle" }, timeText(ms))),
  ];
}

function bars({ at, stacks }, { x, y, step }) {
  const below = at.map(() => 0), w = step > 4 ? step * 0.8 : step;
  return stacks.map(it => svg.path({ class: `s-${it.tone}`, d: it.values.map((value, n) => {
    if (!value) return "";
    const foot = y(below[n]).toFixed(1);
    below[n] += value;
    return `M${(x(n) - w / 2).toFixed(1)} ${foot}V${y(below[n]).toFixed(1)}h${w.toFixed(1)}V${foot}z`;
  }).join("") }));
}

// A single value between gaps is a dot: a line of no length with round ends.
const linePath = (values, { x, y }) => values.map((value, n) => {
  if (value == null) return "";
  const isFirst = values[n - 1] == null, place = `${x(n).toFixed(1)} ${y(value).toFixed(1)}`;
  return `${isFirst ? "M" : "L"}${place}${isFirst && values[n + 1] == null ? "h0" : ""}`;
}).join("");

const chosen = ({ x, step }, from, here) => here != null && [
  from != null && svg.rect({ class: "chosen", x: x(Math.min(from, here)) - step / 2, y: TOP, width: step * (Math.abs(from - here) + 1), height: HEIGHT - BOTTOM - TOP }),
  svg.line({ class: "here", x1: x(here), x2: x(here), y1: TOP, y2: HEIGHT - BOTTOM }),
];

const asTable = (label, given, all, timeText, valueText) => div({ class: "scroll as-table", tabindex: 0, role: "region", "aria-label": `${label}, as a table` },
  table(caption({ class: "sr" }, label), thead(tr(th({ scope: "col" }, "Time"), () => all.value.map(it => th({ scope: "col", class: "num" }, it.name)))),
    tbody(() => given.value.at.map((ms, n) => tr(th({ scope: "row" }, timeText(ms)), all.value.map(it => td({ class: "num" }, valueText(it, n))))).toReversed())));

// A small line without axes, for a row of a table. What it says stands in words beside it.
export function spark(values, { label } = {}) {
  const last = Math.max(1, values.length - 1), max = values.reduce((most, it) => Math.max(most, it ?? 0), 1);
  const d = values.map((it, n) => (it == null ? "" : `${n && values[n - 1] != null ? "L" : "M"}${((n * 110) / last).toFixed(1)} ${(20 - (it * 18) / max).toFixed(1)}`)).join("");
  return svg.svg({ class: "spark", viewBox: "0 0 110 22", preserveAspectRatio: "none", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) }, svg.path({ d }));
}
