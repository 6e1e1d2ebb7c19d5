// All jobs: find them, act on one, on several, on all that match.

import { get } from "../lib/api.js";
import { every, nowMs, rangeOf } from "../lib/clock.js";
import { counts } from "../lib/about.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId, span as duration } from "../lib/format.js";
import { icon, stateOf, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { pages } from "../lib/pages.js";
import { go, link, queryOf } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { asCurl } from "../parts/curl.js";
import { exportButton } from "../parts/export.js";
import { chips, choose, narrower, noMatch, timeRange } from "../parts/filters.js";
import { bulk } from "../parts/job_acts.js";
import { head, panel, when } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { chosenTable, columnsMenu } from "../parts/table.js";
import { say } from "../parts/toast.js";

const { a, button, div, span } = el;
const PAGE = 100;
const STATUSES = [["", "All"], ["pending", "Pending"], ["processing", "Processing"], ["scheduled", "Scheduled"], ["retrying", "Retry waiting"], ["blocked", "Blocked"], ["deadletter", "Dead letters"], ["completed", "Completed"], ["cancelled", "Cancelled"]];
const NAMES = { status: "Status", queue: "Queue", type: "Type", tag: "Tag", worker: "Worker", error: "Error", text: "Text", range: "Created" };
const NEWER_MAX = 1000; // ids kept to count them
// Finer than a status: what the server calls a state.
const STATES = new Set(["retrying", "blocked"]);
const SILENT_MS = 30_000;
const ENDS = new Set(["completed", "failed", "deadletter", "cancelled"]);

export default function jobsPage() {
  const filter = Object.fromEntries(Object.keys(NAMES).map(name => [name, queryOf(name)]));
  const asked = () => ({
    ...(STATES.has(filter.status.value) ? { state: filter.status.value } : { status: filter.status.value }),
    text: filter.text.value, worker_id: filter.text.value ? null : filter.worker.value, error_key: filter.error.value, queue_name: filter.queue.value, job_type: filter.type.value, tag: filter.tag.value,
    created_after: rangeOf(filter.range.value).after, created_before: rangeOf(filter.range.value).before,
  });
  const isFiltered = computed(() => Object.values(filter).some(it => it.value));
  const selected = signal(new Set()), newer = signal(new Set()), byError = signal(null); // of dead letters alone
  const heard = new Map(); // when a row was last told of

  const search = signal(null);
  const { hasMore, isMore, first, more: nextPage } = pages(() => jobs, from => get("/jobs", { ...asked(), limit: PAGE, ...from }), PAGE);
  const more = async () => (filter.text.peek() ? jobs.add(await search.peek().more()) : nextPage());
  const jobs = rows(async ending => {
    if (filter.text.peek()) {
      [newer.value, hasMore.value] = [new Set(), false];
      search.value ??= (await import("../parts/search.js")).textSearch(asked);
      return (await search.peek().begin(ending)) ?? [];
    }
    const found = await get("/jobs", { ...asked(), limit: PAGE }, { signal: ending });
    newer.value = new Set();
    return first(found);
  }, { again: () => (hasMore.value = jobs.ids.peek().length >= PAGE, refresh()) });
  const stats = resource(ending => get("/jobs/stats", { queue_name: filter.queue.value }, { signal: ending }));
  const queues = resource(ending => get("/queues", {}, { signal: ending }));
  reading(() => Object.values(filter).map(it => it.value), () => {
    selected.value = new Set();
    jobs.read();
  });
  reading(() => filter.queue.value, () => stats.read());

  function paint(frames) {
    const fresh = new Set(newer.peek());
    for (const { kind, data } of frames) {
      const id = data.job_id, row = jobs.row(id);
      if (!row) {
        if (kind === "job.created" && fresh.size < NEWER_MAX && fits(data)) fresh.add(id);
        continue;
      }
      heard.set(id, Date.now());
      if (kind === "job.status") jobs.patch(id, changed(data, row.peek()));
      if (kind === "job.failed") jobs.patch(id, { last_error: data.error, retry_count: data.retry_count });
      if (kind === "job.retrying") jobs.patch(id, { scheduled_at: data.scheduled_at });
    }
    if (fresh.size === newer.peek().size) return;
    newer.value = fresh;
    say(plural(fresh.size, "newer job"), { isRare: true });
  }
  const fits = data => (!filter.queue.value || data.queue_name === filter.queue.value) && !filter.text.value && (!filter.status.value || data.status === filter.status.value) && !filter.type.value && !filter.tag.value && !filter.worker.value && !filter.error.value && !asked().created_before;
  const changed = ({ new_status, timestamp, worker_id }, before) => ({
    status: new_status, updated_at: timestamp, worker_id: new_status === "processing" ? worker_id : before.worker_id,
    ...(new_status === "processing" && { started_at: timestamp }),
    ...(ENDS.has(new_status) && { completed_at: timestamp }),
  });

  // Rows of which no frame has told for a while.
  async function readSilent() {
    const asked = Date.now(), since = id => asked - (heard.get(id) ?? 0);
    const silent = jobs.ids.peek().filter(id => !ENDS.has(jobs.row(id).peek().status) && since(id) > SILENT_MS).slice(0, PAGE);
    if (!silent.length) return;
    for (const it of await get("/jobs/status", { ids: silent.join(",") })) {
      const id = it.id ?? it.job_id;
      if (since(id) > 0) jobs.patch(id, { status: it.status }); // a frame that came meanwhile is newer
    }
  }

  // Frames may be missing: the rows that are there in their places, what is new behind its button.
  async function refresh() {
    stats.read();
    if (filter.text.peek()) return readSilent();
    const found = await get("/jobs", { ...asked(), limit: PAGE });
    const fresh = new Set(newer.peek());
    for (const it of found) {
      if (jobs.row(it.id)) jobs.patch(it.id, it);
      else if (it.created_at >= (jobs.all()[0]?.created_at ?? "")) fresh.add(it.id);
    }
    newer.value = fresh;
    found.forEach(it => heard.set(it.id, Date.now()));
    heard.forEach((at, id) => jobs.row(id) || heard.delete(id));
    await readSilent();
  }

  every(SILENT_MS / 1000, () => (readSilent(), stats.read()));
  live({ events: "job.created,job.status,job.failed,job.retrying", query: () => ({ queue: filter.queue.value }), paint, read: () => (jobs.ids.peek().length || filter.text.peek() ? refresh() : jobs.read()) });

  const state = row => stateOf(row.value, nowMs());
  const isMoved = row => filter.status.value && ![row.value.status, state(row)].includes(filter.status.value);
  const columns = [
    { label: "Status", isAlways: true, cell: row => () => status(state(row), isMoved(row) ? `now ${row.value.status}` : undefined) },
    { label: "Type", isAlways: true, class: "whole brief", cell: row => [
      span({ class: "on-card quiet" }, span(() => typeOf(row.value) || "no type"), " · ", span(row.peek().queue_name), " · ", when(row.peek().created_at)),
      span({ class: "off-card", title: () => typeOf(row.value) }, () => typeOf(row.value))] },
    { label: "Queue", class: "hide brief", cell: row => a({ href: link(["queues", row.peek().queue_name]) }, row.peek().queue_name) },
    { label: "Id", isAlways: true, cell: (row, id) => a({ class: "mono", href: link(["jobs", id]), "data-open": "" }, shortId(id)) },
    { label: "Attempt", class: "num hide", cell: row => () => [attempt(row.value), span({ class: "quiet" }, `/${row.value.max_retries + 1}`)] },
    { label: "Prio", class: "num hide", cell: row => () => row.value.priority || "" },
    { label: "Took", class: "num hide", cell: row => () => (row.value.started_at && row.value.completed_at ? duration(Date.parse(row.value.completed_at) - Date.parse(row.value.started_at)) : "") },
    { label: "Found", class: "fill clip whole", isAlways: true, cell: row => () => row.value.match && search.peek().foundIn(row.value.match, filter.text.value) },
    { label: "Last error", class: "fill clip whole quiet", cell: row => () => row.value.last_error && span({ title: row.value.last_error.slice(0, 1000) }, row.value.last_error.slice(0, 300)) },
    { label: "Created", class: "num hide", cell: row => when(row.peek().created_at) },
  ];
  const shownColumns = () => columns.filter(it => !(filter.text.value ? ["Prio", "Took", "Last error"] : ["Found"]).includes(it.label));
  const typeOf = it => it.job_type || it.kind?.replace("_", " ");
  const attempt = it => (it.started_at ? it.retry_count + (["pending", "scheduled"].includes(it.status) ? 0 : 1) : "–");

  const acts = bulk({ jobs, selected, asked, isFiltered, after: () => (jobs.read(), stats.read()) });
  keys("Jobs", {
    r: ["Read again", () => (jobs.read(), stats.read())],
    ".": ["Show the newer ones", () => jobs.read()],
    n: ["New job", () => go("jobs/new")],
    "]": ["More", more],
  });

  const total = () => count(stats.data.value?.total ?? counts.value.jobs);
  return [
    head({ title: "Jobs", note: total, acts: [
      asCurl(() => [["The jobs shown", "GET", filter.text.value ? "/jobs/search" : "/jobs", { query: { ...asked(), limit: PAGE } }], ["Their numbers", "GET", "/jobs/stats"]]),
      either(() => !filter.text.value, () => exportButton({ name: "jobs", path: "/jobs", query: asked })),
      () => columnsMenu("Jobs", shownColumns()),
      a({ class: "btn main-act", href: "#/jobs/new" }, icon("plus"), "New job"),
    ] }),
    chips({ name: "status", label: "Status", options: () => STATUSES.map(([value, label]) => ({ value, label, n: numberOf(value) })) }),
    div({ class: "filters" },
      choose({ name: "queue", label: "Queue", options: () => (queues.data.value ?? []).map(it => ({ value: it.queue_name ?? it.name })) }),
      choose({ name: "type", label: "Type", isFree: true, placeholder: "mail.send" }),
      choose({ name: "tag", label: "Tag", isFree: true, placeholder: "vip" }),
      choose({ name: "text", label: "Text", isFree: true, placeholder: "Payload, result, error" }),
      either(() => !filter.text.value, () => choose({ name: "worker", label: "Worker", isFree: true, placeholder: "Id of a worker: the jobs it holds" })),
      either(() => filter.status.value === "deadletter" || filter.error.value, () => (import("../parts/by_error.js").then(it => { byError.value = it.byError; }), () => byError.value?.(filter.queue))),
      timeRange()),
    either(() => newer.value.size, () => div({ class: "newer" }, button({ class: "btn", onclick: () => jobs.read() }, icon("up"), () => (newer.value.size < NEWER_MAX ? plural(newer.value.size, "newer job") : "1,000+ newer jobs"), el.kbd(".")))),
    panel(null, {}, shown(jobs, () => () => chosenTable({ of: jobs, label: "Jobs", columns: shownColumns(), selected, rowClass: row => (isMoved(row) ? "moved" : ""), group: "Jobs", more: acts.keys }), {
      what: "the jobs", word: "jobs:read", lines: 12, narrower: narrower(() => queues.data.value ?? []), isEmpty: () => !jobs.ids.value.length,
      empty: () => (isFiltered.value ? noMatch(NAMES) : emptyState("No jobs yet", el.p("Jobs that are put into a queue appear here."), a({ class: "btn main-act", href: "#/jobs/new" }, "New job"))),
    })),
    either(() => hasMore.value && jobs.ids.value.length, () => div({ class: "newer" }, button({ class: "btn", onclick: more, "aria-busy": () => (isMore.value ? "true" : null) }, () => `${count(jobs.ids.value.length)} shown. More`))),
    either(() => filter.text.value && search.value && !jobs.error.value, () => search.peek().line(more)),
    acts.bar,
  ];

  function numberOf(value) {
    const it = stats.data.value;
    if (!it || ["type", "tag", "worker", "error", "text", "range"].some(name => filter[name].value)) return null;
    return value ? it[value] ?? null : it.total;
  }
}
