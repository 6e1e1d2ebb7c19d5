// Flows: what each is made of; run one.

import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { definitions, descriptionColumn } from "../parts/definitions.js";
import { runFlow } from "../parts/flow_run.js";

const KEYS_SHOWN = 8;
const FIRST = { steps: [{ key: "validate" }, { key: "charge", depends_on: ["validate"] }] };
const order = ({ steps }) => `${steps.slice(0, KEYS_SHOWN).map(step => step.key).join(", ")}${steps.length > KEYS_SHOWN ? ` and ${count(steps.length - KEYS_SHOWN)} more` : ""}`;

export default function flowsPage() {
  return definitions({
    noun: "flow", words: ["workflows:write"], word: "workflows:read", run: runFlow,
    calls: [["All flows", "GET", "/flows"], ["Define one", "PUT", "/flows/order_flow", { body: FIRST }], ["Run it", "POST", "/flows/order_flow/runs", { body: { input: { order_id: 7 } } }]],
    about: "A flow is a named set of steps, some of which wait for others. Each run of it is a workflow. “As curl” has the call that defines one.",
    columns: [
      { label: "Steps", class: "fill half clip whole", cell: row => () => el.span({ title: order(row.value) }, order(row.value)) },
      descriptionColumn,
    ],
  });
}
