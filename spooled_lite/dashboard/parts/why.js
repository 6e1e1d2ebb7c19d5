// Why a job is not running, and when it will: GET /jobs/{id}/explain in sentences, what has to end first on top.
//
//   why(() => explained.value)        null: nothing is shown

import { el, when } from "../lib/dom.js";
import { agoText, count, plural, shortId, span as duration, stampText } from "../lib/format.js";
import { icon, mark } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { link } from "../lib/router.js";
import { computed } from "../lib/signal.js";
import "./drawn.js";

const { a, h2, li, ol, p, section, span, time } = el;
const TITLES = { waiting: "Why is it not running?", running: "It is running", finished: "It has come to an end" };
const CLEAR = {
  queue_paused: "not paused", not_due: "its time has come", waits_for_parents: "no parent", rate_limit_full: "room in the rate limit",
  concurrency_full: "room for one more", behind_others: "nobody before it", no_worker: "a worker is there", expires_before: "it does not expire before",
  suspended: "not suspended",
};
const ENDS = { completed: "It is completed", cancelled: "It was cancelled", deadletter: "Its attempts ran out: it is a dead letter", failed: "It failed" };

const at = stamp => time({ title: () => stampText(stamp), datetime: stamp }, () => agoText(stamp));
const quoted = text => (text ? `: “${visible(text)}”` : "");
const job = it => a({ class: "mono", href: link(["jobs", it.job_id]) }, shortId(it.job_id));

// Of a code: the mark, and what is said.
const SAYINGS = {
  queue_paused: (it, all) => ["paused", "the queue ", a({ href: link(["queues", all.queue_name]) }, all.queue_name), " is paused, since ", at(it.since), quoted(it.text)],
  breaker_open: it => ["retrying", `a breaker is open after ${plural(it.failures, "failure")} in a row`, it.since && [", since ", at(it.since)], it.until ? [", lets one attempt through ", at(it.until)] : ", one attempt decides"],
  not_due: it => (it.why === "backoff" ? ["retrying", "waits for its next attempt, due ", at(it.until)] : ["scheduled", "was created for later, due ", at(it.until)]),
  waits_for_parents: it => ["blocked", `waits for ${it.mode === "any" ? "one of " : ""}${plural(it.count, "parent")}: `,
    it.parents.map((each, n) => [n > 0 && ", ", job(each), ` (${each.status})`]), it.count > it.parents.length && ` and ${count(it.count - it.parents.length)} more`],
  rate_limit_full: it => ["pending", `the queue hands out ${plural(it.limit, "job")} a second at most; room again `, at(it.until)],
  concurrency_full: it => ["pending", `${count(it.processing)} of ${count(it.limit)} jobs of the queue run: one has to end first`],
  behind_others: it => ["pending", `${[it.higher && `${plural(it.higher, "job")} of a higher priority`, it.older && plural(it.older, "older job")].filter(Boolean).join(" and ")}${it.is_more ? " or more" : ""} ahead`],
  no_worker: () => ["warn", "no worker is there to take it"],
  expires_before: it => ["warn", "at this pace it expires before it starts: ", at(it.until)],
  suspended: () => ["paused", "is suspended"],
  held: it => ["processing", it.worker_id ? ["held by ", a({ href: link(["workers", it.worker_id]) }, visible(it.worker_id))] : "held by a worker", it.since && [" since ", at(it.since)], it.until && [", its lease ends ", at(it.until)]],
  told_to_stop: it => ["cancelled", "its worker is told to stop", quoted(it.text)],
  finished: it => [it.status, ENDS[it.status] ?? it.status, it.at && [", ", at(it.at)]],
};

export function why(read) {
  const kind = computed(() => read()?.state ?? null);
  return when(() => kind.value, () => section({ class: "panel why", "aria-label": () => TITLES[kind.value], "data-s": () => (read()?.reasons.length ? said(read().reasons[0], read())[0] : "completed") },
    h2({ class: "pad" }, () => TITLES[kind.value]),
    () => body(read())));
}

const said = (reason, all) => (Object.hasOwn(SAYINGS, reason.code) ? SAYINGS[reason.code](reason, all) : ["pending", reason.code]);

function body(all) {
  if (!all) return null;
  const clear = all.clear.filter(it => CLEAR[it]).map(it => (it === "no_worker" && all.workers ? plural(all.workers, "worker") : CLEAR[it]));
  return ol({ class: "pad" },
    all.reasons.map((reason, n) => {
      const [tone, ...words] = said(reason, all);
      return li({ "data-s": tone }, span({ class: "status" }, mark(tone)), span(n > 0 && "then ", words));
    }),
    all.state === "waiting" && all.reasons.length === 0 && li({ "data-s": "completed" }, span({ class: "status" }, icon("ok")), span("nothing keeps it: it is handed out next")),
    all.starts_in_seconds != null && li({ "data-s": "pending" }, span({ class: "status" }, icon("clock")), span(`starts in about ${duration(Math.max(1000, all.starts_in_seconds * 1000))}, at ${plural(Number(all.per_minute.toPrecision(2)), "job")} a minute`)),
    clear.length > 0 && li({ "data-s": "completed" }, span({ class: "status" }, icon("ok")), p({ class: "quiet" }, clear.join(", "))));
}
