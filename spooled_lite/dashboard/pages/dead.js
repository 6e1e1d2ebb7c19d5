// Dead letters by error: how many, where, since when; the opened error with its jobs, and what can be done.

import { get } from "../lib/api.js";
import { readCounts } from "../lib/about.js";
import { every, gathered } from "../lib/clock.js";
import { el, list, when as either, sheet } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, queryOf, route } from "../lib/router.js";
import { computed, signal, untracked } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { filterOf, groupRows, groupTold, purgeMany, retryMany } from "../parts/dead_group.js";
import { exportButton } from "../parts/export.js";
import { choose, noMatch } from "../parts/filters.js";
import { newer } from "../parts/newer.js";
import { head, panel } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";

const { a, b, button, div, h2, header, p, span } = el;
const PAGE = 100, READ_SECONDS = 15;
await sheet("dead.css");
const KEY = /^[0-9a-f]{16}$/;

export default function deadPage() {
  const queue = queryOf("queue"), group = queryOf("group");
  const asked = () => ({ kind: "dead", queue: queue.value, limit: PAGE });
  const hasMore = signal(false);
  let opened = null; // what is shown of the opened error

  // As many as are shown, page by page.
  async function load(ending) {
    const found = [], wanted = groups?.ids.peek().length ?? 0;
    let page;
    do found.push(...(page = await get("/dashboard/errors", { ...asked(), offset: found.length || null }, { signal: ending })));
    while (page.length === PAGE && found.length < wanted);
    hasMore.value = page.length === PAGE;
    return found.map(it => ({ ...it, id: it.key }));
  }
  let groups = null;
  groups = rows(load);
  const stats = resource(ending => get("/jobs/stats", { queue_name: queue.value }, { signal: ending }));
  const queues = resource(ending => get("/queues", {}, { signal: ending }));
  const again = newer(groups, load, "other error", { gone: key => groups.patch(key, { dead_count: 0, failed_1h: 0 }) });
  const read = () => (again.read(), stats.read(), opened?.read());
  const refresh = () => (again.refresh(), stats.read(), readCounts());
  reading(() => queue.value, () => (again.read(), stats.read()));

  async function more() {
    const found = await get("/dashboard/errors", { ...asked(), offset: groups.ids.peek().length });
    hasMore.value = found.length === PAGE;
    groups.add(found.map(it => ({ ...it, id: it.key })));
  }

  let isNew = false; // since it was read again
  const refreshSoon = gathered(() => {
    refresh();
    if (isNew) opened?.refresh();
    isNew = false;
  });
  live({
    events: "job.deadlettered,job.status", query: () => ({ queue: queue.value }), read: () => (refresh(), opened?.refresh(true)),
    paint(frames) {
      let isOther = false;
      for (const { kind, data } of frames) {
        const isHere = kind === "job.status" && opened?.patch(data.job_id, { status: data.new_status });
        isOther ||= isHere || kind === "job.deadlettered" || data.old_status === "deadletter";
        isNew ||= kind === "job.deadlettered";
      }
      if (isOther) refreshSoon();
    },
  });
  every(READ_SECONDS, refresh);

  // Opened and closed: one step back each.
  const turn = key => go("dead", { ...route.peek().query, group: group.peek() === key ? null : key });
  const walk = step => () => {
    const all = [...document.querySelectorAll(".fold")], at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at + step))]?.focus();
  };
  keys("Dead letters", {
    r: ["Read again", read],
    ".": ["Show the newer ones", () => (opened?.hasNewer() ? opened.read() : again.read())],
    "]": ["More", () => (opened?.hasMore() ? opened.more() : hasMore.peek() && more())],
    j: ["Next error", walk(1)],
    k: ["Error before", walk(-1)],
  });

  const total = () => stats.data.value?.deadletter ?? 0, filter = () => filterOf({ queue: queue.peek() });
  const none = () => (total() ? null : "There are none");
  const retryAll = gated({ label: span(() => `Retry all${total() ? ` ${count(total())}` : ""}…`), icon: "retry", words: ["jobs:write"], kind: "main-act", obstacle: none,
    onclick: () => retryMany({ filter: filter(), after: read }) });
  const purge = gated({ label: "Purge…", icon: "trash", words: ["jobs:delete"], kind: "danger", obstacle: none,
    onclick: () => purgeMany({ filter: filter(), what: queue.peek() ? `of ${queue.peek()}` : "of all queues", typed: queue.peek() || undefined, after: read }) });

  const body = key => panelOf(key, queue, { after: refresh, tell: it => { opened = it; } });
  const isLost = computed(() => group.value && groups.data.value && !groups.ids.value.includes(group.value));
  return [
    head({
      title: "Dead letters",
      note: () => stats.data.value && groups.data.value && total() > 0 && `${count(total())} in ${groups.ids.value.length}${hasMore.value ? " and more" : ""} ${groups.ids.value.length === 1 ? "group" : "groups"}`,
      acts: [
        asCurl(() => [["Errors with their dead letters", "GET", "/dashboard/errors", { query: asked() }], ["The dead letters of one", "GET", "/jobs/dlq", { query: { error_key: group.value || "KEY", queue_name: queue.value } }], ["Count what a retry would put back", "POST", "/jobs/actions", { body: { action: "retry", filter: filterOf({ queue: queue.value, key: group.value }), dry_run: true } }]]),
        exportButton({ name: "dead-letters", path: "/jobs", query: () => ({ status: "deadletter", queue_name: queue.value, error_key: KEY.test(group.value) ? group.value : null }) }),
        retryAll, purge,
      ],
    }),
    div({ class: "filters" }, choose({ name: "queue", label: "Queue", options: () => (queues.data.value ?? []).map(it => ({ value: it.queue_name ?? it.name })) })),
    again.button,
    either(() => isLost.value, () => () => panel("This error", { note: "not among the errors below" }, () => (KEY.test(group.value) ? body(group.value) : p({ class: "pad quiet" }, "There is no such error.")))),
    shown(groups, () => list(() => groups.ids.value, key => key, (_, key) => groupPanel(groups.row(key), () => group.value === key, { turn, queue, after: refresh, body })), {
      what: "the dead letters", word: "jobs:read", lines: 10, isEmpty: () => !groups.ids.value.length,
      empty: () => panel(null, {}, queue.value ? noMatch({ queue: "Queue" }, { what: "dead letters" }) : emptyState("No dead letters", p("A job comes here when its attempts have run out."), a({ class: "btn", href: "#/jobs" }, "All jobs"))),
    }),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, icon("down"), "More errors"))),
  ];
}

const panelOf = (key, queue, given) => () => { const name = queue.value; return untracked(() => groupRows(key, name, given)); };

function groupPanel(row, isOpen, { turn, queue, after, body }) {
  const { key } = row.peek(), n = () => row.value.dead_count;
  const retry = gated({ label: span(() => (n() ? `Retry ${count(n())}…` : "Retry…")), icon: "retry", words: ["jobs:write"], obstacle: () => (n() ? null : "None are left"),
    onclick: () => retryMany({ filter: filterOf({ queue: queue.peek(), key }), after }) });
  const title = () => visible(row.value.title) || "No text";
  return el.section({ class: () => `panel group${n() ? "" : " moved"}`, "aria-label": title },
    header(
      h2(button({ class: "fold", "aria-expanded": () => String(isOpen()), onclick: () => turn(key), title },
        () => icon(isOpen() ? "down" : "right"), span({ class: "mono clip" }, title))),
      b({ class: "num", title: () => plural(n(), "dead letter") }, () => count(n())), retry),
    groupTold(row),
    either(isOpen, () => body(key)));
}
