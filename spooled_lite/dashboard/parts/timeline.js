// When the steps of a workflow ran, as bars over one time axis, with the chain that took longest marked.
//
//   timeline({ steps: () => [{ id, name, href, from, to }], edges: () => [[from, to]], stateOf, now: () => now.value })
//   longestChain(steps, edges)     Set of ids: from the step that ended last back to what each waited for
//
// In ms, when a step began and ended; null: not yet. Steps that have not begun stand last.

import { el, list } from "../lib/dom.js";
import { count, span as duration, stampText } from "../lib/format.js";
import { mark, WORDS } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { computed } from "../lib/signal.js";
import "./drawn.js";

const { a, i, li, ol, p, span } = el;
const ROWS_MAX = 500;

export function longestChain(steps, edges, nowMs) {
  const byId = new Map(steps.map(it => [it.id, it])), parents = new Map();
  for (const [from, to] of edges) parents.set(to, [...(parents.get(to) ?? []), from]);
  const end = it => (it.from == null ? -Infinity : it.to ?? nowMs);
  const last = (one, other) => (other && (!one || end(other) > end(one)) ? other : one);
  const chain = new Set();
  for (let it = steps.reduce(last, null); it && it.from != null && !chain.has(it.id); ) {
    chain.add(it.id);
    it = (parents.get(it.id) ?? []).map(id => byId.get(id)).reduce(last, null);
  }
  return chain;
}

export function timeline({ steps, edges, stateOf, now }) {
  const ordered = computed(() => steps().toSorted((one, other) => (one.from ?? Infinity) - (other.from ?? Infinity) || 0));
  const begun = computed(() => ordered.value.filter(it => it.from != null));
  const isRunning = computed(() => begun.value.some(it => it.to == null));
  const nowMs = () => (isRunning.value ? now() : 0); // a finished workflow needs no tick
  const from = () => begun.value[0]?.from ?? 0;
  const until = computed(() => begun.value.reduce((most, it) => Math.max(most, it.to ?? nowMs()), from() + 1));
  const chain = computed(() => longestChain(steps(), edges(), nowMs()));
  const percent = ms => `${((100 * ms) / (until.value - from())).toFixed(2)}%`;
  return [
    p({ class: "small quiet pad" }, () => (begun.value.length ? `${duration(until.value - from())} from the first start; the chain that took longest: ${count(chain.value.size)} of ${count(ordered.value.length)} steps` : "No step has begun.")),
    ol({ class: "lane timeline pad" }, list(() => ordered.value.slice(0, ROWS_MAX), it => it.id, (row, id) => {
      const it = () => row.value, length = () => (it().to ?? nowMs()) - it().from;
      return li({ "data-s": () => stateOf(id), class: () => (chain.value.has(id) ? "longest" : ""), title: () => (it().from == null ? null : `${stampText(it().from)} to ${it().to == null ? "now" : stampText(it().to)}`) },
        a({ class: "of clip", href: row.peek().href }, visible(row.peek().name)),
        span({ class: "track", "aria-hidden": "true" }, () => it().from != null && i({ style: { left: percent(it().from - from()), width: percent(length()) } })),
        span({ class: "end" }, () => mark(stateOf(id)), span({ class: "sr" }, () => `${WORDS[stateOf(id)] ?? stateOf(id)}, `), () => (it().from == null ? "not begun" : duration(length())),
          () => chain.value.has(id) && span({ class: "sr" }, ", of the longest chain")));
    }), () => ordered.value.length > ROWS_MAX && li({ class: "quiet" }, `and ${count(ordered.value.length - ROWS_MAX)} more`)),
  ];
}
