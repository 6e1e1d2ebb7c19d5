// A new job: from nothing, from another one beside what is different (`?from=`), or many of pasted lines.

import { get, getWhole, send } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { shortId } from "../lib/format.js";
import { deleteJobs, keyOf, MAY_DELETE } from "../lib/edited.js";
import { memberOf, readJson } from "../lib/json.js";
import { go, link, queryOf, route } from "../lib/router.js";
import { may } from "../lib/session.js";
import { signal, untracked } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { editor } from "../parts/editor.js";
import { head, panel, field } from "../parts/panel.js";
import { pastedLines } from "../parts/pasted_lines.js";
import { shown } from "../parts/states.js";

const { a, button, datalist, div, form, input, label, option, span } = el;
const EMPTY = { queue_name: "", priority: 0, max_retries: null, timeout_seconds: null };

export default function jobNew() {
  const from = queryOf("from"), lines = queryOf("lines");
  return () => {
    const asked = [from.value, lines.value];
    return untracked(() => view(...asked));
  };
}

function view(from, lines) {
  const { queue = "" } = route.peek().query;
  const original = from && resource(ending => getWhole(`/jobs/${from}`, {}, { signal: ending }));
  const queues = resource(ending => get("/queues", {}, { signal: ending }));
  const note = () => from && ["made of ", a({ class: "mono", href: link(["jobs", from]) }, shortId(from))];
  const acts = [!from && (lines ? a({ class: "btn", href: link("jobs/new", { queue }) }, "One job") : a({ class: "btn", href: link("jobs/new", { queue, lines: 1 }) }, "Paste many")),
    a({ class: "btn", href: from ? link(["jobs", from]) : "#/jobs" }, "Back")];
  return [
    head({ title: from ? "Edit and run as new" : lines ? "New jobs of pasted lines" : "New job", note, acts: acts.filter(Boolean) }),
    datalist({ id: "queue-names" }, () => (queues.data.value ?? []).map(it => option({ value: it.queue_name ?? it.name }))),
    from ? shown(original, () => again(original.data.peek().text), { what: "the original", word: "jobs:read", lines: 10 })
      : lines ? pastedLines(queue) : formOf({ ...EMPTY, queue_name: queue }, "{}", "", null),
  ];
}

const again = text => formOf(JSON.parse(text), memberOf(text, "payload") ?? "null", memberOf(text, "tags") ?? "", JSON.parse(text).id);

// The payload goes as it is written; a type is put in front of its members, where it names none.
function typed(payload, type) {
  if (!type || memberOf(payload, "job_type") !== null) return payload;
  const at = payload.indexOf("{") + 1, isEmpty = payload.slice(at).trim() === "}";
  return `${payload.slice(0, at)}"job_type":${JSON.stringify(type)}${isEmpty ? "" : ","}${payload.slice(at)}`;
}

// Tags as JSON, or as `tier=vip, region=eu`.
function tagsOf(text) {
  if (!text.trim() || !readJson(text).error) return text.trim();
  return JSON.stringify(Object.fromEntries(text.split(",").map(each => each.split(/=(.*)/s)).filter(([name]) => name.trim()).map(([name, value = ""]) => [name.trim(), value.trim()])));
}

// The newest job of a type that went well, if it is another one.
const lastGood = (job_type, from) => resource(async ending => {
  const [it] = await get("/jobs", { job_type, status: "completed", limit: 1 }, { signal: ending });
  if (!it || it.id === from) return null;
  return { id: it.id, payload: memberOf((await getWhole(`/jobs/${it.id}`, {}, { signal: ending })).text, "payload") ?? "null" };
}, { isRead: Boolean(job_type) });

function formOf(given, payload, tags, from) {
  const text = signal(payload), type = signal(""), fields = {};
  const last = lastGood(from && (given.job_type ?? given.payload?.job_type), from), isLast = signal(false);
  const against = (label, is) => button({ class: "chip", "aria-pressed": () => String(isLast.value === is), onclick: () => { isLast.value = is; } }, label);
  const edited = editor(text, {
    name: "Payload", rows: 14, before: () => (isLast.value ? last.data.value.payload : from ? payload : null),
    beforeName: () => (isLast.value ? `the last completed, ${shortId(last.data.value.id)}` : "the original"),
    choice: when(() => last.data.value, () => div({ class: "row" }, against("The original", false), against("The last completed of its type", true))),
  });
  const own = (name, label, attributes, hint) => field(label, (fields[name] = input({ autocomplete: "off", ...attributes, value: attributes.value ?? "" })), { hint });
  const number = (name, label, hint, min, max, value = given[name]) => own(name, label, { type: "number", min, max, value: value == null ? "" : String(value) }, hint);
  const isDead = from && given.status === "deadletter", isDeleted = signal(false);
  const isObject = () => text.value.trimStart().startsWith("{");

  function written() {
    const body = {};
    for (const [name, node] of Object.entries(fields)) {
      const value = node.value.trim();
      if (value !== "" && name !== "tags") body[name] = node.type === "number" ? Number(value) : value;
    }
    const labels = tagsOf(fields.tags.value), sent = typed(text.peek(), type.peek().trim());
    const whole = key => `${JSON.stringify({ ...body, ...key }).slice(0, -1)}${labels && `,"tags":${labels}`},"payload":${sent}}`;
    return whole(from && !body.idempotency_key ? { idempotency_key: keyOf(from, whole({})) } : {});
  }
  const put = act({
    label: from ? "Run as new" : "Create job", icon: "play", words: ["jobs:write"], kind: "main-act",
    obstacle: () => (edited.error.value ? "The payload is not JSON" : null),
    run: async () => {
      const body = written(), made = await send("POST", "/jobs", body, { key: JSON.parse(body).idempotency_key });
      if (isDeleted.peek()) await deleteJobs([from]);
      return made;
    },
    done: it => (it.created ? `${shortId(it.id)} is there` : `${shortId(it.id)} existed already: no new job was created`),
    after: it => go(["jobs", it.id].join("/")),
  });
  return form({ class: "grid", onsubmit: event => { event.preventDefault(); if (event.target.reportValidity()) put.press(); } },
    panel(null, {}, div({ class: "pad form" },
      div({ class: "two" },
        own("queue_name", "Queue", { value: given.queue_name, list: "queue-names", maxlength: 100, required: true, autofocus: from ? null : "" }),
        from ? null : field("Type", input({ value: type, autocomplete: "off", maxlength: 255, disabled: () => !isObject(), oninput: event => { type.value = event.target.value; } }), { hint: "Goes into the payload as job_type" })),
      edited,
      div({ class: "two" },
        number("priority", "Priority", "-100 to 100, higher goes first", -100, 100),
        number("delay_seconds", "Delay in seconds", "Empty: at once", 0, undefined, null),
        number("max_retries", "Retries", "Empty: as the queue says", 0, 100),
        number("timeout_seconds", "Time-out in seconds", "Empty: as the queue says", 1)),
      div({ class: "two" },
        own("tags", "Tags", { value: tags === "null" ? "" : tags, class: "mono" }, "As tier=vip, region=eu, or JSON"),
        own("idempotency_key", "Idempotency key", { maxlength: 255 }, from ? "Empty: made from the contents, so that sending the same twice creates one job" : "The same key twice creates one job")),
      isDead && label({ class: "check" }, input({ type: "checkbox", checked: isDeleted, disabled: () => !may(MAY_DELETE), onchange: event => { isDeleted.value = event.target.checked; } }), () => `and delete the dead letter${may(MAY_DELETE) ? "" : `: this key lacks ${MAY_DELETE}`}`),
      div({ class: "acts" }, put, button({ type: "submit", hidden: true, "aria-hidden": "true", tabindex: -1 }),
        asCurl(() => [["Create it", "POST", "/jobs", { body: written() }]]),
        when(() => from && given.completion_webhook, () => span({ class: "quiet small" }, "Its completion webhook is not copied."))))));
}
