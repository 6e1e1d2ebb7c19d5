// What tasks and flows have in common on their pages: the list of all, and one with its runs by state.
//
//   definitions({ noun: "task", words, word, columns, about, open, run, calls })     the page of all
//   const one = definition({ noun: "task", name, words, word, states, load, events, query, open, run })
//     it(), read(), runs, list, state, not(); start, change, remove; banner(), and runsPanel({ columns, … })

import { get, send } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf } from "../lib/router.js";
import { computed } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { act, gated } from "./act.js";
import { asCurl } from "./curl.js";
import { chips, noMatch } from "./filters.js";
import { typed } from "./form.js";
import { inPlace } from "./in_place.js";
import { head, panel, when } from "./panel.js";
import { emptyState, shown } from "./states.js";
import { table } from "./table.js";

const { a, p, span } = el;
const PAGE = 100, RUNS_PAGE = 50, READ_SECONDS = 15, ONE_SECONDS = 30;
const upper = noun => noun[0].toUpperCase() + noun.slice(1);
const pathOf = (noun, name) => `/${noun}s/${encodeURIComponent(name)}`;

// `open` makes one, if there is a form; `own`: what is read with the list; `beside`: nodes after a name.
export function definitions({ noun, words, word, columns, about, open, run, calls, own = () => {}, beside = () => null }) {
  const path = `${noun}s`, title = upper(path);
  const list = inPlace(() => all, async (query, ending) => {
    const found = await get(`/${path}`, query, { signal: ending });
    return { found: found.map(it => ({ ...it, id: it.name })), hasMore: found.length === query.limit };
  }, { size: PAGE, noun });
  const all = rows(list.first), again = () => (list.again(), own());
  every(READ_SECONDS, again);
  const make = () => open({ after: it => go([path, encodeURIComponent(it.name)].join("/")) });
  const adder = more => open && gated({ label: `New ${noun}`, icon: "plus", words, onclick: make, ...more }), add = adder({ kind: "main-act" });
  keys(title, { r: ["Read again", all.read], ".": ["Show the newer ones", all.read], "]": ["More", list.more], ...(open && { n: [`New ${noun}`, () => add.click()] }) });
  return [
    head({ title, note: () => all.data.value && `${count(all.ids.value.length)}${list.hasMore.value ? " and more" : ""}`, acts: [asCurl(() => calls), add] }),
    list.button(),
    panel(null, { class: "acts-first" }, shown(all, () => table({
      of: all, label: title, group: title, nameOf: id => id, rowClass: row => (row.value.isGone ? "moved" : ""), more: { p: ["Run", name => run(name, again)] },
      columns: [
        { label: upper(noun), cell: (row, name) => [a({ href: link([path, name]) }, name), () => row.value.isGone && span({ class: "quiet" }, " deleted"), () => beside(row.value)] },
        ...columns,
        { label: "Changed", class: "num hide", cell: row => () => when(row.value.updated_at) },
        { label: "Run", isUnsaid: true, class: "acts-cell", cell: (_, name) => act({ label: "Run…", icon: "play", isSmall: true, name: `Run ${name}`, words, run: async () => run(name, again) }) },
      ],
    }), { what: `the ${path}`, word, isEmpty: () => !all.ids.value.length, empty: () => emptyState(`No ${path} yet`, p(about), adder()) })),
    list.moreButton(),
  ];
}

export const descriptionColumn = { label: "Description", class: "fill half clip whole quiet", cell: row => () => row.value.description && span({ title: row.value.description }, row.value.description) };

// `after`: called when the state is another one.
export function definition({ noun, name, words, word, states, load, events, query, open, run, after = () => {} }) {
  const state = queryOf("state"), path = pathOf(noun, name);
  const one = resource(ending => get(path, {}, { signal: ending })), it = () => one.data.value;
  const list = inPlace(() => runs, (asked, ending) => load({ state: state.peek(), ...asked }, ending), { size: RUNS_PAGE, noun: "run", isNewestFirst: true, isShifted: () => true });
  const runs = rows(list.first), read = () => (one.read(), runs.read());
  reading(() => [state.value], () => (after(), runs.read()));
  live({ events, query: query && (() => query(it())), read: list.again, paint: gathered(list.again, 1000) });
  every(ONE_SECONDS, () => (one.read(), list.again()));

  const isGone = computed(() => one.error.value?.status === 404);
  const not = () => (it() && !isGone.value ? null : "It is not here");
  const start = gated({ label: "Run…", icon: "play", kind: "main-act", words, obstacle: not, onclick: () => run(runs.read) });
  const change = open && gated({ label: "Change", icon: "edit", words, obstacle: not, onclick: () => open({ given: it(), after: one.read }) });
  const remove = gated({ label: "Delete…", icon: "trash", kind: "danger", words, obstacle: not, onclick: () => typed({
    title: `Delete ${name}?`, name, verb: `Delete ${noun}`, words, run: () => send("DELETE", path), done: `${name} is gone`, after: () => go(`${noun}s`),
    about: ["All its runs are deleted with it, whatever their state, and what is bound to it."],
  }) });
  keys(`This ${noun}`, { r: ["Read again", read], ".": ["Show the newer ones", runs.read], "]": ["More", list.more], n: ["Run it", () => start.click()], ...(open && { e: ["Change", () => change.click()] }) });

  const numbers = computed(() => (state.value || list.hasMore.value ? {} : Object.groupBy(runs.ids.value.map(id => runs.row(id).value), each => each.state)));
  return {
    it, path, read, runs, list, state, start, change, remove,
    banner: () => either(() => isGone.value && it(), () => p({ class: "banner panel" }, icon("warn"), "It was deleted meanwhile. You see its last state.")),
    shown: (make, lines) => shown(one, make, { what: `this ${noun}`, word, lines }),
    runsPanel: (about, own) => either(() => it(), () => [
      chips({ name: "state", label: "State", options: () => [{ value: "", label: "All" }, ...Object.entries(states).map(([value, [tone, label]]) => ({ value, label, tone, n: numbers.value[value]?.length }))] }),
      list.button(),
      panel("Runs", { note: () => runs.ids.value.length > 0 && `${count(runs.ids.value.length)}${list.hasMore.value ? " and more" : ""}` }, shown(runs, () => table({
        of: runs, label: "Runs", group: "Runs", rowClass: row => (row.value.isGone || (state.value && row.value.state !== state.value) ? "moved" : ""), ...own,
      }), {
        what: "its runs", word, isEmpty: () => !runs.ids.value.length,
        empty: () => (state.value ? noMatch({ state: "State" }, { what: "runs" }) : emptyState("It has not been run", p(about), gated({ label: "Run it", icon: "play", words, onclick: () => start.click() }))),
      })),
      list.moreButton(),
    ]),
  };
}
