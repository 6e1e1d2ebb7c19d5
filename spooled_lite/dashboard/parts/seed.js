// A seed of test mode: all that a test begins with, pasted or of a file, stored as a whole or not at all.

import { send } from "../lib/api.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId, span as duration, stampText } from "../lib/format.js";
import { formatted } from "../lib/json.js";
import { link } from "../lib/router.js";
import { effect, signal } from "../lib/signal.js";
import { MOVE_MS, readClock } from "../lib/test_mode.js";
import { noting, refusedIn } from "./described_form.js";
import { editor } from "./editor.js";
import { form } from "./form.js";
import { facts, field, panel } from "./panel.js";
import { secret } from "./secret.js";
import { emptyState } from "./states.js";

const { a, div, input, li, p, span, ul } = el;
const SHOWN = 50; // of each section
const EXAMPLE = formatted(JSON.stringify({
  queues: [{ name: "charges", backoff_base_seconds: 3600 }],
  schedules: [{ name: "nightly", cron_expression: "30 2 * * *", timezone: "America/New_York", queue_name: "reports", payload_template: {} }],
  webhooks: [{ name: "shop", url: "https://inbox.test/shop", events: ["job.completed"] }],
  jobs: [{ queue_name: "charges", payload: { order: 1 }, delay_seconds: 60 }],
  workflows: [{ name: "order 1", jobs: [{ key: "charge", queue_name: "charges", payload: {} }, { key: "ship", queue_name: "parcels", payload: {}, depends_on: ["charge"] }] }],
}));
let last = EXAMPLE; // what was written, as long as the page is not loaded anew

export function seed() {
  const text = signal(last), made = signal(null), refusals = signal(new Map()), refusal = signal(null), wrongFile = signal(null);
  effect(() => { last = text.value; refusal.value = null; });
  const edit = editor(text, { name: "The seed", rows: 18, refusal: () => refusal.value });

  async function choose(event) {
    const [file] = event.target.files;
    if (!file) return;
    wrongFile.value = null;
    try {
      text.value = await file.text();
    } catch {
      wrongFile.value = `${file.name} could not be read`;
    }
  }
  async function run() {
    const sent = text.peek();
    try {
      return await noting(refusals, () => send("POST", "/test/seed", sent, { wait: MOVE_MS }));
    } finally {
      refusal.value = refusedIn(sent, refusals.peek());
      readClock();
    }
  }
  return { read: () => {}, nodes: [
    panel("Seed", { note: "all of it is stored, or nothing; the clock goes to its time first" }, div({ class: "pad" }, form({
      label: "Store all of it", run, done: "All of it is stored", after: it => { made.value = it; }, obstacle: () => edit.error.value && "This is not JSON",
    }, field("From a file", input({ type: "file", accept: ".json,application/json", onchange: choose }), { error: () => wrongFile.value, hint: "queues, keys, schedules, webhooks, bindings, jobs, messages, workflows, faults: each a list of bodies of the API; and clock" }), edit))),
    panel("What was stored", { note: () => made.value && `at ${stampText(made.value.now)}, in ${duration(made.value.real_ms)}` },
      either(() => made.value, () => () => stored(made.value), () => emptyState("Nothing yet", p("The ids of what was stored stand here, by name.")))),
  ] };
}

const one = (name, id, address) => li(address ? a({ href: link(address), title: id }, name) : span(name));
const named = (all, place) => Object.entries(all).map(([name, id]) => one(name, id, [place, place === "queues" ? name : id]));

function stored(it) {
  const all = [
    ["Queues", named(it.queues, "queues")],
    ["Keys, shown only now", Object.entries(it.keys).map(([name, { key }]) => li(name, secret(key, { name: `Key ${name}` })))],
    ["Schedules", named(it.schedules, "schedules")],
    ["Webhooks", named(it.webhooks, "webhooks")],
    ["Bindings", it.bindings.map(id => one(shortId(id)))],
    ["Jobs", it.jobs.map(id => one(shortId(id), id, ["jobs", id]))],
    ["Messages", it.messages.map(id => one(shortId(id), id, ["jobs", id]))],
    ["Workflows", Object.entries(it.workflows).map(([name, { id, jobs }]) => li(a({ href: link(["workflows", id]), title: id }, name), `: ${plural(Object.keys(jobs).length, "step")}`))],
    ["Faults", it.faults.map(id => li(a({ href: link("test", { tab: "faults" }) }, id)))],
  ].filter(([, lines]) => lines.length);
  return all.length ? facts(all.map(([name, lines]) => [`${name} (${count(lines.length)})`, ul({ class: "stored" }, lines.slice(0, SHOWN), lines.length > SHOWN && li({ class: "quiet" }, `and ${count(lines.length - SHOWN)} more`))]), "broad")
    : p({ class: "pad quiet" }, "It named nothing to store.");
}
