// The faults that a world of test mode is told to make: the rules with what came of them, and a form for more.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { visible } from "../lib/json.js";
import { link } from "../lib/router.js";
import { reading, rows } from "../lib/store.js";
import { clock } from "../lib/test_mode.js";
import { act } from "./act.js";
import { faultForm } from "./fault_form.js";
import { panel } from "./panel.js";
import { emptyState, shown } from "./states.js";
import { table } from "./table.js";

const { a, div, p, span } = el;
const PATH = "/test/faults", READ_SECONDS = 2; // no event tells of a strike

// { drop: "before" }: "drop before"; { error: { as: "internal" } }: "error as internal"
const said = it => Object.entries(it).map(([name, value]) => visible(`${name.replaceAll("_", " ")} ${value?.constructor === Object ? said(value) : [value].flat().map(each => (typeof each === "object" ? JSON.stringify(each) : each)).join(", ")}`)).join(" · ");

export function faults() {
  const them = rows(async ending => (await get(PATH, {}, { signal: ending })).faults);
  let isReading = false; // a slow server is not asked again before it has answered
  every(READ_SECONDS, async () => {
    if (isReading) return;
    isReading = true;
    await them.read();
    isReading = false;
  });
  reading(() => clock.value?.now, them.read);
  const isSpent = ({ times, struck }) => times != null && struck >= times;
  const journal = link("test", { tab: "journal", kind: "fault" });
  const columns = [
    { label: "For", class: "fill said", cell: row => { const { route, ...more } = row.peek().on, { note } = row.peek(); return [
      div({ class: "clip" }, route && span({ class: "mono" }, route), Object.keys(more).length > 0 && ` ${said(more)}`), note && div({ class: "clip quiet small", title: note }, note)]; } },
    { label: "Comes of it", class: "third", cell: row => span({ class: "clip" }, said(row.peek().do)) },
    { label: "Strikes", class: "whole", cell: row => { const { when, times } = row.peek(); return span({ class: "quiet" }, [said(when) || "each", times && `at most ${count(times)}`].filter(Boolean).join(", ")); } },
    { label: "Seen", class: "num hide", cell: row => () => count(row.value.seen) },
    { label: "Struck", class: "num", cell: row => [() => isSpent(row.value) && span({ class: "quiet" }, "used up "), a({ href: journal, title: "The strikes, in the journal" }, () => count(row.value.struck)), span({ class: "on-card quiet" }, () => ` of ${count(row.value.seen)} struck`)] },
    { label: "Delete", isUnsaid: true, class: "acts-cell", cell: (row, id) => act({
      label: "Delete", name: `Delete ${id}`, icon: "trash", isSmall: true, ask: "Make this fault no more?", yes: "Delete it", run: () => send("DELETE", `${PATH}/${encodeURIComponent(id)}`), after: them.read,
    }) },
  ];
  const none = () => !them.ids.value.length;
  return { read: them.read, nodes: [
    panel("Faults", { note: "asked in this order; the first that strikes ends the search, unless it only makes things late", more: act({
      label: "Delete all", icon: "trash", ask: () => `Make none of these ${count(them.ids.value.length)} faults any more?`, yes: "Delete all", obstacle: () => (none() ? "There are none" : null),
      run: () => send("DELETE", PATH), done: "No fault is made any more", after: them.read,
    }) }, shown(them, () => table({ of: them, label: "Faults", columns, nameOf: it => it, rowClass: row => (isSpent(row.value) ? "moved" : "") }), {
      what: "the faults", lines: 2, isEmpty: none, empty: () => emptyState("No faults", p("All goes well. Have something go wrong below: what does your application do then?")),
    })),
    faultForm(them.read),
  ] };
}
