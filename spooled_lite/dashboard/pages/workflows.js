// All workflows: how far each is, what failed.

import { curl, get } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, sinceText } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { link, queryOf } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { reading, rows } from "../lib/store.js";
import { asCurl } from "../parts/curl.js";
import { chips, noMatch } from "../parts/filters.js";
import { newer } from "../parts/newer.js";
import { code, head, panel, when } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { FIRST, flowStatus } from "../parts/workflow_acts.js";

const { a, button, div, i, p, span } = el;
const PAGE = 100, READ_SECONDS = 15, FIRST_SECONDS = 3; // no event tells of a new one
const STATUSES = [["", "All"], ["pending", "Pending"], ["running", "Running"], ["failed", "Failed"], ["completed", "Completed"], ["cancelled", "Cancelled"]];

export default function workflowsPage() {
  const chosen = queryOf("status"), hasMore = signal(false);
  const asked = () => ({ status: chosen.value, limit: PAGE });
  const workflows = rows(async ending => {
    const found = await get("/workflows", asked(), { signal: ending });
    hasMore.value = found.length === PAGE;
    return found;
  });
  const again = newer(workflows, () => get("/workflows", asked()), "newer workflow");
  reading(() => chosen.value, again.read);
  async function more() {
    const found = await get("/workflows", { ...asked(), offset: workflows.ids.peek().length });
    hasMore.value = found.length === PAGE;
    workflows.add(found);
  }
  live({ events: "workflow.started,workflow.completed,workflow.failed,workflow.cancelled", read: again.refresh, paint: again.refresh });
  every(READ_SECONDS, again.refresh);
  every(FIRST_SECONDS, () => { if (workflows.data.peek()?.length === 0) again.refresh(); });
  keys("Workflows", { r: ["Read again", again.read], ".": ["Show the newer ones", again.read], "]": ["More", () => hasMore.peek() && more()] });

  const isMoved = row => chosen.value && row.value.status !== chosen.value;
  const columns = [
    { label: "Name", cell: (row, id) => a({ href: link(["workflows", id]) }, row.peek().name) },
    { label: "Status", cell: row => () => flowStatus(row.value.status) },
    { label: "Steps", class: "fill whole", cell: row => span({ class: "row" },
      span({ class: "bar", "aria-hidden": "true" }, i({ "data-s": () => (row.value.failed_jobs ? "deadletter" : "completed"), style: () => ({ "--part": `${(100 * (row.value.completed_jobs + row.value.failed_jobs)) / Math.max(1, row.value.total_jobs)}%` }) })),
      span({ class: "num" }, () => `${count(row.value.completed_jobs)} of ${count(row.value.total_jobs)}`),
      () => row.value.failed_jobs > 0 && span({ class: "bad num" }, `${count(row.value.failed_jobs)} failed`)) },
    { label: "Took", class: "num hide", cell: row => () => (row.value.started_at ? sinceText(row.value.started_at, row.value.completed_at) : "–") },
    { label: "Created", class: "num hide", cell: row => when(row.peek().created_at) },
  ];
  return [
    head({ title: "Workflows", note: () => workflows.data.value && `${count(workflows.ids.value.length)}${hasMore.value ? " shown" : ""}`, acts: [asCurl(() => [["The workflows shown", "GET", "/workflows", { query: asked() }], ["Create one", "POST", "/workflows", { body: FIRST }]])] }),
    chips({ name: "status", label: "Status", options: () => STATUSES.map(([value, label]) => ({ value, label })) }),
    again.button,
    panel(null, {}, shown(workflows, () => table({ of: workflows, label: "Workflows", columns, group: "Workflows", rowClass: row => (isMoved(row) ? "moved" : "") }), {
      what: "the workflows", word: "workflows:read", isEmpty: () => !workflows.ids.value.length,
      empty: () => (chosen.value ? noMatch({ status: "Status" }, { what: "workflows" }) : emptyState("No workflows yet", p("A workflow is a set of jobs, some of which wait for others."), code(curl("POST", "/workflows", { body: FIRST }), "Create a workflow"))),
    })),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, () => `${count(workflows.ids.value.length)} shown. More`))),
  ];
}
