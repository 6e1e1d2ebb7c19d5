// Who did what to which, when and why; what can be taken back is taken back here.

import { get, send } from "../lib/api.js";
import { every, gathered, rangeOf } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { link, queryOf } from "../lib/router.js";
import { may } from "../lib/session.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { chips, choose, noMatch, timeRange } from "../parts/filters.js";
import { newer } from "../parts/newer.js";
import { head, panel, when } from "../parts/panel.js";
import { setActive } from "../parts/schedule_acts.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";

const { a, button, div, p } = el;
const PAGE = 100, READ_SECONDS = 30;
const NAMES = { kind: "Of", act: "Act", key: "Key", subject: "What", range: "When" };

// Of each kind: what it is called, where it is, and its acts as what stands before and behind it.
const MADE = { create: "created", change: "changed", delete: "deleted", pause: "paused", resume: "resumed", cancel: "cancelled" };
const TO_JOBS = { retry: "retried", cancel: "cancelled", delete: "deleted", purge: "purged", priority: "changed the priority of", set_priority: "changed the priority of", add_parents: "added parents to", run_now: "ran without waiting" };
const KINDS = {
  job: { label: "Jobs", name: "the job", at: id => ["jobs", id], acts: { resend: ["called the completion webhook of", "again"] } },
  queue: { label: "Queues", name: "the queue", at: name => ["queues", name] },
  schedule: { label: "Schedules", name: "the schedule", at: id => ["schedules", id], acts: { trigger: ["ran", "by hand"] } },
  workflow: { label: "Workflows", name: "the workflow", at: id => ["workflows", id], acts: { retry: ["retried", ""], rerun: n => [`ran ${plural(n, "step")} of`, "again"] } },
  worker: { label: "Workers", name: "the worker", at: id => ["workers", id], acts: { deregister: ["signed off", ""] } },
  webhook: { label: "Webhooks", name: "the webhook", at: id => ["webhooks", id], acts: { resend: ["sent a delivery of", "again"] } },
  task: { label: "Tasks", name: "the task", at: name => ["tasks", name] },
  binding: { label: "Bindings", name: "the binding", at: () => ["topics"] },
  key: { label: "Keys", name: "the key", at: () => ["keys"], acts: { revoke: ["revoked", ""], new_secret: ["gave", "a new secret"] } },
  organization: { label: "Organization", name: "the organization", at: () => ["org"], acts: { new_token: ["gave", "a new token for webhooks"] } },
};
const ACTS = ["pause", "resume", "retry", "cancel", "purge", "delete", "create", "change", "trigger", "rerun", "priority", "set_priority", "run_now", "add_parents", "resend", "deregister", "revoke", "new_secret", "new_token"];
const inWords = name => name.replaceAll("_", " ");

// Before and behind what it was done to.
function verb({ kind, act: name, count: n }) {
  const own = KINDS[kind]?.acts?.[name];
  if (own) return typeof own === "function" ? own(n) : own;
  if (kind === "job") return [TO_JOBS[name] ?? `did “${inWords(name)}” to`, ""];
  if (kind === "queue" && !["create", "change", "delete", "pause", "resume"].includes(name)) return [`${TO_JOBS[name] ?? `did “${inWords(name)}” to`} ${plural(n, "job")} of`, ""];
  return [MADE[name] ?? `did “${inWords(name)}” to`, ""];
}

// "deploy paused the queue charges": who and what are links, a thing that is gone is text.
function sentence(it) {
  const [before, behind] = verb(it), kind = KINDS[it.kind] ?? { name: it.kind };
  const name = it.subject_name || (it.kind === "queue" ? it.subject : shortId(it.subject));
  const thing = it.subject_exists && kind.at ? a({ href: link(kind.at(it.subject)) }, name) : el.bdi({ title: "It is gone" }, name);
  const what = it.subject ? [kind.name, " ", thing] : plural(it.count, it.kind);
  return [a({ class: "who", href: link("acts", { key: it.key_id }), title: "All that was done with this key" }, it.key_name), " ", before, " ", what, behind && ` ${behind}`];
}

// The act that takes it back, as long as it was the last of its kind.
const BACK = {
  queue: (name, isOn) => send("POST", `/queues/${encodeURIComponent(name)}/${isOn ? "resume" : "pause"}`, isOn ? undefined : {}),
  schedule: setActive,
};
const isSwitch = it => BACK[it.kind] && it.subject_exists && (it.act === "pause" || it.act === "resume");

export default function actsPage() {
  const filter = Object.fromEntries(Object.keys(NAMES).map(name => [name, queryOf(name)]));
  const isFiltered = computed(() => Object.values(filter).some(it => it.value)), hasMore = signal(false);
  const asked = () => ({ kind: filter.kind.value, act: filter.act.value, key: filter.key.value, subject: filter.subject.value, since: rangeOf(filter.range.value).after, limit: PAGE });
  // An act of several passes counts on in its row.
  const named = found => found.map(it => ({ ...it, id: [it.at, it.key_id, it.act, it.kind, it.subject].join(" ") }));
  const read = async (query, ending) => named(await get("/acts", query, { signal: ending }));
  const acts = rows(async ending => {
    const found = await read(asked(), ending);
    hasMore.value = found.length === PAGE;
    return found;
  });
  const again = newer(acts, () => read(asked()), "newer act");
  reading(() => Object.values(filter).map(it => it.value), again.read);
  const owners = resource(ending => (may("api-keys:read") ? get("/api-keys", {}, { signal: ending }) : Promise.resolve([])));

  // What came meanwhile moves the others on: those that are there already are not added twice.
  async function more() {
    if (!hasMore.peek()) return;
    const found = await read({ ...asked(), offset: acts.ids.peek().length });
    hasMore.value = found.length === PAGE;
    acts.add(found);
  }

  live({ events: "queue.paused,queue.resumed,workflow.cancelled", read: again.refresh, paint: gathered(again.refresh) });
  every(READ_SECONDS, again.refresh);

  const isLast = it => acts.ids.value.map(id => acts.row(id).peek()).find(each => each.kind === it.kind && each.subject === it.subject && isSwitch(each)) === it;
  function undo(it) {
    const was = it.act === "pause", word = was ? "Resume" : "Pause", name = it.subject_name ?? it.subject;
    return act({
      label: word, icon: was ? "play" : "pause", isSmall: true, name: `${word} ${name}`, words: [`${it.kind}s:write`], after: again.read,
      run: () => BACK[it.kind](it.subject, was), done: `${name} ${was ? "goes on" : "is paused"}`, undo: () => BACK[it.kind](it.subject, !was),
    });
  }
  keys("Acts", { r: ["Read again", again.read], ".": ["Show the newer ones", again.read], "]": ["More", more] });

  const columns = [
    { label: "What was done", class: "fill said", cell: row => () => div({ class: "clip" }, sentence(row.value)) },
    { label: "Why", class: "third", cell: row => row.peek().reason && div({ class: "clip quiet why", title: row.peek().reason }, `“${row.peek().reason}”`) },
    { label: "When", class: "num second", cell: row => when(row.peek().at) },
    { label: "Take back", isUnsaid: true, class: "acts-cell", cell: row => either(() => isSwitch(row.value) && isLast(row.value), () => undo(row.peek())) },
  ];
  const keyName = id => owners.data.value?.find(it => it.id === id)?.name ?? acts.all().find(it => it.key_id === id)?.key_name ?? shortId(id);
  return [
    head({ title: "Acts", note: "who did what, and why", acts: [asCurl(() => [["The acts shown", "GET", "/acts", { query: asked() }]])] }),
    chips({ name: "kind", label: "Of", options: () => [{ value: "", label: "All" }, ...Object.entries(KINDS).map(([value, { label }]) => ({ value, label }))] }),
    div({ class: "filters" },
      choose({ name: "act", label: "Act", options: () => ACTS.map(value => ({ value, label: inWords(value) })), say: inWords }),
      choose({ name: "key", label: "Key", isFree: !may("api-keys:read"), placeholder: "Id of a key", say: keyName, options: () => (owners.data.value ?? []).map(it => ({ value: it.id, label: it.name })) }),
      choose({ name: "subject", label: "What", isFree: true, placeholder: "Name of a queue, id of another thing" }),
      timeRange({ label: "When" })),
    again.button,
    panel(null, {}, shown(acts, () => table({ of: acts, label: "Acts", group: "Acts", columns }), {
      what: "the acts", word: "organization:read", lines: 10, isEmpty: () => !acts.ids.value.length,
      empty: () => (isFiltered.value ? noMatch(NAMES, { what: "acts" }) : emptyState("Nothing was done yet", p("Whatever one does to a queue, a job or a setting, here or over the API, stands here: who, when and why."))),
    })),
    either(() => hasMore.value && acts.ids.value.length, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, () => `${count(acts.ids.value.length)} shown. More`))),
  ];
}
