// Everything of one job: why it is not running, its life, what it carries, what can be done.

import { get, getWhole } from "../lib/api.js";
import { every, now as clock } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, shortId, span as duration } from "../lib/format.js";
import { icon, stateOf, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { memberOf } from "../lib/json.js";
import { live } from "../lib/live.js";
import { go, link } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { asCurl } from "../parts/curl.js";
import { jobActs, runNow } from "../parts/job_acts.js";
import { isMessage, isRun, kindFacts, kindName, kindNote, members, runAgain, stopAct } from "../parts/job_kind.js";
import { jobDeliveries } from "../parts/job_deliveries.js";
import { jsonView, textView } from "../parts/json_view.js";
import { attemptsText, life, partsOf } from "../parts/life.js";
import { likeIt } from "../parts/like_it.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { parents } from "../parts/parents.js";
import { shown } from "../parts/states.js";
import { whoActed } from "../parts/who_acted.js";
import { why as explained } from "../parts/why.js";

const { a, div, span, p, details, summary } = el;
const ENDS = new Set(["completed", "failed", "deadletter", "cancelled"]);
const WHY_SECONDS = 10;
const HISTORY_FIRST = 100, HISTORY_PAGE = 500, HISTORY_MAX = 5000;
// Frames that change more than one field: read anew.
const TELLS_MORE = new Set(["job.completed", "job.failed", "job.deadlettered", "job.cancelled", "job.started"]);

export default function jobPage({ id }) {
  const text = signal(""), isTold = signal(false); // the stream says so
  const whole = signal(null); // its history, when all of it was asked for
  const job = resource(async ending => {
    const answer = await getWhole(`/jobs/${id}`, { include: "history" }, { signal: ending });
    text.value = answer.text;
    return JSON.parse(answer.text);
  });
  const why = resource(ending => get(`/jobs/${id}/explain`, {}, { signal: ending }));
  const around = resource(ending => get(`/jobs/${id}/dependencies`, {}, { signal: ending }));
  const isGone = computed(() => job.data.value && (isTold.value || job.error.value?.status === 404));
  const it = () => job.data.value, state = () => stateOf(it(), clock.value), history = () => whole.value ?? it().history ?? [];
  const sent = jobDeliveries(id, { completion: () => it()?.completion_webhook }), acted = whoActed(id), like = likeIt(it);
  const read = () => (job.read(), why.read(), around.read(), sent.refresh(), acted.read(), whole.peek() && readWhole());

  // An answer brings the first hundred steps; the others on demand.
  async function readWhole() {
    const all = [];
    for (let page; all.length < HISTORY_MAX && page?.length !== 0; ) all.push(...(page = await get(`/jobs/${id}/history`, { limit: HISTORY_PAGE, offset: all.length })));
    whole.value = all;
  }

  const stream = live({
    path: `/events/jobs/${id}`, read,
    paint(frames) {
      for (const { kind, data } of frames) {
        if (kind === "error") isTold.value = true;
        if (kind === "job.status" && data.new_status !== it()?.status) job.patch({ status: data.new_status });
        if (kind === "job.progress") job.patch({ progress: data.progress, progress_message: data.message });
      }
      if (frames.some(({ kind, data }) => TELLS_MORE.has(kind) || (kind === "job.status" && data.old_status))) read();
    },
  });
  // Others come and go before it without an event of its own.
  every(WHY_SECONDS, () => { if (it() && !ENDS.has(it().status)) why.read(); });
  // Its stream ends with it; what was done may have begun it again.
  const after = () => (read(), stream.again());

  const acts = jobActs(() => it() ?? { id, status: "", queue_name: "" }, { after });
  const edit = a({ class: "btn", href: link(["jobs", "new"], { from: id }) }, icon("edit"), "Edit and run as new");
  const again = runAgain(it, () => text.peek());
  keys("This job", {
    r: ["Read again", read],
    "Shift+r": ["Retry", () => acts.retry.press()],
    "Shift+c": ["Cancel", () => acts.cancel.press()],
    "Shift+p": ["Priority", () => acts.priority.click()],
    e: ["Edit and run as new", () => (isRun(it()) ? again.click() : isMessage(it()) ? false : go("jobs/new", { from: id }))],
  });

  // From the bytes of the answer: the order of keys and every digit stay.
  const data = which => {
    const [name, member] = members(it()).slice(which), raw = computed(() => memberOf(text.value, member) ?? "null");
    return panel(name, {}, () => jsonView(raw.value, { name }));
  };
  const first = computed(() => (it() ? { type: it().job_type ?? it().payload?.job_type, queue: it().queue_name } : null));
  return [
    head({
      title: () => `${kindName(it())} ${shortId(id)}`, shown: span({ class: "mono", title: id }, shortId(id)),
      note: () => it() && [status(state()), " ", kindNote(it()) ?? (first.value.type ? span(first.value.type) : null), !isMessage(it()) && [" in ", a({ href: link(["queues", it().queue_name]) }, it().queue_name)]],
      acts: [
        either(() => ["deadletter", "failed"].includes(it()?.status), () => acts.retry),
        either(() => it() && ["scheduled", "retrying"].includes(state()), () => runNow(id, after)),
        either(() => ["processing"].includes(it()?.status) && !isMessage(it()), () => stopAct(it, { after })),
        either(() => it() && !isMessage(it()), () => (isRun(it()) ? again : edit)),
        either(() => ["pending", "scheduled"].includes(it()?.status) && !isMessage(it()), () => [acts.priority, acts.cancel]),
        asCurl(() => [["This job", "GET", `/jobs/${id}`, { query: { include: "history" } }], ["Retry it", "POST", `/jobs/${id}/retry`], ["Cancel it", "DELETE", `/jobs/${id}`], ["Stop it while it runs", "POST", `/jobs/${id}/cancel`, { body: { force: true } }], ["What webhooks were told", "GET", `/jobs/${id}/deliveries`]]),
      ],
    }),
    either(() => isGone.value, () => p({ class: "banner panel" }, icon("warn"), "It was deleted meanwhile. You see its last state.")),
    shown(job, () => [
      either(() => !isMessage(it()), () => explained(() => why.data.value)),
      either(() => !isMessage(it()), () => panel("Life", { note: () => attemptsText(partsOf(history(), clock.value)) }, div({ class: "pad" }, life({ history, now: () => clock.value }), either(() => !whole.value && history().length >= HISTORY_FIRST, () => el.button({ class: "btn", onclick: readWhole }, "Show its whole life"))))),
      either(() => it().progress != null && !ENDS.has(it().status), () => progress(it)),
      div({ class: "grid fit" },
        data(0),
        either(() => it().headers, () => panel("Headers", {}, jsonView(memberOf(text.value, "headers"), { name: "Headers" }))),
        either(() => it().last_error, () => panel("Last error", { note: () => failures(it()), more: like }, () => textView([it().error_type, it().last_error, it().traceback].filter(Boolean).join("\n"), { name: "Last error" }))),
        either(() => it().result != null, () => data(2))),
      panel("Facts", {}, () => facts(factsOf(it()))),
      either(() => !isMessage(it()), () => parents(it, around, { after })),
      sent.node,
      acted.node,
      panel(null, {}, details(summary({ class: "pad" }, "The answer as it came"), () => jsonView(text.value, { name: "The answer as it came" }))),
    ], { what: "this job", word: "jobs:read", lines: 10 }),
  ];
}

const failures = it => {
  const n = (it.history ?? []).filter(each => each.event_type === "failed").length;
  return n > 1 ? `${count(n)} attempts failed` : null;
};

const progress = it => panel("Progress", { note: () => it().progress_message }, div({ class: "pad" },
  div({ class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuenow": () => it().progress, "aria-valuemin": 0, "aria-valuemax": 100 },
    el.i({ style: () => ({ "--part": `${it().progress}%` }) })), p({ class: "quiet num" }, () => `${it().progress} %`)));

function factsOf(it) {
  const waited = it.started_at && it.status !== "pending" ? Date.parse(it.started_at) - Date.parse(it.created_at) : null;
  return [
    ["Id", span({ class: "mono in-full" }, it.id)],
    ["Queue", a({ href: link(["queues", it.queue_name]) }, it.queue_name)],
    ["Priority", it.priority],
    !isMessage(it) && ["Attempts", `${it.attempts} of ${it.max_retries + 1}`],
    ...kindFacts(it),
    ["Created", when(it.created_at)],
    it.scheduled_at && !ENDS.has(it.status) && ["Due", when(it.scheduled_at)],
    it.started_at && ["Last claimed", when(it.started_at), waited == null ? "" : `, ${duration(waited)} after it was created`],
    it.completed_at && ["Ended", when(it.completed_at)],
    it.started_at && it.completed_at && ["Took", duration(Date.parse(it.completed_at) - Date.parse(it.started_at))],
    it.worker_id && ["Worker", a({ href: link(["workers", it.worker_id]) }, it.worker_id)],
    it.lease_expires_at && ["Lease ends", when(it.lease_expires_at)],
    it.expires_at && ["Expires", when(it.expires_at)],
    it.timeout_ms == null && !isMessage(it) && ["Time-out", duration(it.timeout_seconds * 1000)],
    it.idempotency_key && ["Idempotency key", span({ class: "mono in-full" }, it.idempotency_key)],
    it.tags && ["Tags", Object.entries(it.tags).map(([name, value]) => span({ class: "chip" }, Array.isArray(it.tags) ? value : `${name}: ${value}`))],
    it.workflow_id && ["Workflow", a({ class: "mono", href: link(["workflows", it.workflow_id]) }, shortId(it.workflow_id))],
    it.on_fail && ["On fail", a({ class: "mono", href: link(["jobs", it.on_fail.job_id]) }, shortId(it.on_fail.job_id)), ` ${it.on_fail.status}`],
    it.parent_job_id && ["Parent", a({ class: "mono", href: link(["jobs", it.parent_job_id]) }, shortId(it.parent_job_id))],
    it.completion_webhook && ["Completion webhook", span({ class: "mono in-full" }, it.completion_webhook)],
    ["Changed", when(it.updated_at)],
  ];
}
