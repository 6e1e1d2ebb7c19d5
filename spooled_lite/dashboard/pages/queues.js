// All queues: which one falls behind, which one fails; pause and resume one or several.

import { get } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { queryOf } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { reading, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { spark } from "../parts/chart.js";
import { asCurl } from "../parts/curl.js";
import { chips, noMatch, textFilter } from "../parts/filters.js";
import { head, panel } from "../parts/panel.js";
import { openNewQueue } from "../parts/queue_new.js";
import { pause, pauseKey, queueColumns, resume } from "../parts/queues_table.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";

const { b, button, div, p } = el;
const PAGE = 100, READ_SECONDS = 15;

export default function queuesPage() {
  const search = queryOf("q"), sort = queryOf("sort"), selected = signal(new Set()), hasMore = signal(false);
  const asked = () => ({ sort: sort.value || "attention", search: search.value, limit: PAGE });
  const page = (query, ending) => get("/dashboard/queues", query, { signal: ending });
  const queues = rows(async ending => {
    // As many as are shown, page by page.
    const found = [], wanted = Math.max(PAGE, queues.ids.peek().length);
    let part;
    do found.push(...(part = await page({ ...asked(), offset: found.length }, ending)));
    while (part.length === PAGE && found.length < wanted);
    hasMore.value = part.length === PAGE;
    return inPlace(found);
  }, { key: it => it.queue_name, isRead: false });
  queues.read();

  // What is read again changes the cells: rows stay where they are until one asks for another order.
  let isFresh = true;
  function inPlace(found) {
    if (isFresh) return (isFresh = false, found);
    const now = new Map(found.map(it => [it.queue_name, it]));
    const stay = queues.ids.peek().filter(name => now.has(name)).map(name => now.get(name));
    return [...stay, ...found.filter(it => !queues.row(it.queue_name))];
  }
  const again = () => (isFresh = true, queues.read());
  reading(() => [search.value, sort.value], () => (selected.value = new Set(), queues.replace([]), again()));

  async function more() {
    const found = await page({ ...asked(), offset: queues.ids.peek().length });
    hasMore.value = found.length === PAGE;
    queues.add(found);
  }

  live({ events: "queue.stats,queue.paused,queue.resumed", read: queues.read, paint: gathered(queues.read) });
  every(READ_SECONDS, queues.read);

  const chosen = isPaused => [...selected.peek()].filter(name => queues.row(name)?.peek().paused === isPaused);
  const turn = (isPaused, run, inverse, word, done) => act({
    label: word, icon: isPaused ? "play" : "pause", words: ["queues:write"], after: queues.read,
    obstacle: () => (selected.value.size && chosen(isPaused).length ? null : `None of them is ${isPaused ? "paused" : "running"}`),
    run: async () => {
      const names = chosen(isPaused);
      for (const name of names) await run(name);
      return names;
    },
    done: names => `${plural(names.length, "queue")} ${done}`,
    undo: async names => { for (const name of names) await inverse(name); },
  });
  keys("Queues", { r: ["Read again, in order", again], n: ["New queue", openNewQueue] });

  return [
    head({ title: "Queues", note: () => queues.ids.value.length > 0 && `${count(queues.ids.value.length)}${hasMore.value ? " and more" : ""}`, acts: [
      asCurl(() => [["Queues with their numbers", "GET", "/dashboard/queues", { query: asked() }], ["Pause one", "POST", "/queues/NAME/pause", { body: { reason: "warehouse is down" } }]]),
      gated({ label: "New queue", icon: "plus", kind: "main-act", words: ["queues:write"], onclick: openNewQueue }),
    ] }),
    div({ class: "filters" },
      textFilter({ label: "Find a queue", placeholder: "Part of a name" }),
      chips({ name: "sort", label: "Order", options: () => [{ value: "", label: "Worst first" }, { value: "name", label: "By name" }] })),
    panel(null, { class: "dense" }, shown(queues, () => table({
      of: queues, label: "Queues", group: "Queues", selected, nameOf: name => name, columns: queueColumns({ after: queues.read, spark, isWhole: true }),
      more: pauseKey,
    }), {
      what: "the queues", word: "queues:read", lines: 8, isEmpty: () => !queues.ids.value.length,
      empty: () => (search.value ? noMatch({ q: "Name" }, { what: "queues" }) : emptyState("No queues yet", p("A queue is created with its first job."), button({ class: "btn main-act", onclick: openNewQueue }, "New queue"))),
    })),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, icon("down"), "More"))),
    either(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" }, b(() => `${count(selected.value.size)} selected`),
      turn(false, pause, resume, "Pause", "paused"), turn(true, resume, pause, "Resume", "resumed"),
      button({ class: "btn plain", onclick: () => { selected.value = new Set(); } }, "Select none"))),
  ];
}
