// Is anything wrong? Sentences for the first line of Home, the worst first. Pure: what was read goes in.
//
//   verdict({ health, queues, shares, errors, webhooks, nowMs })
//     [{ code, tone, queue, parts: [text or { text, href }] }]     tone: deadletter, retrying or completed
//
//   health    GET /health                    queues    rows of GET /dashboard/queues
//   errors    groups of GET /dashboard/errors?kind=dead        webhooks  GET /outgoing-webhooks
//   shares    Map of a queue to sharesOf(its GET /dashboard/series over an hour); worth a read for what fails
//
// What is wrong with a queue is decided by the server (`attention`), so that its table says the same. What was
// not read, or may not be read with this key, says nothing.

import { count, percent, plural, span } from "./format.js";
import { link } from "./router.js";

export const FAILING_MINUTES = 5;
const TITLE_MAX = 120; // characters of an error in a sentence

const queueLink = (row, text = row.queue_name) => ({ text, href: link(["queues", row.queue_name]) });
const waitedMs = (row, nowMs) => (row.oldest_waiting_at == null ? 0 : Math.max(0, nowMs - Date.parse(row.oldest_waiting_at)));
const jobsWait = row => `${plural(row.waiting, "job")} ${row.waiting === 1 ? "waits" : "wait"}`;

export function verdict(read) {
  const given = { health: null, queues: [], shares: new Map(), errors: [], webhooks: [], ...read };
  const concerned = (code, tone, say) =>
    given.queues.filter(row => row.attention.includes(code)).map(row => ({ code, tone, queue: row.queue_name, parts: say(row, given) }));
  const found = [
    ...storage(given),
    ...concerned("no_worker", "deadletter", noWorker),
    ...concerned("breaker_open", "deadletter", broken),
    ...concerned("failing", "deadletter", failing),
    ...concerned("stalled", "retrying", stalled),
    ...concerned("paused", "retrying", paused),
    ...deadLetters(given),
    ...webhooksOff(given),
  ];
  return found.length ? found : [well(given)];
}

const WRITERS = { failed: "Nothing can be stored: the writer has failed. ", stalled: "Nothing is stored at the moment: the writer stands still. " };
const DISKS = { full: "The disk is full: nothing new is stored. ", low: "The disk is nearly full. " };

function storage({ health }) {
  const { writer, disk } = health?.checks ?? {};
  const told = [["deadletter", WRITERS[writer]], [disk === "full" ? "deadletter" : "retrying", DISKS[disk]]];
  if (health?.database === false && !WRITERS[writer]) told.push(["deadletter", "The file cannot be read. "]);
  if (health?.durability === "normal") told.push(["retrying", "A power cut may lose the last moments: durability is normal. "]);
  return told.filter(([, text]) => text).map(([tone, text]) => (
    { code: "storage", tone, queue: null, parts: [text, { text: "Look at the server", href: "#/server" }] }));
}

const noWorker = (row, { nowMs }) => [queueLink(row), ` has no worker: ${jobsWait(row)}, the oldest for ${span(waitedMs(row, nowMs))}`];

const broken = row => ["The breaker of ", queueLink(row), ` is open: one attempt after the other failed${row.waiting ? `, ${jobsWait(row)}` : ""}`];

function failing(row, { shares, errors }) {
  const own = shares.get(row.queue_name), all = row.failed_per_min + row.completed_per_min;
  const now = own ? own.now : all ? row.failed_per_min / all : null;
  const parts = [queueLink(row, `${row.queue_name} is failing`), `: ${percent(now)} of attempts in ${FAILING_MINUTES} min`];
  if (own) parts.push(`, usually ${percent(own.usual)}`);
  const worst = errors.map(it => ({ ...it, here: it.queues.find(each => each.name === row.queue_name)?.count ?? 0 }))
    .reduce((most, it) => (it.here > (most?.here ?? 0) ? it : most), null);
  if (!worst) return parts;
  const text = row.deadletter ? `${count(worst.here)} of ${count(row.deadletter)} dead letters` : plural(worst.here, "failure");
  parts.push("; ", { text, href: link("dead", { queue: row.queue_name, group: worst.key }) });
  parts.push(` ${worst.here === 1 ? "says" : "say"} “${cutTo(worst.title, TITLE_MAX)}”`);
  return parts;
}

// Of the minutes of a queue: the last five against those before.
export function sharesOf({ completed, failed }) {
  const sum = (all, from, to) => all.slice(from, to).reduce((total, n) => total + (n ?? 0), 0);
  const share = (from, to) => {
    const bad = sum(failed, from, to), all = bad + sum(completed, from, to);
    return all ? bad / all : 0;
  };
  return { now: share(-FAILING_MINUTES), usual: share(0, -FAILING_MINUTES) };
}

const stalled = (row, { nowMs }) =>
  [queueLink(row), ` stands still: no attempt has ended lately, ${jobsWait(row)}, the oldest for ${span(waitedMs(row, nowMs))}`];

const paused = row =>
  [queueLink(row), ` is paused while ${jobsWait(row)}${row.paused_reason ? `: “${cutTo(row.paused_reason, TITLE_MAX)}”` : ""}`];

function deadLetters({ queues }) {
  const rows = queues.filter(row => row.deadletter > 0), all = rows.reduce((sum, row) => sum + row.deadletter, 0);
  if (!all) return [];
  const [only] = rows.length === 1 ? rows : [];
  const dead = { text: plural(all, "dead letter"), href: link("dead", only ? { queue: only.queue_name } : {}) };
  return [{ code: "dead_letters", tone: "retrying", queue: null, parts: [dead, " in ", only ? queueLink(only) : plural(rows.length, "queue")] }];
}

const webhooksOff = ({ webhooks }) => webhooks.filter(it => !it.enabled && it.last_status === "auto_disabled").map(it => ({
  code: "webhook", tone: "retrying", queue: null,
  parts: ["Webhook ", { text: it.name, href: link(["webhooks", it.id]) }, " was switched off: too many deliveries failed in a row"],
}));

function well({ queues, nowMs }) {
  const pace = Math.round(queues.reduce((sum, row) => sum + row.completed_per_min, 0));
  const oldest = queues.reduce((most, row) => Math.max(most, waitedMs(row, nowMs)), 0);
  const waits = oldest ? `the oldest waits ${span(Math.max(1000, oldest))}` : "nothing waits";
  return { code: "well", tone: "completed", queue: null, parts: [`Nothing is wrong. ${count(pace)} a minute, ${waits}.`] };
}

const cutTo = (text, length) => ([...text].length > length ? `${[...text].slice(0, length).join("")}…` : text);
