// Of the server: its loops, its plans, its settings.

import { el, list } from "../lib/dom.js";
import { bytes, count, plural } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { computed, signal } from "../lib/signal.js";
import { checkField } from "./form.js";
import { panel, when } from "./panel.js";

const { div, input, span, table, tbody, td, th, thead, tr } = el;

const heads = names => thead(tr(names.map(([name, kind]) => th({ scope: "col", class: kind }, name))));

// Those that fail first; the others as the server has them.
export const loopsTable = read => div({ class: "scroll", tabindex: 0, role: "region", "aria-label": "Background loops" }, table({ class: "cards", "aria-label": "Background loops" },
  heads([["Loop"], ["Last pass", "num"], ["Next", "num"], ["Failed", "num"]]),
  tbody(list(() => read().toSorted((a, b) => b.failures - a.failures), it => it.name, row => tr(
    td({ class: "mono" }, () => row.value.name),
    td({ class: "num second" }, () => (row.value.ran_at ? when(row.value.ran_at) : span({ class: "quiet" }, "not yet"))),
    td({ class: "num third" }, () => (row.value.due_at ? [span({ class: "on-card" }, "next "), when(row.value.due_at)] : span({ class: "quiet" }, "when due"))),
    td({ class: "num" }, () => (row.value.failures ? status("failed", count(row.value.failures)) : span({ class: "quiet off-card" }, "0"))))))));

const days = n => (n == null || n <= 0 ? "for ever" : plural(n, "day"));
const most = n => (n == null ? "no limit" : count(n));
// Name in the API, name for people, how it is said.
export const LIMITS = [
  ["max_jobs_per_day", "Jobs a day", most], ["max_active_jobs", "Active jobs", most], ["max_queues", "Queues", most], ["max_workers", "Workers", most],
  ["max_api_keys", "API keys", most], ["max_schedules", "Schedules", most], ["max_workflows", "Workflows", most], ["max_webhooks", "Webhooks", most],
  ["max_payload_size_bytes", "Largest payload", n => (n == null ? "as the server" : bytes(n))], ["rate_limit_requests_per_second", "Requests a second", most],
  ["rate_limit_burst", "Requests at once", most], ["job_retention_days", "Ended jobs kept", days], ["history_retention_days", "Histories kept", days],
];

export const plansTable = plans => table({ "aria-label": "Plans" }, thead(tr(th({ scope: "col" }, "Limit"), plans.map(it => th({ scope: "col", class: "num", title: it.description }, it.display_name)))),
  tbody(LIMITS.map(([name, words, say]) => tr(th({ scope: "row" }, words), plans.map(it => td({ class: "num" }, say(it.limits[name])))))));

const said = value => (value == null || value === "" ? span({ class: "quiet" }, "none") : value === "set" ? span({ class: "quiet" }, "set, not shown") : Array.isArray(value) ? value.join(", ") || span({ class: "quiet" }, "none") : String(value));

export function settingsPanel(read) {
  const text = signal(""), isAll = signal(false);
  const fits = computed(() => read().filter(it => it.name.includes(text.value) && (text.value || isAll.value || it.source !== "default")));
  return panel("Settings", { note: () => `${count(fits.value.length)} of ${count(read().length)}`, more: [
    checkField("Defaults too", isAll),
    input({ class: "text part", type: "search", "aria-label": "Find a setting", placeholder: "Part of a name", oninput: event => { text.value = event.target.value.trim().toLowerCase().replaceAll(" ", "_"); } })] },
  div({ class: "scroll", tabindex: 0, role: "region", "aria-label": "Settings" }, table({ class: "cards", "aria-label": "Settings" }, heads([["Name"], ["Value"], ["From"]]),
    tbody(list(() => fits.value, it => it.name, row => tr({ class: () => (row.value.source === "default" ? "off" : "") },
      td({ class: "mono" }, () => row.value.name), td({ class: "fill clip whole", title: () => String(row.value.value ?? "") }, () => said(row.value.value)), td(() => row.value.source)))))),
  () => !fits.value.length && div({ class: "empty" }, text.value ? "No setting has such a name." : "Nothing was set: all have their defaults."));
}
