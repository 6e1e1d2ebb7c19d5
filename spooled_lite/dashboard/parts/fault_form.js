// A form for a fault, made of what the server says it can make.

import { get, send } from "../lib/api.js";
import { described } from "../lib/described.js";
import { el } from "../lib/dom.js";
import { computed, effect, signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { inWords, membersOf, noting, setAll, textOf, whole } from "./described_form.js";
import { form, selectField } from "./form.js";
import { field, panel } from "./panel.js";
import { shown } from "./states.js";

const { button, datalist, details, div, fieldset, legend, option, select, span, summary } = el;
// What a rule can be for, one at a time; the other members of `on` are conditions.
const SUBJECTS = { route: "A request of the API", rpc: "A gRPC call", delivery: "A call of a webhook", mail: "A mail", stream: "An open stream" };
const OFTEN = ["queue", "job_id"]; // of the conditions
// What the server adds without a word here is called by its name.
const WORDS = {
  latency_ms: "It comes late", error: "An error is answered", drop: "The connection is cut", truncate: "The answer is cut short", hang_ms: "Nothing is answered",
  redeliver: "The jobs go back at once", expire_lease: "The lease is over at once", end_stream: "The stream ends", mute_ms: "The stream says nothing",
  receiver: "The receiver answers", deliver_twice: "It is sent twice", lose: "It is lost", failure: "The mail server does not take it",
};
const BESIDE = { where: "latency_ms" }; // a member of `do` that only goes with another
// What can come of each subject, and which conditions go with it; of one without a line here all.
const OF_REQUESTS = "latency_ms error drop hang_ms redeliver expire_lease", CONDITIONS = "queue job_id key_id worker_id body headers";
const GOES = {
  route: `${OF_REQUESTS} truncate ${CONDITIONS}`, rpc: `${OF_REQUESTS} ${CONDITIONS}`,
  delivery: "latency_ms receiver deliver_twice lose queue job_id body headers", mail: "latency_ms deliver_twice lose failure",
  stream: `latency_ms error drop hang_ms end_stream mute_ms ${CONDITIONS}`,
};
const KNOWN = 50; // of each kind of thing, to choose from
const EXAMPLES = [
  ["A lost acknowledgement", { on: { route: "POST /api/v1/jobs/{id}/complete" }, when: { matches: [1] }, do: { drop: "after_commit" }, times: 1, note: "lost acknowledgement" }],
  ["A slow server", { on: { route: "*" }, do: { latency_ms: [50, 400] }, note: "slow" }],
  ["A full disk", { on: { route: "POST /api/v1/jobs" }, when: { first: 3 }, do: { error: { as: "storage_full" } }, note: "full disk" }],
];

export function faultForm(after) {
  const it = resource(async ending => described(await get("//openapi.json", {}, { signal: ending })));
  return panel("Have a fault made", { note: "health, metrics and test routes are never struck" },
    shown(it, () => div({ class: "pad parted" }, formOf(it.data.peek(), after)), { what: "what the server can make", lines: 8 }));
}

// Lists to choose from; what cannot be read is typed.
function lists(routes) {
  const read = (path, of) => { const it = resource(async ending => (await get(path, { limit: KNOWN }, { signal: ending })).map(of)); return () => it.data.value ?? []; };
  const all = {
    route: () => [["*", "all"], ...routes.filter(([name]) => name.includes(" /api/v1/") && !name.includes(" /api/v1/test"))],
    queue: read("/queues", each => [each.queue_name ?? each.name, ""]),
    job_id: read("/jobs", each => [each.id, `${each.status} in ${each.queue_name}`]),
    key_id: read("/api-keys", each => [each.id, each.name]),
    worker_id: read("/workers", each => [each.id, each.hostname]),
  };
  return [Object.fromEntries(Object.keys(all).map(name => [name, `known-${name}`])),
    Object.entries(all).map(([name, values]) => datalist({ id: `known-${name}` }, () => values().map(([value, label]) => option({ value, label }))))];
}

function formOf({ routes, shape }, after) {
  const rule = shape("NewFault").members, refusals = signal(new Map()), [names, known] = lists(routes), given = { refusals, lists: names };
  const on = membersOf(rule.on, "on", given), kinds = membersOf(rule.do, "do", given), when = membersOf(rule.when, "when", given);
  const rest = membersOf({ members: Object.fromEntries(Object.entries(rule).filter(([name]) => !["on", "do", "when"].includes(name))) }, "", given);
  const subjects = Object.keys(SUBJECTS).filter(name => on[name]), subject = signal(subjects[0]);
  const goes = name => (GOES[subject.value]?.split(" ").includes(name) ?? true);
  const all = Object.keys(kinds).filter(name => !BESIDE[name]), kind = signal(all[0]), those = computed(() => all.filter(goes));
  effect(() => { if (!those.value.includes(kind.peek())) kind.value = those.value[0]; });
  const conditions = Object.keys(on).filter(name => !subjects.includes(name)), seldom = conditions.filter(name => !OFTEN.includes(name));
  const shownIf = (is, of, names) => names.map(name => div({ hidden: () => !is(name) }, of[name].node));
  const isSubject = name => name === subject.value, isKind = name => (BESIDE[name] ?? name) === kind.value;
  let more;

  // What is chosen is said also when nothing is said of it.
  const EMPTY = { switch: "true", object: "{}" };
  const saying = (shapes, of, isChosen, is) => textOf(Object.fromEntries(Object.entries(of).filter(([name]) => is(name))
    .map(([name, it]) => [name, { text: () => it.text() ?? (isChosen(name) ? EMPTY[shapes.members[name].kind] ?? null : null) }]))) ?? "{}";
  function body() {
    const parts = {
      on: saying(rule.on, on, isSubject, name => isSubject(name) || (conditions.includes(name) && goes(name))), do: saying(rule.do, kinds, name => name === kind.peek(), isKind),
      when: textOf(when), ...Object.fromEntries(Object.entries(rest).map(([name, it]) => [name, it.text()])),
    };
    return textOf(Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, { text: () => text }])));
  }
  function fill(it) {
    refusals.value = new Map();
    [[on, it.on], [kinds, it.do], [when, it.when], [rest, it]].forEach(([members, value]) => setAll(members, value));
    subject.value = subjects.find(name => it.on?.[name] !== undefined) ?? subjects[0];
    kind.value = all.find(name => it.do?.[name] !== undefined) ?? all[0];
  }
  async function run() {
    try {
      return await noting(refusals, () => send("POST", "/test/faults", body()));
    } finally {
      if (seldom.some(name => [...refusals.peek().keys()].some(path => path.startsWith(`on.${name}`)))) more.open = true;
      [...node.querySelectorAll("[aria-invalid=true]")].find(it => it.checkVisibility())?.focus();
    }
  }
  const node = form({ label: "Make it", run, done: made => `${made.id} strikes from now on`, after },
    known,
    div({ class: "row small" }, span({ class: "quiet" }, "For example"), EXAMPLES.map(([words, it]) => button({ type: "button", class: "chip", onclick: () => fill(it) }, words))),
    fieldset({ class: "field" }, legend("What it is for"), whole(refusals, "on"), div({ class: "two" },
      subjects.length > 1 && selectField("Of", subject, subjects.map(name => [name, SUBJECTS[name]])),
      shownIf(isSubject, on, subjects), shownIf(goes, on, OFTEN.filter(name => on[name]))),
    details({ ref: it => { more = it; }, hidden: () => !seldom.some(goes) }, summary("More conditions"), div({ class: "two" }, shownIf(goes, on, seldom)))),
    fieldset({ class: "field" }, legend("What comes of it"), whole(refusals, "do"), div({ class: "two" },
      field("Kind", select({ onchange: event => { kind.value = event.target.value; } }, () => those.value.map(name => option({ value: name, selected: () => name === kind.value }, WORDS[name] ?? inWords(name))))), shownIf(isKind, kinds, Object.keys(kinds).filter(name => rule.do.members[name].kind !== "switch")))),
    fieldset({ class: "field" }, legend("Which ones it strikes"), el.small("Without any of these each; with several those for which all hold."), whole(refusals, "when"), div({ class: "two" }, Object.values(when).map(it => it.node), Object.values(rest).map(it => it.node))));
  fill(EXAMPLES[0][1]);
  return node;
}
