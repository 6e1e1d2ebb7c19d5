// Realtime: who listens to a topic, sending to it, a token to try, and what renderers make of messages.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { visible } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { link, queryOf } from "../lib/router.js";
import { reading, resource, rows } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { textFilter } from "../parts/filters.js";
import { opener, openNotice, openRenderer, openToken, rendererOf, RENDERERS, scoped, WORDS } from "../parts/live_forms.js";
import { head, panel, when } from "../parts/panel.js";
import { emptyState, refused, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { isPattern } from "../parts/topic.js";

const { a, b, button, div, p, span } = el;
const READ_SECONDS = 15, NAMED_MAX = 100;
const mono = text => span({ class: "mono", title: text }, visible(text));

export default function livePage() {
  const topic = queryOf("topic"), identity = queryOf("identity");
  const who = resource(ending => (isPattern(topic.peek()) ? get("/realtime/presence", { topic: topic.peek() }, { signal: ending }) : null));
  const all = rows(ending => get(RENDERERS, {}, { signal: ending }), { key: it => it.name }), read = () => (who.read(), all.read());
  reading(() => [topic.value], who.read);
  every(READ_SECONDS, read);

  const open = given => openRenderer({ given, after: all.read }), add = () => opener("New renderer", "plus", () => open());
  const notify = opener("Send", "events", () => openNotice({ topic: topic.peek() }), "main-act"), create = add();
  keys("Realtime", { r: ["Read again", read], n: ["New renderer", () => create.click()], p: ["Send a message", () => notify.click()] });
  const remove = row => act({
    label: "Delete", icon: "trash", isSmall: true, name: `Delete ${row.peek().name}`, words: WORDS, obstacle: scoped,
    run: () => send("DELETE", rendererOf(row.peek().name)), done: `${row.peek().name} is deleted`, undo: () => send("PUT", rendererOf(row.peek().name), row.peek()), after: all.read,
  });

  return [
    head({ title: "Realtime", acts: [
      asCurl(() => [["Who is there", "GET", "/realtime/presence", { query: { topic: topic.value || "order.7" } }], ["Send to a topic", "POST", "/realtime/notify", { body: { topic: "order.7", message: '{"step": 1}' } }],
        ["Make a token", "POST", "/realtime/tokens", { body: { topics: ["order.*"], identity: "user-123", ttl_seconds: 3600 } }], ["Store a renderer", "PUT", rendererOf("order_li"), { body: { pattern: "order.*", template: "<li>{{data.step}}</li>" } }]]),
      opener("Make a token…", "key", () => openToken({ topic: topic.peek() })), notify] }),
    panel("Who is there?", {}, div({ class: "pad form" }, div({ class: "two" },
      div({ class: "field" }, textFilter({ name: "topic", label: "Who has this topic open?", placeholder: "A topic as tokens name it: order.7" }), present(who, topic)),
      div({ class: "field" }, textFilter({ name: "identity", label: "Whose inbox?", placeholder: "Whose inbox? user-123" }),
        p(() => identity.value && a({ href: link(["inbox", identity.value]) }, "Inbox of ", mono(identity.value))))))),
    panel("Renderers", { class: "acts-first", note: () => all.ids.value.length > 0 && count(all.ids.value.length), more: create }, shown(all, () => table({
      of: all, label: "Renderers", group: "Renderers", nameOf: name => name, columns: [
        { label: "Name", cell: row => button({ class: "btn plain mono", onclick: () => open(row.peek()) }, row.peek().name) },
        { label: "Pattern", class: "clip second", cell: row => () => mono(row.value.pattern) },
        { label: "Event", class: "clip hide", cell: row => () => (row.value.event ? mono(row.value.event) : span({ class: "quiet" }, "the topic")) },
        { label: "Template", class: "fill clip whole", cell: row => () => mono(row.value.template) },
        { label: "Changed", class: "num hide", cell: row => () => when(row.value.updated_at) },
        { label: "Delete", isUnsaid: true, class: "acts-cell", cell: remove },
      ],
    }), {
      what: "the renderers", word: "jobs:read", isEmpty: () => !all.ids.value.length,
      empty: () => emptyState("Nothing is rendered", p("A renderer makes HTML of messages before browsers get them: ", el.code("<li>{{data.step}}</li>"), ". Without one they get the messages as they are."), add()),
    })),
  ];
}

const present = (who, topic) => p({ role: "status", class: "quiet" }, () => {
  const found = who.data.value, names = found?.identities;
  if (!topic.value) return "Identities of tokens that have a stream open and name just this topic.";
  if (!isPattern(topic.value)) return "No topic: words of letters, digits, _ and - with dots between them.";
  if (who.error.value) return refused(who.error.value);
  if (found?.topic !== topic.value) return "…";
  if (!names.length) return "Nobody is there.";
  return [b(names.length === 1 ? "1 is there: " : `${count(names.length)} are there: `),
    names.slice(0, NAMED_MAX).map((name, n) => [n ? ", " : "", a({ href: link(["inbox", name]) }, name)]), names.length > NAMED_MAX && " …"];
});
