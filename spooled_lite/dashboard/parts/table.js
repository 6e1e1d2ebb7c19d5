// A real table: columns, selection, sorting, keys, cards on a phone. Rows never move by themselves.
//
//   const selected = signal(new Set());
//   table({ of: jobs, label: "Jobs", selected, columns: [
//     { label: "Status", cell: row => () => status(row.value.status) },
//     { label: "Created", class: "num hide", sort: "created_at", cell: row => when(row.value.created_at) } ] })
//
// `of` is what `rows` of lib/store.js gives. The first link of a row is where Enter leads. Classes of a
// column: num (right), fill (takes what is left, cut), hide (not on a card), whole (a line of the card).

import { el, list } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { columns as hidden } from "../lib/prefs.js";
import { computed, onDispose, signal, untracked } from "../lib/signal.js";
import { choice, menu } from "./menu.js";

const COLUMNS_MANY = 9; // closer together on a narrow screen
const MORE = 15; // rows made above and below what is seen
const FEW = 150; // so many are made all
const { div, table: tableOf, thead, tbody, tr, th, td, input, button, span, label: labelOf } = el;

export function table({ of, columns, label, selected, sort, onSort, rowClass = () => "", nameOf = id => id.slice(0, 8), group = "This list", more = {} }) {
  const height = () => (document.documentElement.dataset.density === "cosy" ? 42 : 34);
  const view = windowed(of.ids, height), at = signal(null);
  const indexOf = id => of.ids.peek().indexOf(id);
  let body;

  const toggle = (id, isIn) => {
    const next = new Set(selected.peek());
    if (isIn ?? !next.has(id)) next.add(id);
    else next.delete(id);
    selected.value = next;
  };

  function move(step) {
    const all = of.ids.peek();
    if (!all.length) return false;
    const before = at.peek() == null ? -1 : indexOf(at.peek());
    const index = Math.max(0, Math.min(all.length - 1, before < 0 && step > 0 ? 0 : before + step));
    at.value = all[index];
    view.reveal(index);
    const row = rowOf(all[index]);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }
  const rowOf = id => body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  const linkOf = () => (at.peek() == null ? null : rowOf(at.peek())?.querySelector("a[href]"));
  const here = act => () => (at.peek() == null ? false : act(at.peek()));

  let anchor = null;
  function range(id) {
    const all = of.ids.peek(), [a, b] = [indexOf(anchor ?? id), indexOf(id)].sort((x, y) => x - y);
    selected.value = new Set([...selected.peek(), ...all.slice(Math.max(0, a), b + 1)]);
  }
  const pick = id => (toggle(id), void (anchor = id));

  keys(group, {
    j: ["Next row", () => move(1)],
    k: ["Row before", () => move(-1)],
    Enter: ["Open the row", () => (document.activeElement?.matches("tr, body") && linkOf() ? void linkOf().click() : false)],
    o: ["Open beside, in a new tab", () => { const to = linkOf(); if (to) open(to.href, "_blank", "noopener"); }],
    ...(selected && {
      x: ["Select the row", here(pick)],
      "Shift+x": ["Select from the last selected to here", here(range)],
      "*": ["Select all shown", () => { selected.value = new Set(of.ids.peek()); }],
    }),
    ...Object.fromEntries(Object.entries(more).map(([key, [text, act]]) => [key, [text, here(act)]])),
  });

  const isAll = computed(() => of.ids.value.length > 0 && of.ids.value.every(id => selected?.value.has(id)));
  const heads = columns.map(each => th({
    scope: "col", class: each.class,
    "aria-sort": () => (each.sort && sort?.value.by === each.sort ? (sort.value.isDown ? "descending" : "ascending") : null),
  }, each.sort && onSort
    ? button({ onclick: () => onSort(each.sort) }, each.label, () => (sort.value.by === each.sort ? icon(sort.value.isDown ? "down" : "up") : null))
    : each.isUnsaid ? span({ class: "sr" }, each.label) : each.label));

  const line = id => {
    const row = of.row(id);
    return tr({
      "data-id": id, tabindex: -1, "aria-selected": () => (selected ? selected.value.has(id) : null),
      "aria-rowindex": () => of.ids.value.indexOf(id) + 2,
      class: () => `${rowClass(row)} ${at.value === id ? "at" : ""}`,
      onfocusin: () => { if (at.peek() !== id) at.value = id; },
    },
    selected && td({ class: "pick" }, labelOf(input({
      type: "checkbox", "aria-label": `Select ${nameOf(id)}`, checked: () => selected.value.has(id),
      onclick: event => (event.shiftKey ? range(id) : pick(id)),
    }))),
    columns.map(each => td({ class: each.class }, each.cell(row, id))));
  };
  const spacer = room => tr({ class: "spacer", "aria-hidden": "true", hidden: () => room() <= 0 }, td({ style: () => ({ height: `${room()}px` }), colspan: columns.length + 1 }));

  return div({ class: "scroll", tabindex: -1 }, tableOf({ class: `cards${selected ? " picked" : ""}${columns.length > COLUMNS_MANY ? " long-rows" : ""}`, "aria-label": label, "aria-rowcount": () => of.ids.value.length + 1 },
    thead(tr(
      selected && th({ class: "pick", scope: "col" }, input({
        type: "checkbox", "aria-label": "Select all shown", checked: isAll,
        onclick: event => { selected.value = new Set(event.target.checked ? of.ids.peek() : []); },
      })),
      heads)),
    tbody({ ref: node => { body = node; view.ref(node); } },
      spacer(view.before), list(() => view.slice.value, id => id, (_, id) => line(id)), spacer(view.after))));
}

// The columns the reader wants, of a table by its name. `isAlways`: what a row cannot be without.
const may = each => !each.isAlways;

export function chosenTable(given) {
  const gone = hidden.value[given.label] ?? [];
  return untracked(() => table({ ...given, columns: given.columns.filter(each => !may(each) || !gone.includes(each.label)) }));
}

export function columnsMenu(name, columns) {
  const without = () => hidden.value[name] ?? [];
  const turn = label => {
    const next = without().includes(label) ? without().filter(each => each !== label) : [...without(), label];
    hidden.value = next.length ? { ...hidden.peek(), [name]: next } : hidden.otherwise;
  };
  return menu({ label: span({ class: "wide" }, "Columns"), name: "Columns", outer: "wide" }, () => columns.filter(may).map(each => () =>
    choice({ label: each.label, isChosen: !without().includes(each.label), onclick: () => turn(each.label) })));
}

// Only the rows on screen: of many rows of one height, the ones to make, and the room of the others.
function windowed(ids, height) {
  const top = signal(0), seen = signal(60);
  let body = null, frame = 0;

  function look() {
    frame = 0;
    if (!body?.isConnected) return;
    const first = Math.floor(-body.getBoundingClientRect().top / height());
    top.value = Math.max(0, first - MORE);
    seen.value = Math.ceil(innerHeight / height()) + 2 * MORE;
  }
  const soon = () => { frame ||= requestAnimationFrame(look); };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  onDispose(() => {
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    cancelAnimationFrame(frame);
  });

  const isWhole = computed(() => ids.value.length <= FEW);
  const from = computed(() => (isWhole.value ? 0 : Math.min(top.value, Math.max(0, ids.value.length - seen.value))));
  const slice = computed(() => (isWhole.value ? ids.value : ids.value.slice(from.value, from.value + seen.value)));
  return {
    slice, from,
    before: () => from.value * height(),
    after: () => (ids.value.length - from.value - slice.value.length) * height(),
    ref: node => { body = node; soon(); },
    // Bring a row into the window, then on screen.
    reveal: index => {
      if (isWhole.peek()) return;
      const box = body.getBoundingClientRect(), y = box.top + index * height();
      if (y < 100 || y > innerHeight - 100) scrollBy(0, y - innerHeight / 2);
      look();
    },
  };
}
