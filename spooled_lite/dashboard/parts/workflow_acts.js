// What can be done with one workflow. `it`: a function that gives its detail as it is known now.

import { ApiError, getWhole, send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { act, gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { many } from "./many.js";
import { field } from "./panel.js";

const { button, div, input, p } = el;
const words = ["workflows:write"];
const path = id => `/workflows/${id}`;
const WORDS = { pending: ["pending", "Pending"], running: ["processing", "Running"], completed: ["completed", "Completed"], failed: ["failed", "Failed"], cancelled: ["cancelled", "Cancelled"] };
export const flowStatus = name => status(...(WORDS[name] ?? [name, name]));

// One to begin with.
export const FIRST = { name: "report", jobs: [{ key: "load", queue_name: "etl", payload: {} }, { key: "send", queue_name: "emails", payload: {}, depends_on: ["load"] }] };

const isIn = (it, ...all) => () => (all.includes(it().status) ? null : `Not while it is ${it().status}`);

// `counted`: a function that gives how many steps { wait, run }.
export function flowActs(it, { counted, after, onGone, onNew }) {
  return {
    retry: act({ label: "Retry failed", icon: "retry", kind: "main-act", words, after, obstacle: isIn(it, "failed"), run: () => send("POST", `${path(it().id)}/retry`), done: () => `${it().name} goes on` }),
    cancel: gated({ label: "Cancel…", icon: "stop", kind: "danger", words, onclick: () => askCancel(it, counted(), after),
      obstacle: () => (it().status === "cancelled" && counted().run ? null : isIn(it, "pending", "running")()) }),
    copy: act({ label: "Copy as new", icon: "copy", words, after: onNew, ask: () => `Create a new workflow of these ${plural(it().total_jobs, "step")}?`, yes: "Create workflow", no: "Back", run: () => copied(it().id), done: "A new workflow is there" }),
    remove: act({ label: "Delete", icon: "trash", kind: "danger", words, after: onGone, obstacle: isIn(it, "completed", "failed", "cancelled"), ask: "Delete this workflow? Its jobs stay.", yes: "Delete workflow", run: () => send("DELETE", path(it().id)), done: () => `${it().name} is deleted` }),
  };
}

function askCancel(it, { wait, run }, after) {
  const reason = input({ maxlength: 500, placeholder: "order withdrawn" });
  openDialog({ title: () => `Cancel ${it().name}?`, body: close => {
    const deed = (label, stop_running) => act({
      label, kind: "danger", words, done: () => `${it().name} is cancelled`, after: () => (close(), after()),
      run: () => send("POST", `${path(it().id)}/cancel`, { stop_running, ...(reason.value.trim() && { reason: reason.value.trim() }) }),
    });
    return [
      p(`${plural(wait, "step")} that ${wait === 1 ? "waits is" : "wait are"} cancelled for good; ${plural(run, "step")} ${run === 1 ? "runs" : "run"} now. Those that run can go on to their end, or be told to stop at their next heartbeat.`),
      field("Why", reason),
      div({ class: "acts" }, it().status !== "cancelled" && deed("Cancel what waits", false), run > 0 && deed("Cancel, stop what runs", true),
        button({ class: "btn", ref: node => queueMicrotask(() => node.focus()), onclick: close }, "Keep it")),
    ];
  } });
}

// Class C: named first, then done.
const SHOWN = 12;
export function askRerun(it, key, after) {
  const call = dry_run => send("POST", `${path(it().id)}/rerun`, { from: key, dry_run });
  many({
    title: n => `Run ${n} ${n === "1" ? "step" : "steps"} of ${it().name} again?`, verb: "Run again", noun: "step", done: n => `${plural(n, "step")} run again`, after,
    about: ({ keys }) => `${keys.slice(0, SHOWN).join(", ")}${keys.length > SHOWN ? ` and ${keys.length - SHOWN} more` : ""}: they start over in place, without their results and errors.`,
    count: async () => {
      const { steps, keys } = await call(true);
      return { matched: steps, keys };
    },
    step: async () => ({ done: (await call(false)).steps }),
  });
}

// Numbers that the page cannot hold stay as they were written, where the browser can.
const exact = (_, value, { source } = {}) => (typeof value === "number" && source !== undefined && JSON.rawJSON && String(value) !== source ? JSON.rawJSON(source) : value);

async function copied(id) {
  const { text } = await getWhole(path(id)), { name, description, metadata, jobs, dependencies } = JSON.parse(text, exact);
  if (jobs.some(each => each.values_omitted)) throw new ApiError(413, { message: "It is too large to be copied in the page: some payloads were left out of the answer" });
  const keyOf = new Map(jobs.map(each => [each.id, each.key])), edges = new Map();
  for (const each of dependencies) if (keyOf.has(each.parent_job_id)) edges.set(each.child_job_id, [...(edges.get(each.child_job_id) ?? []), each]);
  return send("POST", "/workflows", {
    name, description, metadata,
    jobs: jobs.map(({ id: job, key, queue_name, payload, priority, max_retries, timeout_seconds, metadata: tags, dependency_mode }) => {
      const parents = edges.get(job) ?? [];
      return { key, queue_name, payload, priority, max_retries, timeout_seconds, tags, ...(parents.length && { depends_on: parents.map(each => keyOf.get(each.parent_job_id)), dependency_mode, dependency_type: parents[0].dependency_type }) };
    }),
  });
}
