// The settings of a queue: for jobs from now on. Only what was changed is sent; Undo sends what was before.

import { send } from "../lib/api.js";
import { el, svg } from "../lib/dom.js";
import { span as duration } from "../lib/format.js";
import { computed, signal } from "../lib/signal.js";
import { act } from "./act.js";
import { field } from "./panel.js";

const { button, div, form, input, p, textarea } = el;
const CENTURY = 3_155_760_000; // seconds, the longest wait the server takes
// Name, label, hint, least, most, step. Only the limits may be emptied once they are set.
const FIELDS = [
  ["max_retries", "Retries", "For jobs that do not set it", 0, 100, 1],
  ["default_timeout", "Time-out in seconds", "For jobs that do not set it", 1, 86_400, 1],
  ["max_concurrency", "Processed at once", "Empty: no limit", 1, 1_000_000, 1],
  ["rate_limit", "Handed out per second", "Empty: no limit", 1, 100_000, 1],
  ["retry_delay_seconds", "Retry delay in seconds", "Where none of the next three is set", 0, CENTURY, "any"],
  ["backoff_base_seconds", "First wait in seconds", "Before the first retry", 0, CENTURY, "any"],
  ["backoff_multiplier", "Each wait longer by", "1 to 10 times", 1, 10, "any"],
  ["backoff_max_seconds", "Longest wait in seconds", "However many retries", 0, CENTURY, "any"],
];
// Objects of JSON: name, label, hint. Emptied, the first two are none.
const OBJECTS = [
  ["backoff", "Backoff", 'Goes before the waits above: {"strategy": "linear", "base_delay_ms": 500}'],
  ["circuit_breaker", "Circuit breaker", 'Hands out nothing while all fails: {"failure_threshold": 5, "open_timeout_ms": 30000}'],
  ["settings", "Settings", "Your own JSON; the server only stores it"],
];
const MAY_BE_EMPTY = new Set(["rate_limit", "max_concurrency"]);
const OWN = ["paused", "paused_at", "paused_reason"]; // of `settings`: the server's
const DRAWN_MAX = 12, WIDTH = 300, HEIGHT = 64;

export function queueSettings(queue, { after }) {
  const given = queue.data.peek(), own = Object.fromEntries(Object.entries(given.settings).filter(([name]) => !OWN.includes(name)));
  const before = { ...Object.fromEntries(FIELDS.map(([name]) => [name, given[name] ?? ""])), description: given.description ?? "", ...Object.fromEntries(["backoff", "circuit_breaker"].map(name => [name, given[name] ? JSON.stringify(given[name]) : ""])), settings: JSON.stringify(own, null, 2) };
  const now = signal(before), sent = signal(before);
  const set = (name, value) => { now.value = { ...now.peek(), [name]: value }; };
  const changed = computed(() => Object.keys(before).filter(name => String(now.value[name]) !== String(sent.value[name])));
  const problem = name => {
    try {
      const it = JSON.parse(now.value[name] || "{}");
      return it && typeof it === "object" && !Array.isArray(it) ? null : "An object is needed, as {\"owner\": \"mail team\"}";
    } catch {
      return "This is not JSON";
    }
  };
  const bad = name => {
    const one = FIELDS.find(each => each[0] === name), value = now.value[name];
    if (!one) return name === "description" ? null : problem(name);
    const [,,, least, most, step] = one;
    if (value === "") return before[name] !== "" && !MAY_BE_EMPTY.has(name) ? "Once set it cannot be emptied" : null;
    return value >= least && value <= most && (step === "any" || value % 1 === 0) ? null : `${step === 1 ? "A whole number" : "A number"} from ${least} to ${most}`;
  };
  const body = (values, names) => Object.fromEntries(names.map(name => [name,
    OBJECTS.some(it => it[0] === name) ? JSON.parse(values[name] || (name === "settings" ? "{}" : "null")) : values[name] === "" && name !== "description" ? null : values[name]]));

  const save = act({
    label: () => (changed.value.length ? `Save ${changed.value.length === 1 ? "the change" : `${changed.value.length} changes`}` : "Save"), words: ["queues:write"], kind: "main-act", after,
    obstacle: () => (changed.value.length ? changed.value.map(bad).find(Boolean) ?? null : "Nothing has been changed"),
    run: async () => {
      const names = changed.peek(), was = sent.peek(), is = now.peek();
      await send("PUT", `/queues/${encodeURIComponent(given.queue_name)}/config`, body(is, names));
      sent.value = is;
      return { names, was };
    },
    done: "Saved: for jobs from now on",
    undo: async ({ names, was }) => {
      await send("PUT", `/queues/${encodeURIComponent(given.queue_name)}/config`, body(was, names));
      sent.value = was;
      now.value = { ...now.peek(), ...Object.fromEntries(names.map(name => [name, was[name]])) };
    },
  });

  const value = name => () => String(now.value[name]);
  const number = ([name, label, hint, least, most, step]) => field(label, input({
    type: "number", inputmode: "decimal", min: least, max: most, step, value: value(name),
    oninput: event => set(name, event.target.value === "" ? "" : Number(event.target.value)),
  }), { hint, error: () => bad(name) });
  return form({ class: "form pad", onsubmit: event => { event.preventDefault(); save.press(); } },
    div({ class: "two" }, FIELDS.slice(0, 4).map(number)),
    div({ class: "two" }, FIELDS.slice(4).map(number), waits(now)),
    field("Description", input({ maxlength: 1000, value: value("description"), oninput: event => set("description", event.target.value) })),
    OBJECTS.map(([name, label, hint]) => field(label, (name === "settings" ? textarea : input)({ rows: 3, class: "mono", spellcheck: "false", autocomplete: "off", dir: "ltr", value: value(name), oninput: event => set(name, event.target.value) }), { hint, error: () => problem(name) })),
    div({ class: "acts" }, save, button({ class: "btn", hidden: () => !changed.value.length, onclick: () => { now.value = sent.peek(); } }, "Take back")));
}

// What is written into the field goes first; by chance: the longest it may be.
function waitOf(it) {
  let own = null;
  try {
    own = JSON.parse(it.backoff || "null");
  } catch { /* told beside the field */ }
  const [base, times, most] = backoff(it);
  if (!own || typeof own !== "object") return n => Math.min(base * times ** n, most);
  const { strategy = "exponential", base_delay_ms: first = 1000, multiplier = 2, min_delay_ms: least = 100, max_delay_ms: longest = strategy === "full_jitter" ? 2000 : 60_000 } = own;
  return n => ({ fixed: first, linear: Math.min(first * (n + 1), longest), full_jitter: Math.min(least * 2 ** n, longest) }[strategy] ?? Math.min(first * multiplier ** n, longest)) / 1000;
}

// As the server reckons: the first of these that names anything counts, then 1, 2, 4 … 60 seconds.
function backoff({ retry_delay_seconds: delay, backoff_base_seconds: base, backoff_multiplier: times, backoff_max_seconds: most, settings }) {
  const or = (it, otherwise) => (it === "" || typeof it !== "number" ? otherwise : it);
  if ([base, times, most].some(it => it !== "")) return [or(base, 1), or(times, 2), or(most, 3600)];
  if (delay !== "") return [delay, 2, 3600];
  let kept = {};
  try {
    kept = JSON.parse(settings) ?? {};
  } catch { /* told beside the field */ }
  return [or(kept.retry_delay_ms, 1000) / 1000, or(kept.backoff_multiplier, 2), or(kept.max_retry_delay_ms, 60_000) / 1000];
}

// How long each retry waits, drawn and in words.
function waits(now) {
  const all = computed(() => {
    const wait = waitOf(now.value);
    return Array.from({ length: Math.min(DRAWN_MAX, Number(now.value.max_retries)) }, (_, n) => wait(n));
  });
  const step = () => WIDTH / Math.max(1, all.value.length);
  const words = () => (all.value.length ? `Waits ${all.value.slice(0, 6).map(it => duration(it * 1000)).join(", ")}${all.value.length > 6 ? " …" : ""}` : "A failed job is not tried again");
  return div({ class: "field waits" }, svg.svg({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, () => {
    const most = Math.max(...all.value, 0.001);
    return all.value.map((it, n) => {
      const height = Math.max(1, (it / most) * HEIGHT);
      return svg.rect({ x: n * step() + 1, y: HEIGHT - height, width: Math.max(1, step() - 2), height });
    });
  }), p({ class: "quiet small" }, words));
}
