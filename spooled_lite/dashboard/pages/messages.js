// The messages of a queue: who can be read now and who is hidden; send one, look at one, give back, hide, delete.

import { get } from "../lib/api.js";
import { every, gathered } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { live } from "../lib/live.js";
import { go, link, queryOf } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { gated, obstacle } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { chips, noMatch } from "../parts/filters.js";
import { inPlace } from "../parts/in_place.js";
import { message, messageActs, messageStatus, readMessages, standing } from "../parts/message.js";
import { messagesOf, openMessage } from "../parts/message_form.js";
import { head, panel, when } from "../parts/panel.js";
import { pauseAct, pausedNote } from "../parts/queues_table.js";
import { masked } from "../parts/search.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { toast } from "../parts/toast.js";
import { whoPaused } from "../parts/who.js";

const { a, b, button, div, p, span } = el;
const PAGE = 100, READ_SECONDS = 30, EXCERPT = 300;
const WORDS = ["jobs:write"];
const STATES = [["", "All"], ["visible", "Visible"], ["hidden", "Hidden"]];

const inShort = it => [it.topic, it.concurrency_key, it.deliveries > 0 && `read ${plural(it.deliveries, "time")}`, it.priority !== 0 && `priority ${it.priority}`].filter(Boolean).join(" · ");

export default function messagesPage({ queue: name }) {
  const state = queryOf("state"), opened = queryOf("open"), selected = signal(new Set());
  const asked = () => ({ state: state.value, limit: PAGE });
  const queue = resource(ending => get(`/queues/${encodeURIComponent(name)}`, {}, { signal: ending }));
  // In the order of a read, those before a message may have taken its place on the page.
  const list = inPlace(() => all, (query, ending) => readMessages(name, { state: state.peek(), ...query }, ending), { size: PAGE, noun: "message", isShifted: () => state.peek() === "visible" });
  const { hasMore, more, again } = list, all = rows(list.first);
  reading(() => [state.value], () => {
    selected.value = new Set();
    all.read();
  });

  const soon = gathered(again, 1000);
  // Messages have no events of their own: the numbers of their queue tell that something has changed.
  live({ events: "queue.stats,queue.paused,queue.resumed", query: { queue: name }, read: () => (queue.read(), again()), paint: frames => {
    if (frames.some(it => it.kind !== "queue.stats")) queue.read();
    soon();
  } });
  every(READ_SECONDS, again);

  const acts = messageActs({ queue: name, after: () => { selected.value = new Set(); all.read(); } });
  const chosen = () => [...selected.peek()];
  const giveBack = async ids => {
    const n = await acts.giveBack(ids);
    toast(`${plural(n, "message")} can be read`);
    selected.value = new Set();
    all.read();
  };
  const may = run => id => (obstacle(WORDS) ? false : void run(selected.peek().size ? chosen() : [id]));
  const add = gated({ label: "Send", icon: "plus", kind: "main-act", words: WORDS, obstacle: () => (all.error.value?.status === 404 ? "There is no such queue" : null), onclick: () => openMessage({ queue: name, after: all.read }) });
  keys("Messages", { r: ["Read again", all.read], ".": ["Show the newer ones", all.read], "]": ["More", more], n: ["Send a message", () => add.click()], q: ["Its queue", () => go(["queues", encodeURIComponent(name)].join("/"))] });

  const isMoved = row => row.value.isGone || (state.value && standing(row.value) !== state.value);
  const numbers = computed(() => (state.value || hasMore.value ? {} : Object.groupBy(all.ids.value.map(id => all.row(id).value), standing)));
  const one = computed(() => (opened.value && all.ids.value.includes(opened.value) ? all.row(opened.value) : null));
  const it = () => ({ queue_name: name, paused: queue.data.value?.paused, paused_reason: queue.data.value?.settings.paused_reason, paused_at: queue.data.value?.settings.paused_at });
  const columns = [
    { label: "State", cell: row => () => (row.value.isGone && state.value ? status("cancelled", `no longer ${state.value}`) : [messageStatus(row.value), standing(row.value) === "hidden" && span({ class: "quiet small" }, " ", when(row.value.visible_at))]) },
    { label: "Message", cell: (_, id) => a({ class: "mono", "aria-current": () => (opened.value === id ? "true" : null), href: () => link(["messages", name], { state: state.value, open: id }) }, shortId(id)) },
    { label: "Body", class: "fill clip whole", cell: row => () => (row.value.body_omitted ? span({ class: "quiet" }, "too large for this list") : span({ class: "mono" }, visible(masked((row.value.raw ?? "").slice(0, EXCERPT), "")))) },
    { label: "Topic", class: "hide brief", cell: row => span({ title: row.peek().topic }, row.peek().topic) },
    { label: "Key", class: "hide brief", cell: row => span({ class: "mono", title: row.peek().concurrency_key }, row.peek().concurrency_key) },
    { label: "Prio", class: "num hide", cell: row => () => row.value.priority || "" },
    { label: "Reads", class: "num hide", cell: row => () => count(row.value.deliveries) },
    { label: "Expires", class: "num hide", cell: row => () => row.value.expires_at && when(row.value.expires_at) },
    { label: "In short", isUnsaid: true, class: "whole clip quiet on-card-cell", cell: row => () => inShort(row.value) },
    { label: "Sent", class: "num hide", cell: row => when(row.peek().created_at) },
  ];

  return [
    head({
      title: () => `Messages of ${name}`, shown: ["Messages of ", a({ class: "mono", href: link(["queues", name]) }, name)],
      note: [() => all.data.value && `${count(all.ids.value.length)}${hasMore.value ? " and more" : ""} `, () => it().paused && [status("paused"), " "], pausedNote(it, { after: queue.read, who: whoPaused("queue", name) })],
      acts: [
        either(() => it().paused, () => pauseAct(it, { after: queue.read })),
        asCurl(() => [["These messages", "GET", messagesOf(name), { query: asked() }], ["Send one", "POST", messagesOf(name), { body: { body: { user_id: 5 }, concurrency_key: "user-5" } }],
          ["Read ten", "POST", `${messagesOf(name)}/read`, { body: { quantity: 10, hide_for_ms: 30_000, wait_ms: 5000 } }], ["Delete one", "DELETE", `${messagesOf(name)}/ID`]]), add],
    }),
    chips({ name: "state", label: "State", options: () => STATES.map(([value, label]) => ({ value, label, n: value ? numbers.value[value]?.length : null })) }),
    list.button(),
    () => one.value && message(one.value, { acts }),
    panel(null, {}, shown(all, () => table({
      of: all, label: "Messages", group: "Messages", selected, columns, rowClass: row => (isMoved(row) ? "moved" : ""),
      more: { "Shift+r": ["Make visible", may(giveBack)], "Shift+c": ["Delete", may(acts.remove)] },
    }), {
      what: "this queue", word: "jobs:read", lines: 8, isEmpty: () => !all.ids.value.length,
      empty: () => (state.value ? noMatch({ state: "State" }, { what: "messages" }) : emptyState("No messages", p("A message stays in its queue until whoever reads it deletes it. Unlike a job it has no attempts, and never becomes a dead letter."),
        gated({ label: "Send a message", icon: "plus", words: WORDS, onclick: () => add.click() }))),
    })),
    list.moreButton(),
    either(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" }, b(() => `${count(selected.value.size)} selected`),
      gated({ label: "Make visible", icon: "play", words: WORDS, onclick: () => giveBack(chosen()) }),
      gated({ label: "Hide…", words: WORDS, onclick: () => acts.hide(chosen()) }),
      gated({ label: "Delete…", icon: "trash", kind: "danger", words: WORDS, onclick: () => acts.remove(chosen()) }),
      button({ class: "btn plain", onclick: () => { selected.value = new Set(); } }, "None"))),
  ];
}
