// All schedules: when each fires next, on and off, run now.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { gated, obstacle } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { chips, choose, noMatch } from "../parts/filters.js";
import { newer } from "../parts/newer.js";
import { head, panel, when } from "../parts/panel.js";
import { onOff, runNow, setActive } from "../parts/schedule_acts.js";
import { inWords } from "../parts/slots.js";
import { emptyState, shown } from "../parts/states.js";
import { strip } from "../parts/strip.js";
import { table } from "../parts/table.js";
import { toast } from "../parts/toast.js";
import { whoPaused } from "../parts/who.js";

const { a, b, button, div, p, span } = el;
const PAGE = 100, READ_SECONDS = 30;
const NAMES = { active: "State", queue: "Queue" };

export default function schedulesPage() {
  const active = queryOf("active"), queue = queryOf("queue"), selected = signal(new Set()), hasMore = signal(false);
  const isFiltered = computed(() => active.value || queue.value);
  const asked = () => ({ is_active: active.value, queue_name: queue.value, limit: PAGE });
  const schedules = rows(async ending => {
    const found = await get("/schedules", asked(), { signal: ending });
    hasMore.value = found.length === PAGE;
    return found;
  });
  const queues = resource(ending => get("/queues", {}, { signal: ending }));
  const again = newer(schedules, () => get("/schedules", asked()), "newer schedule");
  const next = strip({ queue: () => queue.value });
  const refresh = () => (next.read(), again.refresh());
  reading(() => [active.value, queue.value], () => ((selected.value = new Set()), again.read()));

  async function more() {
    const found = await get("/schedules", { ...asked(), offset: schedules.ids.peek().length });
    hasMore.value = found.length === PAGE;
    schedules.add(found);
  }

  live({ events: "schedule.triggered", read: refresh, paint: () => again.refresh() });
  every(READ_SECONDS, refresh);

  const who = whoPaused("schedule");
  const columns = [
    { label: "Name", cell: (row, id) => [span({ class: "row" }, a({ href: link(["schedules", id]) }, () => row.value.name), () => (row.value.is_active ? null : status("paused"))), div({ class: "by clip" }, () => row.value.is_active || who(id))] },
    { label: "When", class: "fill whole", cell: row => div({ class: "clip" },
      span({ class: "on-card" }, () => [row.value.is_active ? when(row.value.next_run_at) : "paused", " · "]),
      span({ title: () => row.value.cron_expression }, inWords(() => row.value.cron_expression)), span({ class: "quiet" }, () => ` ${row.value.timezone}`)) },
    { label: "Queue", class: "hide", cell: row => (row.peek().task_name ? [a({ href: link(["tasks", row.peek().task_name]) }, row.peek().task_name), span({ class: "quiet" }, " task")] : a({ href: link(["queues", row.peek().queue_name]) }, row.peek().queue_name)) },
    { label: "Next", class: "num hide", cell: row => () => (row.value.is_active ? when(row.value.next_run_at) : span({ class: "quiet" }, "paused")) },
    { label: "Last", class: "num hide", cell: row => () => (row.value.last_run_at ? when(row.value.last_run_at) : span({ class: "quiet" }, "never")) },
    { label: "Runs", class: "num hide", cell: row => () => count(row.value.run_count) },
    { label: "Failed", class: "num hide", cell: row => () => span({ class: row.value.failed_count ? "bad" : "quiet" }, count(row.value.failed_count)) },
    { label: "Acts", isUnsaid: true, class: "acts-cell", cell: (row, id) => span({ class: "row" }, runNow(() => row.value, { after: refresh, isSmall: true }), onOff(() => row.value, { after: refresh, isSmall: true })) },
  ];

  // Several are switched one after another; Undo switches back those that were.
  async function switchAll(isOn, ids = [...selected.peek()]) {
    const changed = [];
    try {
      for (const id of ids) {
        if (schedules.row(id)?.peek().is_active === isOn) continue;
        await setActive(id, isOn);
        changed.push(id);
        schedules.patch(id, { is_active: isOn });
      }
    } finally {
      selected.value = new Set();
      refresh();
      toast(`${plural(changed.length, "schedule")} ${isOn ? "resumed" : "paused"}`, { undo: changed.length ? () => switchAll(!isOn, changed) : null });
    }
  }
  const bar = either(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" }, b(() => `${count(selected.value.size)} selected`),
    gated({ label: "Pause", icon: "pause", words: ["schedules:write"], onclick: () => switchAll(false) }), gated({ label: "Resume", icon: "play", words: ["schedules:write"], onclick: () => switchAll(true) })));

  const withRow = run => id => { if (!obstacle(["schedules:write"])) run(schedules.row(id).peek()); };
  keys("Schedules", { r: ["Read again", again.read], ".": ["Show the newer ones", again.read], n: ["New schedule", () => go("schedules/new")], "]": ["More", () => hasMore.peek() && more()] });
  return [
    head({ title: "Schedules", note: () => schedules.data.value && `${count(schedules.ids.value.length)}${hasMore.value ? " shown" : ""}`, acts: [
      asCurl(() => [["The schedules shown", "GET", "/schedules", { query: asked() }]]),
      a({ class: "btn", href: "#/cron" }, icon("clock"), "Cron helper"),
      a({ class: "btn main-act", href: "#/schedules/new" }, icon("plus"), "New schedule"),
    ] }),
    div({ class: "filters" },
      chips({ name: "active", label: "State", options: () => [["", "All"], ["true", "Active"], ["false", "Paused"]].map(([value, label]) => ({ value, label })) }),
      choose({ name: "queue", label: "Queue", options: () => (queues.data.value ?? []).map(it => ({ value: it.queue_name ?? it.name })) })),
    again.button,
    either(() => active.value !== "false" && schedules.ids.value.length, () => next.panel),
    panel(null, {}, shown(schedules, () => table({
      of: schedules, label: "Schedules", columns, selected, group: "Schedules", nameOf: id => schedules.row(id).peek().name, rowClass: row => (row.value.is_active ? "" : "off"),
      more: { p: ["Pause or resume", withRow(it => switchAll(!it.is_active, [it.id]))], "Shift+r": ["Run now", withRow(it => send("POST", `/schedules/${it.id}/trigger`).then(() => (toast(`${it.name} runs now`), again.refresh())))] },
    }), {
      what: "the schedules", word: "schedules:read", isEmpty: () => !schedules.ids.value.length,
      empty: () => (isFiltered.value ? noMatch(NAMES, { what: "schedules" }) : emptyState("No schedules yet", p("A schedule puts a job into a queue, again and again, at the times of a cron rule."), a({ class: "btn main-act", href: "#/schedules/new" }, "New schedule"))),
    })),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, () => `${count(schedules.ids.value.length)} shown. More`))),
    bar,
  ];
}
