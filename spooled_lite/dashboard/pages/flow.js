// One flow: its steps as a graph, what holds for each, its runs by state; run it.

import { get } from "../lib/api.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId, sinceText, span as duration } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { link, queryOf, setQuery } from "../lib/router.js";
import { computed } from "../lib/signal.js";
import { asCurl } from "../parts/curl.js";
import { definition } from "../parts/definitions.js";
import { flowState, RUN_STATES, runFlow } from "../parts/flow_run.js";
import { graph, stepList } from "../parts/graph.js";
import { runsOf } from "../parts/message_form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { onFailText, timeoutText } from "../parts/policy.js";
import { scheduled } from "../parts/scheduled.js";

const { a, button, p, span } = el;
const KINDS = { normal: "", mapper: "map", generator: "generate", reducer: "reduce" };

export default function flowPage({ name }) {
  const chosen = queryOf("step"), runsPath = runsOf(name, "flows"), schedules = scheduled("flow", name);
  const { it, path, state, start, remove, ...of } = definition({
    noun: "flow", name, words: ["workflows:write"], word: "workflows:read", states: RUN_STATES, events: "workflow.started,workflow.completed,workflow.failed,workflow.cancelled",
    load: async (query, ending) => {
      const found = await get(runsPath, query, { signal: ending });
      return { found, hasMore: found.length === query.limit };
    },
    run: () => runFlow(name),
  });
  keys("This flow", { Escape: ["Close the step", () => (chosen.peek() ? setQuery({ step: null }) : false)] });

  const steps = computed(() => new Map((it()?.steps ?? []).map(step => [step.key, step])));
  const kind = step => [KINDS[step.type], step.signal && "signal", step.condition && "condition"].filter(Boolean).join(", ");
  const given = {
    steps: () => [...steps.value.values()].map(step => ({ id: step.key, name: step.key, note: kind(step) || step.queue_name, href: link(["flows", name], { state: state.peek(), step: step.key }) })),
    edges: () => [...steps.value.values()].flatMap(step => step.depends_on.map(parent => [parent, step.key])),
    stateOf: () => "defined",
  };
  return [
    head({
      title: () => `Flow ${name}`, shown: span({ class: "mono" }, name), note: () => it() && plural(it().steps.length, "step"),
      acts: [remove, asCurl(() => [["This flow", "GET", path], ["Its runs", "GET", runsPath, { query: { state: state.value } }], ["Run it", "POST", runsPath, { body: { input: { order_id: 7 }, concurrency_key: "order-7" } }]]), start],
    }),
    of.banner(),
    of.shown(() => [
      panel(null, {}, () => it().description && p({ class: "pad" }, it().description), () => facts([...factsOf(it()), schedules()])),
      panel("Steps", { note: span({ class: "off-card" }, "arrow keys walk along the edges") }, (matchMedia("(max-width: 40rem)").matches ? stepList : graph)(given)),
      either(() => steps.value.get(chosen.value), () => () => steps.value.has(chosen.value) && stepPanel(steps.value.get(chosen.value))),
    ], 8),
    of.runsPanel("A run is a workflow: its steps wait in their queues until workers take them.", { columns: RUN_COLUMNS }),
  ];

  function stepPanel(step) {
    const other = key => a({ href: link(["flows", name], { step: key }) }, key), all = given => given.map((key, n) => [n ? ", " : "", other(key)]);
    const { source } = step.map ?? step.reduce ?? {};
    return panel(step.key, { note: kind(step), class: "step", "aria-label": `Step ${step.key}`, more: button({ class: "btn plain only", "aria-label": "Close the step", onclick: () => setQuery({ step: null }) }, icon("close")) },
      step.description && p({ class: "pad" }, step.description),
      facts([
        ["Queue", a({ href: link(["queues", step.queue_name]) }, step.queue_name)],
        ["Waits for", step.depends_on.length ? [step.dependency_mode === "any" && "any of ", all(step.depends_on)] : "nothing"],
        step.condition && ["Condition", span({ class: "mono" }, step.condition)],
        source && [step.map ? "An item for each of" : "Folds the items of", source === "input" ? "the input of the run" : other(source)],
        ["Retries", count(step.max_retries ?? 0)], ["Time-out", timeoutText(step.timeout_ms)],
      ]));
  }
}

const factsOf = it => [
  ["Output of a run", `that of ${it.output_priority.join(", else ")}`],
  ["When a step fails", it.failure_policy === "continue" ? "the steps that do not need it go on" : "the run ends at once"],
  ["When a run has failed", onFailText(it.on_fail, it.name)],
  ["Ended runs are kept", it.retention_seconds == null ? "as long as workflows" : duration(it.retention_seconds * 1000)],
  ["Revision", it.revision], ["Changed", when(it.updated_at)],
];

const told = it => it.cancel_reason ?? it.error_message ?? it.completion_reason ?? "";
const RUN_COLUMNS = [
  { label: "State", cell: row => () => flowState(row.value.state) },
  { label: "Run", cell: (_, id) => a({ class: "mono", href: link(["workflows", id]) }, shortId(id)) },
  { label: "Steps", class: "num", cell: row => () => `${count(row.value.completed_jobs)} of ${count(row.value.total_jobs)}` },
  { label: "Error or reason", class: "fill clip whole quiet", cell: row => () => told(row.value) && span({ title: told(row.value).slice(0, 1000) }, told(row.value).slice(0, 300)) },
  { label: "Took", class: "num hide", cell: row => () => (row.value.started_at ? sinceText(row.value.started_at, row.value.completed_at) : "–") },
  { label: "Created", class: "num hide", cell: row => when(row.peek().created_at) },
];
