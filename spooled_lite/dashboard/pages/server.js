// The server: how it is, what it does by itself, how it is set, and whose jobs it has. Asks for the admin key.

import { adminGet } from "../lib/admin.js";
import { get } from "../lib/api.js";
import { every, now, nowMs } from "../lib/clock.js";
import { health, ready } from "../lib/about.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { figuresOf, parsed } from "../lib/server_figures.js";
import { onDispose, signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { withAdmin, forgetButton } from "../parts/admin_gate.js";
import { asCurl } from "../parts/curl.js";
import { figuresPanel } from "../parts/figures.js";
import { orgsPanel } from "../parts/orgs_table.js";
import { facts, head, panel } from "../parts/panel.js";
import { loopsTable, plansTable, settingsPanel } from "../parts/server_tables.js";
import { reason, shown } from "../parts/states.js";

const { div } = el;
const FIGURES_SECONDS = 5, SUMS_SECONDS = 30, SECOND_READ_MS = 1500; // rates need two

const trouble = () => ready.value && reason(ready.value);

export default function serverPage() {
  return [
    head({ title: "Server", note: () => health.value && `version ${health.value.version}`, acts: [forgetButton(),
      asCurl(() => [["How it is, for anybody", "GET", "//health"], ["How it is and how it is set", "GET", "/admin/server"], ["Its metrics", "GET", "/metrics/prometheus", { isAdmin: true }],
        ["Sums", "GET", "/admin/stats"], ["All organizations", "GET", "/admin/organizations"], ["The plans", "GET", "/admin/plans"]])] }),
    withAdmin(opened),
    withAdmin(() => null, () => figuresPanel(() => figuresOf({ health: health.value, trouble: trouble(), nowMs: now.value }))),
  ];
}

function opened() {
  const own = resource(async ending => {
    // In trouble there may be no metrics: then what the server says of itself is told alone.
    const [server, text] = await Promise.all([adminGet("/admin/server", {}, { signal: ending }), adminGet("/metrics/prometheus", {}, { signal: ending, repeats: 0 }).catch(() => null)]);
    return { server, metrics: text && { at: nowMs(), values: parsed(text) } };
  }, { take: it => ({ ...it, before: own.data.peek()?.metrics ?? null }) });
  const looked = resource(async ending => (health.value = await get("//health", {}, { isKnown: false, repeats: 0, signal: ending })));
  const stats = resource(ending => adminGet("/admin/stats", {}, { signal: ending }));
  const plans = resource(ending => adminGet("/admin/plans", {}, { signal: ending }));
  const wanted = signal(0); // counts each time that one asks
  const second = setTimeout(own.read, SECOND_READ_MS);
  onDispose(() => clearTimeout(second));
  every(FIGURES_SECONDS, () => (own.read(), looked.read()));
  every(SUMS_SECONDS, stats.read);
  keys("Server", { r: ["Read again", () => { own.read(); looked.read(); stats.read(); wanted.value++; }] });
  const server = () => own.data.value.server;
  return [
    shown(own, () => figuresPanel(() => figuresOf({ health: health.value, trouble: trouble(), server: server(), before: own.data.value.before, after: own.data.value.metrics, nowMs: now.value })), { what: "the server", lines: 12 }),
    panel("In all", {}, shown(stats, () => () => facts(sums(stats.data.value)), { what: "the sums", lines: 3 })),
    orgsPanel({ plans, wanted, after: stats.read }),
    div({ class: "grid even" },
      panel("What it does by itself", {}, shown(own, () => loopsTable(() => server().loops), { what: "its loops" })),
      panel("Plans", {}, shown(plans, () => div({ class: "scroll", tabindex: 0, role: "region", "aria-label": "Limits of the plans" }, plansTable(plans.data.value)), { what: "the plans" }))),
    shown(own, () => settingsPanel(() => server().settings), { what: "its settings", lines: 0 }),
  ];
}

const sums = it => [
  ["Organizations", count(it.total_organizations), it.active_organizations < it.total_organizations && ` (${count(it.active_organizations)} open)`],
  ["Made this week", count(it.organizations.created_this_week)],
  ["Jobs kept", count(it.total_jobs)], ["Pending", count(it.jobs.pending)], ["Processing", count(it.jobs.processing)], ["Scheduled", count(it.jobs_by_status.scheduled)],
  ["Dead letters", count(it.jobs_by_status.deadletter)], ["Stored in 24 h", count(it.total_jobs_24h)], ["Completed in 24 h", count(it.jobs.completed_24h)], ["Failed in 24 h", count(it.jobs.failed_24h)],
  ["Workers", count(it.workers.total), it.workers.degraded > 0 && `, ${count(it.workers.degraded)} not well`], ["Queues", count(it.total_queues)], ["API keys", count(it.total_api_keys)],
];
