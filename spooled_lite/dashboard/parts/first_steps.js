// For a server with nothing in it: three calls to a completed job, each ticked when its event arrives.

import { curl, get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { may } from "../lib/session.js";
import { onDispose, signal } from "../lib/signal.js";
import { openStream } from "../lib/stream.js";
import { copy } from "./act.js";
import { code, panel } from "./panel.js";

const { ol, li, div, h3, p, button, span } = el;

const STEPS = [
  ["job.created", "Put a job into a queue", () => curl("POST", "/jobs", { body: { queue_name: "emails", payload: { job_type: "mail.send", to: "you@example.com" } } })],
  ["job.started", "Claim it, as a worker does", () => curl("POST", "/jobs/claim", { body: { queue_name: "emails", worker_id: "me", limit: 1 } })],
  ["job.completed", "Say that it is done, with its id and its lease", ({ id, worker_id, lease_id }) => curl("POST", `/jobs/${id}/complete`, { body: { worker_id, lease_id, result: { sent: true } } })],
];

export function firstSteps() {
  const done = signal(new Set()), claimed = signal({ id: "JOB_ID", worker_id: "me", lease_id: "LEASE_ID" });
  function told(kind, { job_id }) {
    if (kind === "job.started" && !done.peek().has(kind) && may("jobs:read")) get(`/jobs/${job_id}`).then(it => { if (it.lease_id) claimed.value = it; }, () => {});
    done.value = new Set([...done.peek(), kind]);
  }
  onDispose(openStream("/events", { events: STEPS.map(([kind]) => kind).join(",") }, {
    onState: () => {}, onGap: () => {}, onFrame: told,
  }));
  return panel("Three calls to a first completed job", { note: () => (done.value.has("job.completed") ? "done: a worker repeats the last two" : done.value.size ? null : "nothing is wrong, and nothing is here yet") },
    p({ class: "pad quiet" }, "Put an API key into the variable SPOOLED_API_KEY first."),
    ol({ class: "pad form" }, STEPS.map(([kind, title, text], n) => li(
      div({ class: "row" }, () => (done.value.has(kind) ? span({ class: "status", "data-s": "completed" }, icon("ok"), "Done") : span({ class: "quiet num" }, `${n + 1}.`)),
        h3(title), button({ class: "btn link", onclick: () => copy(text(claimed.peek())) }, "Copy")),
      code(() => text(claimed.value), title)))));
}
