// Topics: what is one, and who gets what is published under it.
//
//   const who = whoGets(() => topic.value)     read 250 ms after the last change
//   who.targets()                              [{ type, name }], each once; null: not known (yet)
//   told(who)                                  "2 targets get it: audit, mail", as a child

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { link } from "../lib/router.js";
import { effect, signal, untracked } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { refused } from "./states.js";

const { a, p } = el;
const REST_MS = 250, READ_MAX = 500, NAMED_MAX = 20;
export const isTopic = text => /^[\w-]+(\.[\w-]+)*$/.test(text);
export const TOPIC_HINT = "Words of letters, digits, _ and - with dots between them: events.user.created";
export const isPattern = text => /^(([\w-]+|\*)\.)*([\w-]+|\*|#)$/.test(text);

const PLACES = { queue: name => ["messages", name], task: name => ["tasks", name] };
export const targetLink = (type, name) => (PLACES[type] ? a({ href: link(PLACES[type](name)) }, name) : name);

export function whoGets(topic) {
  const asked = signal("");
  const it = resource(async ending => ({ topic: asked.peek(), found: await get("/bindings", { topic: asked.peek(), limit: READ_MAX }, { signal: ending }) }), { isRead: false });
  effect(() => {
    const now = topic();
    const timer = setTimeout(() => { asked.value = now; if (isTopic(now)) untracked(it.read); }, asked.peek() ? REST_MS : 0);
    return () => clearTimeout(timer);
  });
  const targets = () => (it.data.value?.topic !== topic() ? null
    : [...new Map(it.data.value.found.map(each => [`${each.target_type} ${each.target_name}`, { type: each.target_type, name: each.target_name }])).values()]);
  return { topic, targets, error: it.error, read: () => isTopic(asked.peek()) && it.read(), isMore: () => it.data.value?.found.length === READ_MAX };
}

export const told = who => p({ role: "status", class: "quiet" }, () => {
  if (!who.topic()) return null;
  if (!isTopic(who.topic())) return `No topic: ${TOPIC_HINT}`;
  const all = who.targets();
  if (!all) return who.error.value ? refused(who.error.value) : "…";
  if (!all.length) return "Nobody is bound to it: what is published is not stored.";
  return [el.b(`${plural(all.length, "target")}${who.isMore() ? " or more" : ""}`), all.length === 1 ? " gets it: " : " get it: ",
    all.slice(0, NAMED_MAX).map((each, n) => [n ? ", " : "", each.type === "queue" ? "" : `${each.type} `, targetLink(each.type, each.name)]), all.length > NAMED_MAX && " …"];
});
