// One schedule: when it fires next, what it has done, what it makes; its form, for a new one as well.

import { get, getWhole, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, shortId, span as duration } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { formatted, memberOf } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf, route, setQuery } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { editor } from "../parts/editor.js";
import { jsonView } from "../parts/json_view.js";
import { facts, field, head, panel, when } from "../parts/panel.js";
import { onOff, remove, runNow } from "../parts/schedule_acts.js";
import { examples, inWords, ruleFields, ruleSlots, slotList } from "../parts/slots.js";
import { shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { whoPaused } from "../parts/who.js";

const { a, button, datalist, div, form, input, option, p, select, span } = el;
const SLOTS = 20, RUNS = 50, READ_SECONDS = 30;
const CATCH_UP = { one: "One job for all that were missed", skip: "Skip what was missed", all: "A job for each that was missed" };
const EMPTY = { name: "", description: "", cron_expression: "0 9 * * *", timezone: "UTC", queue_name: "", priority: 0, max_retries: null, timeout_seconds: null, catch_up: "one" };

export default ({ id }) => (id ? one(id) : create());

function create() {
  const { query } = route.peek();
  const given = { ...EMPTY, cron_expression: query.cron ?? EMPTY.cron_expression, timezone: query.zone ?? EMPTY.timezone, queue_name: query.queue ?? "", task_name: query.task };
  return [
    head({ title: "New schedule", note: given.task_name && ["of the task ", taskLink(given)], acts: [a({ class: "btn", href: given.task_name ? link(["tasks", given.task_name]) : "#/schedules" }, "Back")] }),
    formOf(given, "{}", { label: "Create schedule", save: body => send("POST", "/schedules", body), done: it => `${it.name} is there`, after: it => go(["schedules", it.id].join("/")) }),
  ];
}

function one(id) {
  const isEditing = queryOf("edit"), template = signal("null");
  const schedule = resource(async ending => {
    const { text } = await getWhole(`/schedules/${id}`, {}, { signal: ending });
    template.value = memberOf(text, "payload_template") ?? "null";
    return JSON.parse(text);
  });
  const slots = resource(ending => get(`/schedules/${id}/next`, { count: SLOTS }, { signal: ending }));
  const runs = rows(ending => get(`/schedules/${id}/history`, { limit: RUNS }, { signal: ending }));
  const it = () => schedule.data.value, read = () => [schedule, slots, runs].forEach(each => each.read());
  live({ events: "schedule.triggered", read, paint: frames => { if (frames.some(({ data }) => data.schedule_id === id)) read(); } });
  every(READ_SECONDS, read);

  const who = whoPaused("schedule", id), known = () => it() ?? { id, name: "" };
  const toggle = onOff(known, { after: read }), run = runNow(known, { after: read });
  const edit = () => setQuery({ edit: 1 });
  keys("This schedule", { r: ["Read again", read], p: ["Pause or resume", () => toggle.press()], "Shift+r": ["Run now", () => run.press()], e: ["Edit", edit] });

  const columns = [
    { label: "Ran", cell: row => when(row.peek().started_at) },
    { label: "Outcome", cell: row => status(row.peek().status, row.peek().job_id ? it().task_name ? "Made a run" : "Created a job" : row.peek().error_message ? "Failed" : "Job deleted") },
    { label: "Job", cell: row => row.peek().job_id && a({ class: "mono", href: link(["jobs", row.peek().job_id]) }, shortId(row.peek().job_id)) },
    { label: "Error", class: "fill clip whole quiet", cell: row => row.peek().error_message },
    { label: "Took", class: "num hide", cell: row => duration(row.peek().duration) },
  ];
  return [
    head({
      title: () => it()?.name ?? "Schedule",
      note: () => it() && [it().is_active ? status("completed", "Active") : [status("paused"), span({ class: "quiet" }, " ", () => who(id))], " ", span(inWords(() => it().cron_expression)), ` in ${it().timezone}`],
      acts: [either(it, () => [run, toggle, button({ class: "btn", onclick: edit }, icon("edit"), "Edit"), remove(known, { after: () => go("schedules") })]),
        asCurl(() => [["This schedule", "GET", `/schedules/${id}`], ["Its next slots", "GET", `/schedules/${id}/next`, { query: { count: SLOTS } }], ["Run it now", "POST", `/schedules/${id}/trigger`], ["Pause it", "POST", `/schedules/${id}/pause`]])],
    }),
    shown(schedule, () => [
      either(() => isEditing.value, () => formOf(it(), formatted(template.peek()), {
        label: "Save", isOld: true, back: () => setQuery({ edit: null }),
        save: body => send("PUT", `/schedules/${id}`, body), done: after => `${after.name} is saved`,
        after: () => (setQuery({ edit: null }), read()),
      })),
      either(() => !isEditing.value, () => div({ class: "grid even" },
        panel("Next slots", { note: () => it().timezone }, () => !it().is_active && p({ class: "pad quiet" }, "It is paused: none of these will happen until it is resumed."),
          shown(slots, () => slotList(() => slots.data.value.slots, () => slots.data.value.cron_expression, () => slots.data.value.timezone), { what: "its slots", word: "schedules:read" })),
        div({ class: "grid" },
          panel("Facts", {}, () => facts(factsOf(it()))),
          panel(carried(it()), {}, () => (it().values_omitted ? null : jsonView(template.value, { name: "Payload" })))))),
      panel("Runs", { note: () => runs.data.value && `the last ${count(runs.ids.value.length)}` }, shown(runs, () => table({ of: runs, label: "Runs", columns, group: "Runs" }), {
        what: "its runs", word: "schedules:read", isEmpty: () => !runs.ids.value.length, empty: () => p({ class: "pad quiet" }, "It has not run yet."),
      })),
    ], { what: "this schedule", word: "schedules:read", lines: 10 }),
  ];
}

const taskLink = it => a({ href: link(["tasks", it.task_name]) }, it.task_name);
const carried = it => (it.task_name ? "Input of its runs" : "Payload of its jobs");

const factsOf = it => [
  ["Cron", span({ class: "mono" }, it.cron_expression)], ["Zone", it.timezone],
  it.task_name && ["Task", taskLink(it)], ["Queue", a({ href: link(["queues", it.queue_name]) }, it.queue_name)],
  ["Next", it.is_active ? when(it.next_run_at) : "paused"], ["Last", it.last_run_at ? when(it.last_run_at) : "never"],
  ["Runs", count(it.run_count)], ["Failed", span({ class: it.failed_count ? "bad" : "" }, count(it.failed_count))],
  ["After a stop", CATCH_UP[it.catch_up] ?? it.catch_up],
  ["Priority", count(it.priority)], ["Retries", it.max_retries == null ? "as its queue" : count(it.max_retries)], ["Time-out", it.timeout_seconds == null ? "as its queue" : duration(it.timeout_seconds * 1000)],
  it.description && ["About", it.description],
  ["Changed", when(it.updated_at)], ["Id", span({ class: "mono in-full" }, it.id)],
];

// Sent are the fields that were changed, the payload as it was written.
function formOf(given, payload, { label, save, done, after, isOld = false, back }) {
  const cron = signal(given.cron_expression), zone = signal(given.timezone), text = signal(payload);
  const queues = isOld ? null : resource(ending => get("/queues", {}, { signal: ending }));
  const edited = editor(text, { name: carried(given), rows: 10, before: () => (isOld ? payload : null), beforeName: "what is stored" });
  const fields = {}, unset = isOld ? "Empty: stays as it is" : `Empty: as the ${given.task_name ? "task" : "queue"} says`;
  const own = (name, node, more) => (fields[name] = node, field(...more(node)));
  const number = (name, label, hint, min, max) => own(name, input({ type: "number", min, max, value: given[name] == null ? "" : String(given[name]) }), node => [label, node, { hint }]);
  const title = input({ value: given.name, maxlength: 255, required: true, autofocus: "" });
  const queue = input({ value: given.task_name ?? given.queue_name, list: "queue-names", maxlength: 100, required: true, autocomplete: "off", disabled: isOld || Boolean(given.task_name) });
  const rule = ruleFields({ cron, zone });
  fields.name = title;
  if (!isOld) fields[given.task_name ? "task_name" : "queue_name"] = queue;

  function changes() {
    const now = { cron_expression: cron.peek().trim(), timezone: zone.peek() || "UTC" };
    for (const [name, node] of Object.entries(fields)) now[name] = node.type === "number" ? (node.value === "" ? null : Number(node.value)) : node.value.trim();
    return Object.fromEntries(Object.entries(now).filter(([name, value]) => value != null && (isOld ? value !== (given[name] ?? "") : value !== "")));
  }
  const written = (body, template) => `${JSON.stringify(body).slice(0, -1)}${template == null ? "" : `${Object.keys(body).length ? "," : ""}"payload_template":${template}`}}`;
  const template = () => (isOld && text.peek() === payload ? null : text.peek());
  const old = body => Object.fromEntries(Object.keys(body).map(name => [name, given[name] ?? ""]));
  const go = act({
    label, words: ["schedules:write"], kind: "main-act", after, done,
    obstacle: () => (edited.error.value ? "The payload is not JSON" : null),
    run: () => save(written(changes(), template())),
    ...(isOld && { undo: () => save(written(old(changes()), payload)) }),
  });
  return form({ class: "grid even", onsubmit: event => { event.preventDefault(); if (event.target.reportValidity()) go.press(); } },
    panel(null, {}, div({ class: "pad form" },
      div({ class: "two" }, field("Name", title), field(given.task_name ? "Task" : "Queue", queue, { hint: isOld ? "It stays as it is" : null })),
      datalist({ id: "queue-names" }, () => (queues?.data.value ?? []).map(it => option({ value: it.queue_name ?? it.name }))),
      rule, !isOld && examples(cron), edited,
      div({ class: "two" }, number("priority", "Priority", "-100 to 100, higher goes first", -100, 100), number("max_retries", "Retries", unset, 0, 100), number("timeout_seconds", "Time-out in seconds", unset, 1)),
      own("catch_up", select(Object.entries(CATCH_UP).map(([value, words]) => option({ value, selected: given.catch_up === value }, words))), node => ["When the server was down at a slot", node]),
      own("description", input({ value: given.description ?? "", maxlength: 1000 }), node => ["About", node, { hint: "For people" }]),
      div({ class: "acts" }, go, back && button({ class: "btn", onclick: back }, "Back"),
        asCurl(() => [[label, isOld ? "PUT" : "POST", isOld ? `/schedules/${given.id}` : "/schedules", { body: written(changes(), template()) }]])))),
    panel("Next slots", { note: () => zone.value || "UTC" }, ruleSlots({ cron, zone })));
}
