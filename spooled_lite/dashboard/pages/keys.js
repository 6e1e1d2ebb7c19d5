// API keys: who may do what where, when each was used last, and taking them away.

import { get, send } from "../lib/api.js";
import { every, nowMs } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { agoText, count, plural } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys as shortcuts } from "../lib/keys.js";
import { me } from "../lib/session.js";
import { rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { typed } from "../parts/form.js";
import { openKey, openStored, path } from "../parts/key_form.js";
import { choice, menu } from "../parts/menu.js";
import { head, panel, when } from "../parts/panel.js";
import { shown } from "../parts/states.js";
import { table } from "../parts/table.js";

const { button, span, strong } = el;
const READ_SECONDS = 30, WRITE = ["api-keys:write"];
const isMine = it => it.id === me.value?.api_key_id;
const isOver = it => it.expires_at != null && Date.parse(it.expires_at) <= nowMs();
const everything = it => !it.permissions.length || it.permissions.includes("*");

export default function keys() {
  const all = rows(ending => get("/api-keys", {}, { signal: ending }));
  every(READ_SECONDS, all.read);
  const after = all.read;
  const add = gated({ label: "New key", icon: "plus", kind: "main-act", words: WRITE, onclick: () => openKey({ after }) });
  shortcuts("API keys", { r: ["Read again", all.read], n: ["New key", () => add.click()] });
  const columns = [
    { label: "Name", cell: row => span({ class: "row" }, button({ class: "btn link", "aria-label": () => `Change ${row.value.name}`, onclick: () => openKey({ given: row.peek(), after }) }, () => row.value.name),
      () => isMine(row.value) && span({ class: "chip set", title: "The key you are signed in with" }, "signed in with it")) },
    { label: "Begins with", class: "hide", cell: row => span({ class: "mono" }, () => `${row.value.key_prefix}…`) },
    { label: "Queues", class: "clip third", cell: row => () => (row.value.queues.length && !row.value.queues.includes("*") ? span({ title: row.value.queues.join(", ") }, row.value.queues.join(", ")) : span({ class: "quiet" }, "all queues")) },
    { label: "May do", class: "fill clip whole", cell: row => () => (everything(row.value) ? "everything" : span({ title: row.value.permissions.join(", ") }, row.value.permissions.join(", "))) },
    { label: "Per minute", class: "num hide", cell: row => () => (row.value.rate_limit == null ? "–" : count(row.value.rate_limit)) },
    { label: "Last used", class: "third num", cell: row => [span({ class: "on-card quiet" }, "used "), () => (row.value.last_used ? when(row.value.last_used) : span({ class: "quiet" }, "never"))] },
    { label: "Ends", class: "num hide", cell: row => () => (row.value.expires_at == null ? "never" : isOver(row.value) ? status("failed", "ended") : when(row.value.expires_at)) },
    { label: "On", class: "acts-cell", cell: row => span({ class: "row" }, switchOf(() => row.value, after), more(() => row.peek(), after)) },
  ];
  return [
    head({ title: "API keys", note: () => all.data.value && plural(all.ids.value.length, "key"), acts: [
      asCurl(() => [["All keys", "GET", "/api-keys"], ["A new one", "POST", "/api-keys", { body: { name: "worker", queues: ["emails"], permissions: ["jobs:read", "jobs:write"] } }]]), add] }),
    panel(null, { class: "acts-first" }, shown(all, () => table({ of: all, label: "API keys", columns, group: "API keys", rowClass: row => (row.value.is_active && !isOver(row.value) ? "" : "moved") }), { what: "the keys", word: "api-keys:read" })),
  ];
}

const switchOf = (it, after) => {
  const turn = is_active => send("PUT", path(it().id), { is_active });
  return act({
    label: () => (it().is_active ? "On" : "Off"), icon: () => (it().is_active ? "ok" : "stop"), words: WRITE, after, name: () => `Switch ${it().name} ${it().is_active ? "off" : "on"}`,
    obstacle: () => (isMine(it()) ? "You are signed in with it" : null),
    run: async () => { const was = it().is_active; await turn(!was); return was; },
    done: was => `${it().name} is ${was ? "off" : "on"}`, undo: was => turn(was),
  });
};

function more(it, after) {
  const about = [
    () => (it().last_used ? ["It was last used ", strong(agoText(it().last_used)), "."] : "It was never used."),
    () => isMine(it()) && strong("It is the key you are signed in with: you will have to sign in with another."),
  ];
  const may = open => close => { close(); open(); };
  const revoke = () => typed({
    title: `Revoke ${it().name}?`, name: it().name, verb: "Revoke the key", words: WRITE, about: ["It and its tokens stop working at once, with its waiting claims and open streams. This cannot be undone.", ...about.map(each => each())],
    run: () => send("DELETE", path(it().id)), done: `${it().name} is revoked`, after,
  });
  const renew = () => typed({
    title: `A new secret for ${it().name}?`, name: it().name, verb: "Make a new secret", words: WRITE, about: ["The old secret stops working at once, with its tokens, waiting claims and open streams.", ...about.map(each => each())],
    run: () => send("POST", `${path(it().id)}/regenerate`), after: made => openStored(made, after),
  });
  return menu({ label: icon("more"), name: `More for ${it().name}`, class: "btn plain only", picture: null }, close => [
    choice({ label: "Change…", picture: icon("edit"), onclick: () => may(() => openKey({ given: it(), after }))(close) }),
    choice({ label: "New secret…", picture: icon("retry"), onclick: () => may(renew)(close) }),
    choice({ label: "Revoke…", picture: icon("trash"), onclick: () => may(revoke)(close) }),
  ]);
}
