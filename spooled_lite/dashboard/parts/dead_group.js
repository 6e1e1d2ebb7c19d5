// One error: what is told of it, its dead letters, and what can be done with them.

import { get } from "../lib/api.js";
import { nowMs } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { MAY_DELETE } from "../lib/edited.js";
import { count, plural, shortId } from "../lib/format.js";
import { stateOf, status } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { pages } from "../lib/pages.js";
import { go, link } from "../lib/router.js";
import { onDispose, signal } from "../lib/signal.js";
import { rows } from "../lib/store.js";
import { act, gated } from "./act.js";
import { bulk, retryOne } from "./job_acts.js";
import { newer } from "./newer.js";
import { when } from "./panel.js";
import { shown } from "./states.js";
import { chosenTable } from "./table.js";

const { a, button, div, p, span } = el;
const PAGE = 100, QUEUES_SHOWN = 3;

// As POST /jobs/actions names it: dead letters alone, whatever else has this error.
export const filterOf = ({ queue, key }) => ({ statuses: ["deadletter"], ...(queue && { queue_name: queue }), ...(key && { error_key: key }) });

export const retryMany = async given => (await import("./many.js")).manyJobs({
  action: "retry", verb: "Retry", title: n => `Retry ${n} dead letters?`, about: () => "They go back into their queues, retries counted from 0.", ...given,
});

// `typed`: what has to be typed instead of their number.
export const purgeMany = async ({ what, typed, ...given }) => (await import("./many.js")).manyJobs({
  action: "delete", verb: "Purge", isDanger: true, noun: "dead letter", typed: typed ?? String, title: n => `Purge ${n} dead letters ${what}?`,
  about: () => "They are deleted for good, with payload and error.", done: n => `${plural(n, "dead letter")} purged`, ...given,
});

export function groupTold(row) {
  const { queues } = row.peek();
  const names = () => row.value.queues.slice(0, QUEUES_SHOWN).map((it, n) => [n > 0 && ", ", a({ href: link(["queues", it.name]) }, it.name, row.value.queues.length > 1 && ` ${count(it.count)}`)]);
  return p({ class: "told quiet" },
    queues.length > 0 && span(names, () => row.value.queues.length > QUEUES_SHOWN && ` and ${row.value.queues.length - QUEUES_SHOWN} more`),
    span("first ", when(row.peek().first_at), ", last ", () => when(row.value.last_at)),
    span(() => row.value.failed_1h > 0 && `${plural(row.value.failed_1h, "attempt")} failed so in the last hour`),
    span(() => row.value.retried > 0 && `${count(row.value.completed_since)} of ${count(row.value.retried)} retried since completed`),
    span({ class: "wide" }, () => row.value.job_types.join(", ")));
}

// `tell` is given what the page may ask of it while it is open, and null at its end.
export function groupRows(key, queue, { after, tell }) {
  const selected = signal(new Set());
  const asked = () => ({ status: "deadletter", error_key: key, queue_name: queue });
  const load = (from = {}, ending) => get("/jobs", { ...asked(), limit: PAGE, ...from }, { signal: ending });
  const { hasMore, isMore, first, more } = pages(() => jobs, load, PAGE);
  const jobs = rows(async ending => first(await load({}, ending)));
  const again = newer(jobs, load, "newer dead letter");
  const read = () => (selected.value = new Set(), again.read());
  const changed = () => (after(), readStatus());
  const isDead = row => row.value.status === "deadletter";

  // What became of those that are shown.
  async function readStatus() {
    const ids = jobs.ids.peek().slice(0, PAGE);
    if (!ids.length) return;
    for (const it of await get("/jobs/status", { ids: ids.join(",") })) jobs.patch(it.id ?? it.job_id, { status: it.status });
  }
  tell({
    read, more, hasMore: () => hasMore.peek(), hasNewer: () => again.hasSome(),
    refresh: isWhole => (again.refresh(), isWhole && readStatus()),
    patch: (id, fields) => Boolean(jobs.row(id)) && (jobs.patch(id, fields), true),
  });
  onDispose(() => tell(null));

  const retry = row => act({
    label: "Retry", icon: "retry", words: ["jobs:write"], isSmall: true, name: `Retry ${shortId(row.peek().id)}`, run: () => retryOne(row.peek().id),
    done: `${shortId(row.peek().id)} is back in ${row.peek().queue_name}`, after: it => (jobs.patch(it.id, { status: it.status }), after()),
  });
  const said = (row, most) => visible((row.peek().last_error ?? "").slice(0, most));
  const columns = [
    { label: "Id", isAlways: true, cell: (row, id) => [a({ class: "mono", href: link(["jobs", id]), "data-open": "" }, shortId(id)), span({ class: "on-card quiet" }, " · ", when(row.peek().completed_at))] },
    { label: "Type", class: "hide", cell: row => row.peek().job_type },
    { label: "Queue", class: "hide", cell: row => a({ href: link(["queues", row.peek().queue_name]) }, row.peek().queue_name) },
    { label: "Error", isAlways: true, class: "fill clip whole quiet", cell: row => [
      span({ class: "on-card" }, row.peek().job_type || "no type", " · ", row.peek().queue_name, " · "),
      span({ title: said(row, 1000) }, said(row, 300))] },
    { label: "Attempts", class: "num hide", cell: row => () => row.value.retry_count + 1 },
    { label: "Died", class: "num hide", cell: row => when(row.peek().completed_at) },
    { label: "Now", isUnsaid: true, isAlways: true, class: "acts-cell", cell: row => either(() => isDead(row), () => span({ class: "row" }, retry(row)), () => () => status(stateOf(row.value, nowMs()), `now ${row.value.status}`)) },
  ];
  const acts = bulk({ jobs, selected, asked, isFiltered: signal(true), after: () => (selected.value = new Set(), changed()), only: ["Retry", "Delete…"] });
  const filter = filterOf({ queue, key }), words = words => ({ words, obstacle: () => (jobs.ids.value.length ? null : "None are left") });
  return [
    again.button,
    shown(jobs, () => () => chosenTable({ of: jobs, label: "Dead letters of this error", columns, selected, rowClass: row => (isDead(row) ? "" : "moved"), group: "Jobs of the error", more: { ...acts.keys, e: ["Edit and run as new", id => go("jobs/new", { from: id })] } }), {
      what: "its dead letters", word: "jobs:read", lines: 4, isEmpty: () => !jobs.ids.value.length,
      empty: () => p({ class: "pad quiet" }, "No dead letter has this error now: retried, deleted, or of another queue."),
    }),
    either(() => hasMore.value && jobs.ids.value.length, () => div({ class: "newer pad" }, button({ class: "btn", onclick: more, "aria-busy": () => (isMore.value ? "true" : null) }, () => `${count(jobs.ids.value.length)} shown. More`))),
    acts.bar,
    div({ class: "row pad acts-row" },
      gated({ label: "Change a field and run as new…", icon: "edit", ...words(["jobs:write"]), onclick: async () => (await import("./edit_all.js")).editAll({ filter, after: changed }) }),
      gated({ label: "Purge this error…", icon: "trash", kind: "danger", ...words([MAY_DELETE]), onclick: () => purgeMany({ filter, what: "of this error", after: () => (read(), after()) }) })),
  ];
}
