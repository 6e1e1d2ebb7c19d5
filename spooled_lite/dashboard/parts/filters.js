// Filters are in the address: each of these reads and writes one name of the query.

import { el, list } from "../lib/dom.js";
import { RANGES } from "../lib/clock.js";
import { short, stampText } from "../lib/format.js";
import { icon, mark } from "../lib/icons.js";
import { queryOf, setQuery } from "../lib/router.js";
import { onDispose } from "../lib/signal.js";
import { choice, menu } from "./menu.js";

const { div, button, span, input, form, p } = el;

// One of few, each with its number: [{ value, label, n, tone }]. The first is "all", with value "".
export function chips({ name, label, options }) {
  const chosen = queryOf(name);
  return div({ class: "filters", role: "group", "aria-label": label },
    list(options, it => it.value, row => button({
      class: "chip", "aria-pressed": () => chosen.value === row.value.value,
      onclick: () => setQuery({ [name]: row.peek().value || null }),
    }, row.peek().tone && mark(row.peek().tone), () => row.value.label, span({ class: "num" }, () => (row.value.n == null ? "" : short(row.value.n))))));
}

// One of many, or a text of one's own: options() gives [{ value, label, n }], and may be empty.
export function choose({ name, label, any = "any", options = () => [], isFree = false, placeholder = "", say = it => it, check = () => true }) {
  const chosen = queryOf(name);
  const set = value => setQuery({ [name]: value || null });
  const free = close => form({
    onsubmit: event => {
      event.preventDefault();
      const text = event.target.elements[0].value.trim();
      if (text && !check(text)) return;
      set(text);
      close();
    },
  }, input({ class: "text", "aria-label": label, placeholder, autofocus: "", value: chosen.peek(), maxlength: 1000 }), button({ class: "btn", type: "submit" }, "Apply"));
  const opener = menu({ label: () => [`${label}: `, span({ class: "clip" }, () => (chosen.value ? say(chosen.value) : any))], class: "chip" }, close => [
    isFree && free(close),
    choice({ label: any, isChosen: !chosen.peek(), onclick: () => (set(null), close()) }),
    options().map(each => choice({ label: each.label ?? each.value, n: each.n, isChosen: chosen.peek() === each.value, onclick: () => (set(each.value), close()) })),
  ]);
  const taken = () => chosen.value && button({ class: "btn plain only", "aria-label": `Any ${label.toLowerCase()}`, title: "Remove this filter", onclick: () => set(null) }, icon("close"));
  return span({ class: "row" }, opener, taken);
}

// A relative range stays relative in the address.
export const timeRange = ({ name = "range", label = "Created", any = "any time" } = {}) => choose({
  name, label, any,
  options: () => RANGES.map(([value, words]) => ({ value, label: words })),
  say: value => RANGES.find(each => each[0] === value)?.[1] ?? value.split("/").map(stampText).join(" to "),
});

// A search took too long: what would make it less. `queues`: rows with a name.
const NARROWER_QUEUES = 3;
export const narrower = queues => () => [
  !queryOf("range").value && button({ class: "btn", onclick: () => setQuery({ range: "24h" }) }, "Last 24 hours"),
  !queryOf("queue").value && queues().slice(0, NARROWER_QUEUES).map(it => it.queue_name ?? it.name).map(name =>
    button({ class: "btn", onclick: () => setQuery({ queue: name }) }, "Only queue ", span({ class: "clip" }, name))),
];

// Nothing fits: the filters that are set, each to be taken away. names: { queue: "Queue", … }.
export function noMatch(names, { what = "jobs", more } = {}) {
  const set = Object.entries(names).map(([name, label]) => [name, label, queryOf(name)]);
  return div({ class: "empty" }, p("No ", what, " fit these filters."),
    div({ class: "row" }, set.map(([name, label, chosen]) => () => chosen.value && button({
      class: "chip set", onclick: () => setQuery({ [name]: null }),
    }, `${label}: ${chosen.value}`, icon("close")))), more);
}

const TYPED_MS = 300; // after the last key

// A part of a name, as one types it.
export function textFilter({ name = "q", label, placeholder }) {
  const chosen = queryOf(name);
  let timer = 0;
  onDispose(() => clearTimeout(timer));
  const set = event => {
    const text = event.target.value.trim();
    clearTimeout(timer);
    timer = setTimeout(() => setQuery({ [name]: text || null }), TYPED_MS);
  };
  return input({ class: "text part", type: "search", "aria-label": label, placeholder, maxlength: 200, value: chosen, oninput: set });
}
