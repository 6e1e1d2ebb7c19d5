// For a server with nothing in it: three calls to a completed job, each ticked when its event arrives.

import { curl } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { onDispose, signal } from "../lib/signal.js";
import { openStream } from "../lib/stream.js";
import { copy } from "./act.js";
import { code, panel } from "./panel.js";

const { ol, li, div, h3, p, button, span } = el;

const STEPS = [
  ["job.created", "Put a job into a queue", () => curl("POST", "/jobs", { body: { queue_name: "emails", payload: { job_type: "mail.send", to: "you@example.com" } } })],
  ["job.started", "Claim it, as a worker does", () => curl("POST", "/jobs/claim", { body: { queue_name: "emails", worker_id: "me", limit: 1 } })],
  ["job.completed", "Say that it is done, with its id and its lease", () => curl("POST", "/jobs/JOB_ID/complete", { body: { worker_id: "me", lease_id: "LEASE_ID", result: { sent: true } } })],
];

export function firstSteps() {
  const done = signal(new Set());
  onDispose(openStream("/events", { events: STEPS.map(([kind]) => kind).join(",") }, {
    onState: () => {}, onGap: () => {}, onFrame: kind => { done.value = new Set([...done.peek(), kind]); },
  }));
  return panel("Nothing is wrong, and nothing is here yet", { note: "Three calls to a first completed job" },
    ol({ class: "pad form" }, STEPS.map(([kind, title, text], n) => li(
      div({ class: "row" }, () => (done.value.has(kind) ? span({ class: "status", "data-s": "completed" }, icon("ok"), "Done") : span({ class: "quiet num" }, `${n + 1}.`)),
        h3(title), button({ type: "button", class: "btn link", onclick: () => copy(text()) }, "Copy")),
      code(text(), title)))),
    p({ class: "pad quiet" }, "The variable SPOOLED_API_KEY holds the key you signed in with."));
}
