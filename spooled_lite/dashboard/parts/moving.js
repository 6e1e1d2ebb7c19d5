// Buttons that move the clock of test mode, and what the last move has done.
//
//   moving({ label: "+1 h", path: "advance", body: () => ({ by: "1h" }) })
//
// What stops it stands beside it, with a button for what can be done about it.

import { ApiError } from "../lib/api.js";
import { el, when as either, sheet } from "../lib/dom.js";
import { count, plural, shortId, span as duration, stampText } from "../lib/format.js";
import { link } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { advice, clock, isMoving, move, moved, remedyOf } from "../lib/test_mode.js";
import { act, gated } from "./act.js";

await sheet("test.css");
const { a, li, p, span, ul } = el;

export function moving({ path, body = () => ({}), ...look }) {
  const remedy = signal(null), hint = signal(null), obstacle = () => (isMoving.value ? "The clock is being moved" : null);
  let chosen = null;
  async function run() {
    const from = clock.peek()?.now, [, more = {}, before] = chosen ?? [], given = { ...body(), ...more };
    chosen = remedy.value = hint.value = null;
    try {
      await before?.();
      await move(path, given);
    } catch (error) {
      if (error instanceof ApiError) {
        const it = remedyOf(error, path, given, from);
        remedy.value = it && [it[0], { ...more, ...it[1] }, it[2]];
        hint.value = advice(error);
      }
      throw error;
    }
  }
  const it = act({ ...look, run, obstacle });
  return Object.assign(span({ class: "moving" }, it,
    either(() => hint.value, () => p({ class: "small" }, hint)),
    either(() => remedy.value, () => gated({ label: span(() => remedy.value?.[0]), obstacle, onclick: () => { chosen = remedy.peek(); it.press(); } }))),
  { press: it.press });
}

// "1 day on, 12 steps, 129 ms: 3 job.promoted, 2 delivery"
export function movedText() {
  const it = moved.value, kinds = new Map();
  for (const { what } of it.happened) kinds.set(what, (kinds.get(what) ?? 0) + 1);
  const way = it.from ? Date.parse(it.now) - Date.parse(it.from) : 0;
  const said = [it.isCut && "Stopped on the way", way < 0 ? `${duration(-way)} back` : way ? `${duration(way)} later` : "No time passed", it.steps && plural(it.steps, "step")];
  const what = [...kinds].map(([name, n]) => `${count(n)} ${name}`);
  return `${said.filter(Boolean).join(" · ")}: ${what.join(", ") || "nothing happened"}${it.omitted ? ` and ${count(it.omitted)} more` : ""}`;
}

const LINKS = ["job", "schedule", "worker", "workflow"];
export const happening = it => li(
  span({ class: "quiet num nowrap" }, () => stampText(it.at)), span({ class: "what" }, it.what),
  LINKS.map(kind => { const id = it[`${kind}_id`]; return id && a({ href: link([`${kind}s`, id]), title: id }, `${kind} `, span({ class: "mono" }, shortId(id))); }),
  it.queue_name && a({ class: "clip", href: link(["queues", it.queue_name]) }, it.queue_name),
  it.url && span({ class: "clip" }, it.url), it.to && span({ class: "clip" }, `${it.to}: ${it.subject}`), it.path && !it.what.endsWith(it.path) && span({ class: "mono clip quiet" }, it.path),
  it.attempt && span(`attempt ${it.attempt}`), it.status_code && span(`HTTP ${it.status_code}`),
  it.error && span({ class: "bad" }, it.error));

export const happened = () => [
  ul({ class: "happened", tabindex: 0, "aria-label": "What happened" }, moved.value.happened.map(happening)),
  moved.value.left_under_way.length > 0 && p({ class: "small pad" }, `Not waited for any longer: ${moved.value.left_under_way.map(it => `delivery ${it.id}, attempt ${it.attempt}`).join("; ")}. The results come later.`),
];
