// Is anything wrong, in one look: the first sentence, the numbers, the queues, what fails.

import { counts, health } from "../lib/about.js";
import { get } from "../lib/api.js";
import { every, gathered, now, nowMs } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, sinceText } from "../lib/format.js";
import { mark } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { link } from "../lib/router.js";
import { may, me } from "../lib/session.js";
import { computed, effect, signal, untracked } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { sharesOf, verdict } from "../lib/verdict.js";
import { asCurl } from "../parts/curl.js";
import { verdictPart } from "../parts/verdict.js";
import { head, panel } from "../parts/panel.js";
import { pauseKey, queueColumns } from "../parts/queues_table.js";
import { shown, skeleton } from "../parts/states.js";
import { table } from "../parts/table.js";

const { a, b, div, nav, small, span } = el;
const QUEUES_SHOWN = 10, QUEUES_READ = 100, ERRORS_SHOWN = 5;
const SHARES_MAX = 3, HOUR_MS = 36e5;
const READ_SECONDS = 15;
const EVENTS = "queue.stats,queue.paused,queue.resumed,worker.registered,worker.deregistered,worker.inactive,workflow.failed";

export default function home() {
  const stats = resource(ending => get("/jobs/stats", {}, { signal: ending }));
  const queues = rows(ending => get("/dashboard/queues", { sort: "attention", limit: QUEUES_READ }, { signal: ending }), { key: it => it.queue_name });
  const all = computed(() => queues.data.value ?? []);
  let asked = "";
  const errors = kind => resource(ending => get("/dashboard/errors", { kind, limit: ERRORS_SHOWN }, { signal: ending }), { isRead: may("jobs:read") });
  const failing = errors("failing"), dead = errors("dead");
  // The charts, and what is below the queues, come after the first row.
  const charts = signal(null), figures = computed(() => charts.value && untracked(charts.value.series)), below = signal(null);
  effect(() => {
    if (queues.state.value === "loading") return;
    import("../parts/series.js").then(it => { charts.value = it; });
    import("../parts/failing.js").then(it => { below.value = it.failing; });
  });
  const failingNames = () => all.value.filter(it => it.attention.includes("failing")).slice(0, SHARES_MAX).map(it => it.queue_name);
  // Of what fails: the last minutes against the hour.
  const shares = resource(async ending => new Map(await Promise.all(failingNames().map(async queue =>
    [queue, sharesOf(await get("/dashboard/series", { queue, from: new Date(nowMs() - HOUR_MS).toISOString() }, { signal: ending }))]))), { isRead: false });
  effect(() => { if (failingNames().join("\n") !== asked) [asked] = [failingNames().join("\n"), untracked(shares.read)]; });
  const webhooks = resource(ending => get("/outgoing-webhooks", {}, { signal: ending }), { isRead: may("webhooks:read") });
  const worst = { ...queues, ids: computed(() => queues.ids.value.slice(0, QUEUES_SHOWN)) };

  const read = () => (stats.read(), queues.read());
  // Several frames are one read: it costs the server less than telling each number to each page.
  live({ events: EVENTS, read, paint: gathered(read) });
  every(READ_SECONDS, () => (read(), failing.read(), dead.read(), figures.value?.read(), shares.read()));
  keys("Home", { r: ["Read again", read] });

  effect(() => {
    const it = stats.data.value;
    if (it) counts.update(all => ({ ...all, jobs: it.total, dead: it.deadletter }));
  });
  const steps = signal(null), isNew = signal(false); // it was empty when it was opened: the steps stay to their end
  const isEmpty = computed(() => stats.data.value?.total === 0 && all.value.length === 0);
  effect(() => { if (isEmpty.value) isNew.value = true; });
  return [
    head({ title: "Home", note: () => me.value?.organization?.name, acts: [asCurl(() => [["Queues, the worst first", "GET", "/dashboard/queues", { query: { sort: "attention" } }], ["Jobs by status", "GET", "/jobs/stats"]])] }),
    either(() => isNew.value, () => { import("../parts/first_steps.js").then(it => { steps.value = it.firstSteps; }); return () => steps.value?.(); }),
    either(() => !isEmpty.value, () => [
      either(() => queues.data.value, () => verdictPart(() => verdict({ health: health.value, queues: all.value, errors: dead.data.value ?? [], shares: shares.data.value ?? new Map(), webhooks: webhooks.data.value ?? [], nowMs: now.value }))),
      shown(stats, () => tiles(stats, all), { what: "the numbers", word: "jobs:read", lines: 2 }),
      () => figures.value?.charts ?? div({ class: "grid even" }, [1, 2].map(() => panel(null, { class: "charts-room" }, skeleton(6)))),
      panel("Queues", {
        note: () => (all.value.length > QUEUES_SHOWN ? `the ${QUEUES_SHOWN} that need a look first, of ${count(all.value.length)}` : all.value.length ? "worst first" : ""),
        more: a({ href: "#/queues" }, "All queues"),
      }, shown(queues, () => table({ of: worst, label: "Queues", columns: queueColumns({ after: read, spark: values => charts.value?.spark(values) }), nameOf: name => name, group: "Queues", more: pauseKey }), { what: "the queues", word: "queues:read" })),
      () => below.value?.(failing),
    ]),
  ];
}

function tiles(stats, all) {
  const sum = name => all.value.reduce((total, it) => total + (it[name] ?? 0), 0);
  const oldest = () => all.value.filter(it => it.oldest_waiting_at && !it.paused).sort((x, y) => (x.oldest_waiting_at < y.oldest_waiting_at ? -1 : 1))[0];
  const tile = (tone, label, n, note, href) => a({ class: "tile", href, "data-s": tone }, span(mark(tone), label), b(() => count(n())), small(note));
  const of = name => () => stats.data.value[name];
  return nav({ class: "tiles", "aria-label": "Jobs by status" },
    tile("pending", "Waiting", () => Math.max(0, stats.data.value.pending - sum("retrying") - sum("blocked")), () => (oldest() ? `oldest ${sinceText(oldest().oldest_waiting_at)} (${oldest().queue_name})` : ""), link("jobs", { status: "pending" })),
    tile("processing", "Processing", of("processing"), () => plural(sum("workers"), "worker"), link("jobs", { status: "processing" })),
    tile("scheduled", "Scheduled", of("scheduled"), "", link("jobs", { status: "scheduled" })),
    tile("retrying", "Retry waiting", () => sum("retrying"), "", link("jobs", { status: "retrying" })),
    tile("deadletter", "Dead letters", of("deadletter"), () => (all.value.filter(it => it.deadletter).length > 1 ? `in ${all.value.filter(it => it.deadletter).length} queues` : ""), "#/dead"),
    tile("completed", "Done per minute", () => Math.round(sum("completed_per_min")), () => `${count(stats.data.value.completed)} in all`, link("jobs", { status: "completed" })));
}
