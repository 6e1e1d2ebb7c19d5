// The states of what is read: first load, empty, error, old. One for all pages.
//
//   shown(jobs, () => table(…), { what: "the jobs", word: "jobs:read", isEmpty: () => !jobs.ids.value.length, empty: () => … })

import { el, when } from "../lib/dom.js";
import { clockText, span as duration, count, plural } from "../lib/format.js";
import { now } from "../lib/clock.js";
import { icon } from "../lib/icons.js";
import { may } from "../lib/session.js";
import { computed, onDispose, signal } from "../lib/signal.js";

const { div, p, h2, button, i, span, b } = el;
const SKELETON_MS = 150;

export function shown(it, make, { what = "this", word, isEmpty = () => false, empty = () => null, lines = 6, narrower } = {}) {
  const kind = computed(() => {
    if (it.data.value == null) return it.error.value ? "error" : "first";
    return isEmpty() ? "empty" : "there";
  });
  return [
    () => ({
      first: () => skeleton(lines),
      error: () => failure(it.error.value, { what, word, again: it.read, narrower }),
      empty,
      there: () => null,
    })[kind.value](),
    when(() => it.data.value != null && it.error.value && it.error.value.status !== 404, () => dated(it, what)),
    when(() => kind.value === "there", make),
  ];
}

// Lines where there will be lines. Only after a moment: what comes at once shall not flicker.
export function skeleton(lines = 6) {
  const isLate = signal(false), timer = setTimeout(() => { isLate.value = true; }, SKELETON_MS);
  onDispose(() => clearTimeout(timer));
  const widths = [92, 78, 85, 64, 80, 71];
  return div({ class: "skeleton", role: "status", "aria-label": "Reading", style: () => ({ visibility: isLate.value ? "visible" : "hidden" }) },
    Array.from({ length: lines }, (_, n) => i({ style: { "--w": `${widths[n % widths.length]}%` } })));
}

const dated = (it, what) => p({ class: "dated" }, icon("warn"),
  span("Data of ", () => clockText(it.at.value), `: ${what} could not be read. `, () => sentence(it.error.value)),
  button({ class: "btn link",  onclick: () => it.read() }, "Try again"));

export const emptyState = (title, ...children) => div({ class: "empty" }, h2(title), children);

// What failed, in words, with the request id to quote.
export function failure(error, { what = "This", word, again, narrower } = {}) {
  const [title, ...more] = told(error, what, word);
  return div({ class: "empty" }, h2(title), more.map(each => p(each)),
    error.status === 408 && narrower ? div({ class: "row" }, narrower) : null,
    p({ class: "small" }, b(error.code ?? ""), error.requestId ? ` request ${error.requestId}` : ""),
    again && ![403, 404].includes(error.status) ? button({ class: "btn",  onclick: () => again() }, icon("retry"), "Try again") : null);
}

function told(error, what, word) {
  const { status, details, message } = error;
  if (status === 0) return ["The server does not answer", "Nothing was lost: this page shows the last data it has and tries again."];
  if (status === 403) return word && !may(word) ? [`This key lacks ${word}`, "Whoever manages the API keys can give it that word."] : ["This key may not read it", message];
  if (status === 404) return [`${upper(what)} is not here`, "It was deleted, or belongs to another organization."];
  if (status === 408) return ["That takes too long to find", message];
  if (status === 429) return limited(error);
  if (status === 503) return ["The server cannot do that now", details?.reason ? reason(details.reason) : message];
  return [`${upper(what)} could not be read`, message];
}

const upper = text => text[0].toUpperCase() + text.slice(1);

function limited({ retryAfter, details, message }) {
  if (details?.limit != null && details?.current != null) {
    return ["A limit of the plan is reached", `${count(details.current)} of ${count(details.limit)} ${details.resource ?? ""}`];
  }
  const until = now.peek() + (retryAfter ?? 1) * 1000;
  return ["Too many requests", () => (now.value < until ? `Try again in ${duration(Math.max(1000, until - now.value))}.` : message)];
}

// Why the server answers 503, in words.
const REASONS = {
  storage_full: "The disk is full. Reads go on; nothing new is stored.",
  storage_error: "The file could not be written. The outcome of this call is unknown: look before you repeat it.",
  shutting_down: "The server is being stopped.",
  read_only: "The file of the database cannot be written. Nothing new is stored.",
  overloaded: "The server has too much to do; it sheds this kind of work first.",
};
export const reason = name => REASONS[name] ?? `The server says: ${name}.`;

// One sentence for where an act was refused.
export function sentence(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.status === 503 && error.details?.reason) return reason(error.details.reason);
  if (error.status === 429 && error.retryAfter) return `${error.message}. Try again in ${plural(error.retryAfter, "second")}.`;
  return error.message;
}

export const refused = error => p({ class: "refused", role: "alert" }, icon("warn"),
  span(sentence(error), error.requestId ? span({ class: "small quiet" }, ` ${error.code ?? ""} request ${error.requestId}`) : null));
