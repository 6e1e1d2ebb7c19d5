// The forms of live messages and inboxes: sending one, a token for a browser, a renderer.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { me } from "../lib/session.js";
import { signal } from "../lib/signal.js";
import { gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { areaField, form, selectField, textField } from "./form.js";
import { code } from "./panel.js";
import { secret } from "./secret.js";
import { isPattern, isTopic, TOPIC_HINT } from "./topic.js";

const { div, p } = el;
export const WORDS = ["jobs:write"], RENDERERS = "/realtime/renderers";
export const inboxOf = identity => `/inbox/${encodeURIComponent(identity)}`;
export const rendererOf = name => `${RENDERERS}/${encodeURIComponent(name)}`;
export const scoped = () => (me.value?.queues.length ? "A key for some queues may not do this" : null);
export const opener = (label, icon, onclick, kind) => gated({ label, icon, kind, words: WORDS, obstacle: scoped, onclick });

const MONO = { spellcheck: "false", class: "text mono", maxlength: 255 };
const typed = held => held.peek().trim() || null;
const dialog = (title, { obstacle, after = () => {}, ...more }, ...fields) => openDialog({ title, isLarge: more.isLarge, body: close => form({
  ...more, words: WORDS, onCancel: close, obstacle: () => scoped() ?? obstacle(), after: it => (close(), after(it)),
}, fields) });

// To the streams that are open now; with `identity`, into its inbox.
export function openNotice({ topic: given = "", identity, after }) {
  const topic = signal(isTopic(given) ? given : ""), message = signal(""), key = signal(""), life = signal("");
  dialog(identity ? `Put a notification into the inbox of ${identity}` : "Send a message to a topic", {
    label: identity ? "Put" : "Send", after, obstacle: () => (isTopic(topic.value.trim()) ? null : "Type a topic first"),
    run: () => send("POST", identity ? inboxOf(identity) : "/realtime/notify", {
      topic: typed(topic), message: message.peek() || null, collapse_key: typed(key) ?? undefined, expires_in_ms: typed(life) ? Math.round(Number(life.peek()) * 1000) : undefined,
    }),
    done: it => (identity ? `Number ${it.id} waits to be seen` : it.delivered ? `${plural(it.delivered, "open stream")} got it` : "No stream is open for it: nobody got it"),
  }, !identity && p({ class: "quiet" }, "It goes to the streams that are open now, and is kept nowhere."),
  textField("Topic", topic, { ...MONO, hint: TOPIC_HINT, autofocus: "" }), areaField("Message", message, { rows: 4, hint: "Any text, or nothing" }),
  identity && div({ class: "two" }, textField("Collapse key", key, { maxlength: 255, hint: "What waits with the same key counts as seen" }),
    textField("Expires after seconds", life, { type: "number", min: 0.001, step: "any", hint: "Empty: never" })));
}

export function openToken({ topic = "" }) {
  const topics = signal(topic), identity = signal(""), seconds = signal("3600");
  const named = () => topics.value.split(/[\s,]+/).filter(Boolean), wrong = () => named().find(it => !isPattern(it));
  dialog("Make a token for a browser", {
    label: "Make it", obstacle: () => (wrong() ? `${wrong()} is no topic` : named().length ? null : "Name a topic first"),
    run: () => send("POST", "/realtime/tokens", { topics: named(), identity: typed(identity), ttl_seconds: Number(seconds.peek()) || 0 }),
    after: it => showToken(it.token, typed(identity)),
  }, textField("Topics", topics, { ...MONO, maxlength: 4096, autofocus: "", hint: "Patterns with spaces or commas between them: order.*, user.123.#" }),
  div({ class: "two" }, textField("Identity", identity, { maxlength: 255, hint: "Shown as present, and whose inbox it reads. Empty: nobody" }),
    textField("Seconds it is good for", seconds, { type: "number", min: 0, hint: "0: as long as this key" })));
}

function showToken(token, identity) {
  const at = path => `${location.origin}${location.pathname}api/v1/realtime/${path}?token=`;
  openDialog({ title: "A token for a browser", body: close => div({ class: "form" },
    p("It is shown once, and nothing of it is kept."), secret(token, { name: "Token" }),
    code(`new EventSource("${at("sse")}" + token)`, "How a page listens"),
    identity && code(`fetch("${at("poll")}" + token + "&after=0")`, `How a page reads the inbox of ${identity}`),
    div({ class: "acts" }, el.button({ class: "btn", autofocus: "", onclick: close }, "Close"))) });
}

const KINDS = [["text/html", "HTML: values are escaped"], ["application/json", "JSON: values come as JSON, with their quotes"], ["text/plain", "Text: values as they are"]];

export function openRenderer({ given, after }) {
  const [name, pattern, event, id, template, kind] = ["name", "pattern", "event", "id", "template", "content_type"].map(it => signal(given?.[it] ?? ""));
  kind.value ||= KINDS[0][0];
  dialog(given ? `Renderer ${given.name}` : "New renderer", {
    label: given ? "Save" : "Store", isLarge: true, after, obstacle: () => (!name.value.trim() ? "Name it first" : isPattern(pattern.value.trim()) ? null : "Type a pattern first"),
    run: () => send("PUT", rendererOf(typed(name)), { pattern: typed(pattern), event: typed(event), id: typed(id), template: template.peek(), content_type: kind.peek() }),
    done: it => `${it.name} renders ${it.pattern}`, undo: given && (() => send("PUT", rendererOf(given.name), given)),
  }, div({ class: "two" }, !given && textField("Name", name, { ...MONO, maxlength: 100, autofocus: "", hint: "Fragments come in the order of names" }),
    textField("Pattern", pattern, { ...MONO, hint: "The topics it is for: order.*, or # for all" })),
  areaField("Template", template, { rows: 6, class: "text mono", hint: "Text with {{topic}}, {{message}}, {{identity}} and, of a message that is JSON, {{data.NAME}}. Keep these between tags or in quoted attributes" }),
  selectField("What it makes", kind, KINDS),
  div({ class: "two" }, textField("Event", event, { ...MONO, hint: "Empty: the topic" }), textField("Id", id, { ...MONO, hint: "Empty: none" })));
}
