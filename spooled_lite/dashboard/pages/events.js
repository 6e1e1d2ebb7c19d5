// What happens, as it happens: what was last, then the stream with the same filters. Too much to read is counted.

import { get } from "../lib/api.js";
import { every, nowMs } from "../lib/clock.js";
import { el, list, when, sheet } from "../lib/dom.js";
import { clockText, count, plural, shortId, span as duration, stampText } from "../lib/format.js";
import { icon, mark } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { held, live, mark as state } from "../lib/live.js";
import { link, queryOf } from "../lib/router.js";
import { batch, computed, signal } from "../lib/signal.js";
import { reading, resource } from "../lib/store.js";
import { asCurl } from "../parts/curl.js";
import { choose, noMatch } from "../parts/filters.js";
import { head, panel } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";

const { a, button, div, li, ol, p, span, time } = el;
const LINES_MAX = 2000, BACKLOG = 200, SHOWN_FIRST = 300;
const FAST_PER_SECOND = 100, RATE_SECONDS = 3;
// Without queue.stats, which is a number of each queue again and again.
const KINDS = ["job.created", "job.status", "job.started", "job.progress", "job.completed", "job.failed", "job.retrying", "job.deadlettered", "job.cancelled", "job.stop_requested",
  "queue.paused", "queue.resumed", "worker.registered", "worker.heartbeat", "worker.deregistered", "worker.inactive",
  "schedule.triggered", "workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled"];
const TONES = { created: "pending", started: "processing", progress: "processing", completed: "completed", failed: "failed", retrying: "retrying", deadlettered: "deadletter", cancelled: "cancelled", paused: "paused", inactive: "warn" };
const PLACES = [["job_id", "jobs"], ["workflow_id", "workflows"], ["worker_id", "workers"], ["schedule_id", "schedules"]];
const NAMES = { kind: "Kind", queue: "Queue", job: "Job", worker: "Worker" };

let made = 0;
// The log leaves results out; the same event of the stream may have one.
function lineOf(kind, { result: _, ...data }) {
  return { id: ++made, kind, data, at: Date.parse(data.timestamp), name: `${kind} ${JSON.stringify(data)}` };
}

function said({ kind, data }) {
  if (data.error) return data.error;
  if (kind === "job.status") return [data.old_status, data.new_status].filter(Boolean).join(" → ");
  if (kind === "job.progress") return [`${data.progress} %`, data.message].filter(Boolean).join(", ");
  if (data.duration_ms != null) return `took ${duration(data.duration_ms)}`;
  return data.reason ?? data.hostname ?? (kind === "job.created" ? data.status : "");
}

await sheet("events.css");

export default function events() {
  const kind = queryOf("kind"), queue = queryOf("queue"), job = queryOf("job"), worker = queryOf("worker");
  const filter = () => ({ events: kind.value || KINDS.join(","), queue: queue.value, job_id: job.value, worker_id: worker.value });
  const isFiltered = () => kind.value || queue.value || job.value || worker.value;
  const lines = signal([]), dropped = signal(0), isWhole = signal(false), rate = signal(0), tally = signal([]);
  const known = new Set(), queues = resource(ending => get("/queues", {}, { signal: ending }));
  let seconds = [], last = []; // lines of the last read

  // The newest first. What comes again, of the log or after a break, is there already.
  function add(more, isLive) {
    const fresh = more.filter(it => !known.has(it.name) && known.add(it.name));
    if (isLive) fresh.reverse();
    if (!fresh.length) return;
    const all = [...fresh, ...lines.peek()];
    if (!isLive) all.sort((x, y) => y.at - x.at);
    for (const it of all.splice(LINES_MAX)) {
      known.delete(it.name);
      dropped.value++;
    }
    lines.value = all;
  }
  const log = resource(async ending => {
    const found = await get("/events/log", { ...filter(), limit: BACKLOG }, { signal: ending });
    add((last = found.map(it => lineOf(it.type, it.data))), false);
    return true;
  });
  const clear = () => {
    known.clear();
    batch(() => [lines.value, dropped.value] = [[], 0]);
  };
  reading(filter, () => (clear(), log.read()));
  live({ isTail: true, query: filter, read: log.read, paint(frames) {
    const second = Math.floor(nowMs() / 1000);
    const fits = frames.filter(it => it.data.timestamp && it.kind !== "queue.stats");
    seconds.push(...fits.map(it => ({ second, kind: it.kind, line: it })));
    add(fits.map(it => lineOf(it.kind, it.data)), true);
  } });
  every(1, () => {
    const since = Math.floor(nowMs() / 1000) - RATE_SECONDS, kinds = new Map();
    seconds = seconds.filter(it => it.second >= since);
    // So many that none is sent: the newest, and how fast they came, stand for all.
    const isPart = state.peek() === "busy" && last.length, told = isPart ? last : seconds.map(it => it.line).reverse();
    const over = isPart ? Math.max(1, last[0].at - last.at(-1).at) / 1000 : RATE_SECONDS;
    for (const { kind, data } of told) kinds.set(kind, { kind, n: (kinds.get(kind)?.n ?? 0) + 1, data: kinds.get(kind)?.data ?? data });
    batch(() => {
      rate.value = told.length / over;
      tally.value = [...kinds.values()].map(it => ({ ...it, n: Math.round(it.n / over) })).sort((x, y) => y.n - x.n);
    });
  });
  const isFast = computed(() => rate.value > FAST_PER_SECOND && !held.value);
  const hold = button({ class: "btn", "aria-pressed": () => held.value, onclick: () => held.update(it => !it) }, () => icon(held.value ? "play" : "pause"), span(() => (held.value ? "Go on" : "Hold")));
  keys("Events", { r: ["Read again", log.read], c: ["Clear", clear] });

  const rows = computed(() => (isWhole.value ? lines.value : lines.value.slice(0, SHOWN_FIRST)));
  return [
    head({ title: "Events", acts: [hold, button({ class: "btn", onclick: clear }, "Clear"),
      asCurl(() => [["What was last", "GET", "/events/log", { query: { ...filter(), limit: BACKLOG } }], ["As it happens", "GET", "/events", { query: { ...filter(), frames: "named" } }]])] }),
    div({ class: "filters" },
      choose({ name: "kind", label: "Kind", options: () => KINDS.map(value => ({ value })) }),
      choose({ name: "queue", label: "Queue", isFree: true, placeholder: "name or beginning*", options: () => (queues.data.value ?? []).map(it => ({ value: it.queue_name ?? it.name })) }),
      choose({ name: "job", label: "Job", isFree: true, placeholder: "id of a job", say: shortId }),
      choose({ name: "worker", label: "Worker", isFree: true, placeholder: "id of a worker", say: shortId })),
    shown(log, () => panel(null, {},
      when(() => isFast.value, () => [
        p({ class: "pad quiet", role: "status" }, () => `${count(Math.round(rate.value))} a second, too many to read: below is the rate of each kind, with its last event. Hold shows the lines.`),
        ol({ class: "tail" }, list(() => tally.value, it => it.kind, row => line(row, span({ class: "num" }, () => `${count(row.value.n)}/s`)))),
      ], () => [
        ol({ class: "tail", "aria-label": "Events, the newest first" }, list(() => rows.value, it => it.id, row => line(row, stamp(row.peek())))),
        when(() => !isWhole.value && lines.value.length > SHOWN_FIRST, () => p({ class: "pad" }, button({ class: "btn", onclick: () => { isWhole.value = true; } }, () => `Show all ${count(lines.value.length)}`))),
        when(() => dropped.value, () => p({ class: "pad quiet small" }, () => `${plural(dropped.value, "older line")} dropped: the newest ${count(LINES_MAX)} are kept.`)),
      ])), {
      what: "what happened last", word: "jobs:read", lines: 12, isEmpty: () => !lines.value.length,
      empty: () => (isFiltered() ? noMatch(NAMES, { what: "events" }) : emptyState("Nothing has happened in the last hour", p("Jobs appear here as soon as they are created, handed out or ended."))),
    }),
  ];
}

const stamp = it => time({ class: "mono quiet", title: () => stampText(it.at), datetime: new Date(it.at).toISOString() }, () => clockText(it.at), `.${String(it.at % 1000).padStart(3, "0")}`);

// Nothing of a line changes, but of the sample of a kind.
function line(row, first) {
  const of = row.peek().kind.split(".")[1];
  return li(first, span({ class: "status", "data-s": TONES[of] ?? "pending" }, TONES[of] && mark(TONES[of]), row.peek().kind), () => {
    const { data } = row.value, [name, place] = PLACES.find(([each]) => data[each]) ?? [];
    return [data.queue_name ? a({ class: "clip of", href: link(["queues", data.queue_name]) }, data.queue_name) : span({ class: "of off-card" }),
      name && a({ class: "mono", href: link([place, data[name]]), title: data[name] }, shortId(data[name])),
      span({ class: "clip quiet said", title: said(row.value) }, said(row.value))];
  });
}
