// Messages of a queue: where one stands, a list as it was sent, one with all it has, and what can be done with them.
//
//   readMessages(queue, { state, limit, offset }, signal)     { found, hasMore }; `raw`, `headers_raw`: the bytes
//   const acts = messageActs({ queue, all, after })           all: the rows; acts.giveBack([id]), acts.hide, acts.remove
//   message(row, { queue, acts })                             a panel

import { getWhole, send } from "../lib/api.js";
import { now } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count, ms, plural, shortId } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { memberOf, membersOf } from "../lib/json.js";
import { link, setQuery } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { act, gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { form, textField } from "./form.js";
import { jsonView } from "./json_view.js";
import { many } from "./many.js";
import { messagesOf } from "./message_form.js";
import { facts, panel, when } from "./panel.js";
import { shown } from "./states.js";

const { a, button, div, p, span } = el;
const WORDS = ["jobs:write"];
const AT_ONCE = 1000; // ids that a call takes
const HIDE_SECONDS = 30, HIDE_SECONDS_MAX = 43_200;
const MARKS = { visible: ["pending", "Visible"], hidden: ["scheduled", "Hidden"], expired: ["cancelled", "Expired"], completed: ["completed", "Completed"], canceled: ["cancelled", "Canceled"], gone: ["cancelled", "Gone"] };

export async function readMessages(queue, query, signal) {
  const { text, headers } = await getWhole(messagesOf(queue), query, { signal });
  const bodies = membersOf(text, "body"), heads = membersOf(text, "headers");
  return { found: JSON.parse(text).map((it, n) => ({ ...it, raw: bodies[n], headers_raw: heads[n] })), hasMore: headers.get("x-has-more") === "true" };
}

// By the clock: who was hidden comes into sight by itself.
export function standing(it) {
  if (it.isGone) return "gone";
  if (it.expires_at && ms(it.expires_at) <= now.value && ["visible", "hidden"].includes(it.state)) return "expired";
  return it.state === "hidden" && ms(it.visible_at) <= now.value ? "visible" : it.state;
}
export const messageStatus = it => status(...(MARKS[standing(it)] ?? ["warn", it.state]));

export function messageActs({ queue, after }) {
  const path = messagesOf(queue);
  async function inParts(what, ids, more) {
    let n = 0;
    for (let at = 0; at < ids.length; at += AT_ONCE) n += (await send("POST", `${path}/${what}`, { ids: ids.slice(at, at + AT_ONCE), ...more })).hidden.length;
    return n;
  }
  const none = n => (n ? null : "It is not there any more");
  return {
    giveBack: ids => inParts("hide", ids, { hide_for_ms: 1 }),
    hide: ids => {
      const seconds = signal(String(HIDE_SECONDS));
      const ms = () => Math.round(Number(seconds.value) * 1000);
      openDialog({ title: `Hide ${plural(ids.length, "message")}`, body: close => form({
        label: "Hide", words: WORDS, onCancel: close, obstacle: () => (ms() > 0 && ms() <= HIDE_SECONDS_MAX * 1000 ? null : "From a millisecond to twelve hours"),
        run: () => inParts("hide", ids, { hide_for_ms: ms() }), done: n => none(n) ?? `${plural(n, "message")} hidden`, after: () => (close(), after()),
      }, p({ class: "quiet" }, "Nobody can read them for so long, from now on. Who reads one now goes on."),
      textField("Seconds", seconds, { type: "number", min: 0.001, max: HIDE_SECONDS_MAX, step: "any", autofocus: "" })) });
    },
    remove: ids => many({
      title: n => `Delete ${n} messages?`, verb: "Delete", noun: "message", isDanger: true, typed: String(ids.length), done: n => `${plural(n, "message")} deleted`, after,
      about: () => "They are deleted for good, also those that somebody reads now.",
      count: async () => ({ matched: ids.length, is_exact: true }),
      async step(_, at = 0) {
        const some = ids.slice(at, at + AT_ONCE), { deleted } = await send("POST", `${path}/delete`, { ids: some }), left = some.length - deleted.length;
        return { done: deleted.length, skipped: left ? { "no longer there": left } : {}, cursor: at + AT_ONCE < ids.length ? at + AT_ONCE : null };
      },
    }),
    giveBackAct: (id, more = {}) => act({ label: "Make visible", icon: "play", words: WORDS, hint: "Others can read it at once", run: () => inParts("hide", [id], { hide_for_ms: 1 }), done: n => none(n) ?? `${shortId(id)} can be read`, after, ...more }),
    removeAct: id => act({ label: "Delete", icon: "trash", kind: "danger", words: WORDS, ask: "Delete this message?", yes: "Delete message", run: () => send("DELETE", `${path}/${id}`), done: `${shortId(id)} is deleted`, after: () => (setQuery({ open: null }), after()) }),
  };
}

// One of them. A body that the list left out is read by itself.
export function message(row, { acts }) {
  const id = row.peek().id, it = () => row.value;
  const whole = resource(async ending => memberOf((await getWhole(`/jobs/${id}`, {}, { signal: ending })).text, "body") ?? "null", { isRead: Boolean(it().body_omitted) });
  return panel(`Message ${shortId(id)}`, {
    note: () => messageStatus(it()),
    more: [
      () => standing(it()) === "hidden" && acts.giveBackAct(id),
      () => ["hidden", "visible"].includes(standing(it())) && gated({ label: "Hide…", words: WORDS, onclick: () => acts.hide([id]) }),
      () => standing(it()) !== "gone" && acts.removeAct(id),
      button({ class: "btn plain only", "aria-label": "Close", title: "Close", onclick: () => setQuery({ open: null }) }, icon("close"))],
  },
  div({ class: "grid even" },
    div(p({ class: "pad quiet small" }, "Body"), it().body_omitted ? shown(whole, () => jsonView(whole.data.peek(), { name: "Body" }), { what: "its body", word: "jobs:read", lines: 3 }) : jsonView(it().raw, { name: "Body" })),
    div(p({ class: "pad quiet small" }, "Headers"), it().headers == null ? p({ class: "pad quiet" }, "It has none.") : jsonView(it().headers_raw, { name: "Headers" }))),
  () => facts([
    ["Id", a({ class: "mono in-full", href: link(["jobs", id]) }, id)],
    ["Number", span({ class: "num" }, count(it().seq))],
    it().topic && ["Topic", it().topic],
    it().concurrency_key && ["Key", span({ class: "mono" }, it().concurrency_key)],
    ["Priority", it().priority], ["Reads", count(it().deliveries)], ["Sent", when(it().created_at)],
    standing(it()) === "hidden" && ["Visible", when(it().visible_at)],
    it().expires_at && ["Expires", when(it().expires_at)],
  ]));
}
