// One workflow: its steps as a graph, over time or as a list; the chosen step; retry, cancel, copy.

import { get, getWhole } from "../lib/api.js";
import { every, gathered, now, nowMs } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, ms, plural, shortId, sinceText } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { memberOf } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf, setQuery } from "../lib/router.js";
import { computed, effect, signal } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { bodiesOf, isFeatured, itemsPanel, itemsText, runFacts, signalAct, stepState } from "../parts/flow_run.js";
import { graph, stepList } from "../parts/graph.js";
import { retryOne } from "../parts/job_acts.js";
import { jsonView, textView } from "../parts/json_view.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { shown } from "../parts/states.js";
import { timeline } from "../parts/timeline.js";
import { askRerun, flowActs, flowStatus } from "../parts/workflow_acts.js";

const { a, button, div, input, label, li, span, ul } = el;
const READ_SECONDS = 30, MANY = 200; // steps: from here on their statuses alone are read again
const PARENTS_SHOWN = 20, RESULT_SHOWN = 200;
const ENDED = new Set(["completed", "failed", "deadletter", "cancelled"]);
const VIEWS = [["graph", "Graph"], ["time", "Timeline"], ["list", "List"]];
// What a parent has to come to.
const MET = { success: it => it === "completed", failure: it => it === "failed" || it === "deadletter", completion: it => ENDED.has(it) };

export default function workflowPage({ id }) {
  const flow = signal(null), chosen = queryOf("step"), text = queryOf("find"), isHiding = queryOf("done");
  const steps = rows(async ending => {
    flow.value = await get(`/workflows/${id}`, {}, { signal: ending });
    return flow.peek().jobs;
  });
  const it = () => flow.value, idOf = new Map(), hasDocument = () => isFeatured(it());
  const above = computed(() => Map.groupBy(flow.value?.dependencies ?? [], each => each.child_job_id));
  effect(() => { for (const each of flow.value?.jobs ?? []) idOf.set(each.key, each.id); });
  const edges = computed(() => (flow.value?.dependencies ?? []).map(each => [each.parent_job_id, each.child_job_id]));

  // A step that its parents have let go is told by no event: it follows from what they are.
  function state(step) {
    const job = steps.row(step).value, parents = above.value.get(step) ?? [];
    if (hasDocument() || !parents.length || (job.status !== "pending" && job.status !== "scheduled")) return stepState(job, nowMs());
    const met = each => (steps.row(each.parent_job_id) ? MET[each.dependency_type](steps.row(each.parent_job_id).value.status) : job.dependencies_met);
    return stepState({ ...job, dependencies_met: job.dependency_mode === "any" ? parents.some(met) : parents.every(met) }, nowMs());
  }
  const of = (...states) => steps.ids.value.filter(each => states.includes(steps.row(each).value.status)).length;

  async function refresh() {
    if (hasDocument() || steps.ids.peek().length <= MANY) return void steps.read();
    for (const each of await get(`/workflows/${id}/jobs/status`)) steps.patch(each.job_id, { status: each.status, retry_count: each.retry_count });
  }
  const soon = gathered(steps.read, 500); // of a flow: what one step has brought about for others is told by no event
  live({
    events: "workflow.started,workflow.completed,workflow.failed,workflow.cancelled,job.status,job.progress", read: refresh,
    paint(frames) {
      for (const { kind, data } of frames) {
        if (kind.startsWith("workflow.") && data.workflow_id === id) steps.read();
        if (!steps.row(data.job_id)) continue;
        if (hasDocument() && data.new_status) soon();
        const at = data.timestamp ?? new Date(nowMs()).toISOString();
        if (kind === "job.progress") steps.patch(data.job_id, { progress: data.progress });
        if (kind === "job.status") steps.patch(data.job_id, { status: data.new_status, ...(data.new_status === "processing" && { started_at: at, completed_at: null }), ...(ENDED.has(data.new_status) && { completed_at: at }) });
      }
    },
  });
  every(READ_SECONDS, refresh);

  const known = () => it() ?? { id, name: "", status: "", total_jobs: 0 };
  const acts = flowActs(known, {
    counted: () => ({ wait: of("pending", "scheduled"), run: of("processing") }), after: steps.read,
    onGone: () => go("workflows"), onNew: made => go(`workflows/${made.workflow_id}`),
  });
  const view = () => chosenView.value || (matchMedia("(max-width: 40rem)").matches ? "list" : "graph"), chosenView = queryOf("view");
  const named = each => ({ id: each, name: steps.row(each).peek().key, note: steps.row(each).peek().queue_name, live: () => itemsText(steps.row(each).value.item_counts), href: link(["workflows", id], { view: chosenView.peek(), find: text.peek(), done: isHiding.peek(), step: steps.row(each).peek().key }) });
  const isShown = each => steps.row(each) && (!text.value || steps.row(each).peek().key.toLowerCase().includes(text.value.toLowerCase())) && (!isHiding.value || state(each) !== "completed");
  const given = { steps: () => steps.ids.value.map(named), edges: () => edges.value, stateOf: state, isShown };
  const timed = { ...given, now: () => now.value, steps: () => steps.ids.value.filter(isShown).map(each => ({ ...named(each), from: ms(steps.row(each).value.started_at), to: ms(steps.row(each).value.completed_at ?? steps.row(each).value.failed_at) })) };

  let finder;
  keys("This workflow", {
    r: ["Read again", steps.read], "Shift+r": ["Retry the failed steps", () => acts.retry.press()], "Shift+c": ["Cancel", () => acts.cancel.click()],
    Escape: ["Close the step", () => (chosen.peek() ? setQuery({ step: null }) : false)],
    ...Object.fromEntries(VIEWS.map(([name, words], n) => [String(n + 1), [words, () => setQuery({ view: name })]])), f: ["Find a step", () => finder?.focus()],
  });
  return [
    head({
      title: () => it()?.name ?? "Workflow",
      note: () => it() && [flowStatus(it().status), span({ class: "num" }, ` ${count(of("completed"))} of ${plural(it().total_jobs, "step")} done`), of("failed", "deadletter") ? span({ class: "bad num" }, `, ${count(of("failed", "deadletter"))} failed`) : null, it().started_at && ` · ${sinceText(it().started_at, it().completed_at)}`],
      acts: [either(it, () => [either(() => it().status === "failed", () => acts.retry), either(() => it().status !== "completed" && it().status !== "failed", () => acts.cancel), acts.copy, either(() => ENDED.has(it().status), () => acts.remove)]),
        asCurl(() => [["This workflow", "GET", `/workflows/${id}`], ["The statuses of its steps", "GET", `/workflows/${id}/jobs/status`], ["Retry its failed steps", "POST", `/workflows/${id}/retry`], ["Cancel it", "POST", `/workflows/${id}/cancel`, { body: { stop_running: false } }]])],
    }),
    shown(steps, () => [
      either(hasDocument, () => panel(null, {}, () => facts(runFacts(it())), () => bodiesOf(it()))),
      div({ class: "filters" },
        div({ class: "row", role: "group", "aria-label": "View" }, VIEWS.map(([name, words]) => button({ class: "chip", "aria-pressed": () => String(view() === name), onclick: () => setQuery({ view: name }) }, words))),
        input({ class: "text find-step", type: "search", placeholder: "Find a step", "aria-label": "Find a step", value: text, maxlength: 100, ref: node => { finder = node; }, oninput: event => setQuery({ find: event.target.value || null }) }),
        label({ class: "row" }, input({ type: "checkbox", checked: () => Boolean(isHiding.value), onchange: event => setQuery({ done: event.target.checked ? "hidden" : null }) }), "Hide completed")),
      panel("Steps", { note: () => (view() === "graph" ? "arrow keys walk along the edges" : null) },
        () => ({ graph: () => graph(given), time: () => timeline(timed), list: () => stepList(given) })[view()]?.() ?? null),
      either(() => chosen.value && idOf.has(chosen.value), () => () => idOf.has(chosen.value) && stepPanel(idOf.get(chosen.value))),
    ], { what: "this workflow", word: "workflows:read", lines: 10 }),
  ];

  function stepPanel(step) {
    const job = () => steps.row(step).value, whole = signal("{}");
    const read = resource(async ending => { whole.value = (await getWhole(`/workflows/${id}/jobs/${step}`, {}, { signal: ending })).text; return true; });
    let last = job().status;
    effect(() => { if (job().status !== last) read.read(last = job().status); });
    const part = name => { const found = memberOf(whole.value, name); return found && found !== "null" ? found : null; };
    const failed = () => ["deadletter", "failed"].includes(job().status);
    const retry = act({ label: "Retry step", icon: "retry", kind: "main-act", words: ["jobs:write"], run: () => retryOne(step), done: () => `${job().key} is back in ${job().queue_name}`, after: steps.read });
    const again = gated({ label: "Run again from here…", icon: "play", words: ["workflows:write"], onclick: () => askRerun(known, job().key, steps.read), obstacle: () => (ENDED.has(known().status) && !of("processing") ? null : "Not while the workflow runs") });
    const parent = each => {
      const other = steps.row(each.parent_job_id);
      return li({ class: "row clip" }, other ? a({ href: named(each.parent_job_id).href }, other.peek().key) : a({ class: "mono", href: link(["jobs", each.parent_job_id]) }, shortId(each.parent_job_id)),
        () => other && status(state(each.parent_job_id)), () => other?.value.result != null && span({ class: "mono quiet clip" }, JSON.stringify(other.value.result).slice(0, RESULT_SHOWN)));
    };
    const waits = above.peek().get(step) ?? [];
    return panel(job().key, { note: () => status(state(step)), class: "step", ref: node => requestAnimationFrame(() => node.scrollIntoView({ block: "nearest" })), "aria-label": `Step ${job().key}`, more: [either(() => state(step) === "signal", () => signalAct(id, job().key, steps.read)), either(failed, () => retry), again, a({ class: "btn", href: link(["jobs", step]) }, "Open the job"), button({ class: "btn plain only", "aria-label": "Close the step", onclick: () => setQuery({ step: null }) }, icon("close"))] },
      () => facts([["Queue", a({ href: link(["queues", job().queue_name]) }, job().queue_name)], ["Attempts", `${count(job().retry_count + (job().started_at && !["pending", "scheduled"].includes(job().status) ? 1 : 0))} of ${count(job().max_retries + 1)}`], ["Started", job().started_at ? when(job().started_at) : "not yet"], job().progress != null && ["Progress", `${job().progress} %`], ["Waits for", waits.length ? `${job().dependency_mode === "any" ? "any of " : ""}${plural(waits.length, "step")}` : "nothing"], job().skipped_at && ["Skipped", when(job().skipped_at), ", by its condition"]]),
      waits.length ? ul({ class: "pad form" }, waits.slice(0, PARENTS_SHOWN).map(parent), waits.length > PARENTS_SHOWN && li({ class: "quiet" }, `and ${count(waits.length - PARENTS_SHOWN)} more`)) : null,
      either(() => job().item_counts, () => itemsPanel(id, job().key, () => job().item_counts)),
      shown(read, () => div({ class: "grid even" }, () => [["payload", "Payload"], ["error", "Error"], ["result", "Result"]].map(([name, words]) => part(name) && div(el.h3({ class: "pad" }, words), name === "error" ? textView(JSON.parse(part(name)), { name: words }) : jsonView(part(name), { name: words })))), { what: "this step", word: "workflows:read", lines: 3 }));
  }
}
