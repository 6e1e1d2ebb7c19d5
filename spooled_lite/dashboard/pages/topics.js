// Topics: which patterns lead to which targets, who would get what is published, and publishing.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { keys } from "../lib/keys.js";
import { queryOf } from "../lib/router.js";
import { me } from "../lib/session.js";
import { signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { openDialog } from "../parts/dialog.js";
import { choose, noMatch, textFilter } from "../parts/filters.js";
import { form, selectField, textField } from "../parts/form.js";
import { openMessage } from "../parts/message_form.js";
import { head, panel, when } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { isPattern, isTopic, targetLink, told, whoGets } from "../parts/topic.js";

const { datalist, div, option, p, span } = el;
const PAGE = 100, READ_SECONDS = 30;
const WORDS = ["jobs:write"];
const scoped = () => (me.value?.queues.length ? "A key for some queues may not do this" : null);

export default function topicsPage() {
  const topic = queryOf("topic"), target = queryOf("target"), hasMore = signal(false);
  const asked = () => ({ topic: isTopic(topic.value) ? topic.value : null, target_name: target.value, limit: PAGE });
  const load = async (more, ending) => {
    const found = await get("/bindings", { ...asked(), ...more }, { signal: ending });
    hasMore.value = found.length === PAGE;
    return found;
  };
  const all = rows(ending => load({}, ending)), who = whoGets(() => topic.value);
  const queues = resource(ending => get("/queues", {}, { signal: ending })), names = () => (queues.data.value ?? []).map(it => it.queue_name);
  const read = () => (all.read(), who.read());
  const more = async () => hasMore.peek() && all.add(await load({ offset: all.ids.peek().length }));
  reading(() => [asked().topic, target.value], all.read);
  every(READ_SECONDS, read);

  const publish = gated({ label: "Publish…", icon: "events", words: WORDS, obstacle: scoped, onclick: () => openMessage({ topic: topic.peek(), after: () => {} }) });
  const bind = gated({ label: "Bind", icon: "plus", kind: "main-act", words: WORDS, obstacle: scoped, onclick: () => openBind({ given: target.peek(), names, after: read }) });
  const body = it => ({ target_type: it.target_type, target_name: it.target_name, pattern: it.pattern });
  const unbind = row => act({
    label: "Unbind", icon: "trash", isSmall: true, name: `Unbind ${row.peek().target_name} from ${row.peek().pattern}`, words: WORDS, obstacle: scoped,
    run: () => send("DELETE", `/bindings/${row.peek().id}`), done: `${row.peek().pattern} leads no more to ${row.peek().target_name}`, undo: () => send("POST", "/bindings", body(row.peek())), after: read,
  });
  keys("Topics", { r: ["Read again", read], n: ["Bind", () => bind.click()], p: ["Publish", () => publish.click()], "]": ["More", more] });

  return [
    head({ title: "Topics", acts: [
      asCurl(() => [["All bindings", "GET", "/bindings", { query: { target_name: target.value } }], ["Who would get this", "GET", "/bindings", { query: { topic: asked().topic ?? "events.user.created" } }],
        ["Bind a queue", "POST", "/bindings", { body: { target_type: "queue", target_name: "audit", pattern: "events.#" } }], ["Publish", "POST", "/publish", { body: { topic: "events.user.created", body: { id: 9 } } }]]), publish, bind] }),
    panel("Who would get it?", {}, div({ class: "pad form" },
      div({ class: "field" }, textFilter({ name: "topic", label: "Who would get this topic?", placeholder: "A topic as it is published: events.user.created" })), told(who))),
    div({ class: "filters" }, choose({ name: "target", label: "Target", options: () => names().map(value => ({ value })), isFree: true, placeholder: "Name of a queue or task" })),
    panel(() => (asked().topic ? "Bindings that match" : "Bindings"), { note: () => all.ids.value.length > 0 && `${count(all.ids.value.length)}${hasMore.value ? " and more" : ""}` }, shown(all, () => table({
      of: all, label: "Bindings", group: "Bindings", nameOf: id => all.row(id).peek().pattern,
      columns: [
        { label: "Pattern", class: "fill clip", cell: row => span({ class: "mono", title: row.peek().pattern }, row.peek().pattern) },
        { label: "Leads to", class: "whole", cell: row => [targetLink(row.peek().target_type, row.peek().target_name), span({ class: "quiet" }, ` ${row.peek().target_type}`)] },
        { label: "Bound", class: "num hide", cell: row => when(row.peek().created_at) },
        { label: "Unbind", isUnsaid: true, class: "acts-cell", cell: unbind },
      ],
    }), {
      what: "the bindings", word: "jobs:read", isEmpty: () => !all.ids.value.length,
      empty: () => (asked().topic || target.value ? noMatch({ topic: "Topic", target: "Target" }, { what: "bindings" }) : emptyState("Nothing is bound", p("A queue that is bound to a pattern gets a copy of what is published under each topic that matches; a task is run with it. ", el.code("*"), " stands for one word, ", el.code("#"), " at the end for any number of them."),
        gated({ label: "Bind", icon: "plus", words: WORDS, obstacle: scoped, onclick: () => bind.click() }))),
    })),
    either(() => hasMore.value && all.ids.value.length, () => div({ class: "newer" }, el.button({ class: "btn", onclick: more }, () => `${plural(all.ids.value.length, "binding")} shown. More`))),
  ];
}

function openBind({ given = "", names, after }) {
  const target = signal(given), pattern = signal(""), kind = signal("queue");
  const tasks = resource(ending => get("/tasks", {}, { signal: ending }));
  openDialog({ title: "Bind a queue or a task", body: close => form({
    label: "Bind", words: WORDS, onCancel: close,
    obstacle: () => (!target.value.trim() ? `Name the ${kind.value} first` : !isPattern(pattern.value.trim()) ? "Type a pattern first" : null),
    run: () => send("POST", "/bindings", { target_type: kind.peek(), target_name: target.peek().trim(), pattern: pattern.peek().trim() }),
    done: it => `${it.pattern} leads to ${it.target_name}`, after: () => (close(), after()),
  }, datalist({ id: "bound-names" }, () => (kind.value === "queue" ? names() : (tasks.data.value ?? []).map(it => it.name)).map(value => option({ value }))),
  selectField("Leads to", kind, [["queue", "A queue: each message is put into it"], ["task", "A task: each message is the input of a run"]]),
  textField("Name", target, { list: "bound-names", maxlength: 100, autofocus: "" }),
  textField("Pattern", pattern, {
    maxlength: 1000, spellcheck: "false", class: "text mono", hint: "events.user.created, events.*.created or events.#: * is one word, # at the end any number of words, also none",
    error: () => (pattern.value.trim() && !isPattern(pattern.value.trim()) ? "Words of letters, digits, _ and - with dots between them; * and # only as whole words, # only as the last" : null),
  })) });
}
