// Find: an id, a key, a queue, a page. `/` goes there; what is found is a list of links.

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { shortId } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { signal } from "../lib/signal.js";
import { PLACES } from "./places.js";

const { div, input, label, span, kbd, a, p } = el;
const REST_MS = 300, FOUND_MAX = 8, FRESH_MS = 30_000;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

// Names of things, by kind: read when Find is used, and again after half a minute.
const KINDS = [
  ["queue", "queues:read", "/queues", it => it.queue_name ?? it.name, it => ["queues", it.queue_name ?? it.name]],
  ["worker", "workers:read", "/workers", it => it.hostname ?? it.id, it => ["workers", it.id]],
  ["schedule", "schedules:read", "/schedules", it => it.name, it => ["schedules", it.id]],
  ["workflow", "workflows:read", "/workflows", it => it.name, it => ["workflows", it.id]],
];
let names = [], readAt = 0;

async function readNames() {
  if (Date.now() - readAt < FRESH_MS) return;
  readAt = Date.now();
  const all = await Promise.allSettled(KINDS.map(async ([kind, word, path, name, to]) =>
    (may(word) ? await get(path, { limit: 100 }) : []).map(it => ({ kind, name: String(name(it)), href: link(to(it)) }))));
  names = all.flatMap(each => each.value ?? []);
}

export function find() {
  const found = signal(null), at = signal(0);
  let field, timer, asked = 0;

  async function look(text) {
    const mine = ++asked;
    if (!text) return void (found.value = null);
    const named = () => {
      const low = text.toLowerCase();
      const places = PLACES.filter(it => it.label.toLowerCase().includes(low)).map(it => ({ kind: "page", name: it.label, href: `#/${it.path}` }));
      return [...names.filter(it => it.name.toLowerCase().includes(low)), ...places].slice(0, FOUND_MAX);
    };
    await readNames().catch(() => {});
    if (mine !== asked) return;
    const jobs = [];
    if (ID.test(text) && may("jobs:read")) {
      const job = await get(`/jobs/${text}`).catch(() => null);
      if (job) jobs.push({ kind: "job", name: shortId(job.id), status: job.status, note: job.queue_name, href: link(["jobs", job.id]) });
    }
    if (mine !== asked) return;
    found.value = [...jobs, ...named()];
    at.value = 0;
  }

  function press(event) {
    const all = found.peek() ?? [];
    if (event.key === "Escape") return void (clear(), field.blur());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at.value = (at.peek() + (event.key === "ArrowDown" ? 1 : -1) + all.length) % Math.max(1, all.length);
    }
    if (event.key === "Enter") open();
  }

  // What was pasted may not have been looked for yet.
  async function open() {
    clearTimeout(timer);
    if (!found.peek()?.length) await look(field.value.trim());
    const one = found.peek()?.[at.peek()];
    if (one) {
      location.hash = one.href;
      clear();
    }
  }

  function clear() {
    clearTimeout(timer);
    asked++;
    field.value = "";
    found.value = null;
  }

  keys("Everywhere", { "/": ["Find", () => field.focus()] });
  return div({ class: "find", role: "search", onfocusout: event => { if (!event.currentTarget.contains(event.relatedTarget)) found.value = null; } },
    label(icon("search"), span({ class: "sr" }, "Find a job by its id, a queue, a worker or a page"), input({
      ref: node => { field = node; }, type: "text", role: "combobox", placeholder: "Find an id, a queue, a worker, a page", autocomplete: "off", spellcheck: "false",
      "aria-expanded": () => Boolean(found.value), "aria-controls": "found", "aria-autocomplete": "list",
      "aria-activedescendant": () => (found.value?.length ? `found-${at.value}` : null),
      oninput: () => { clearTimeout(timer); timer = setTimeout(() => look(field.value.trim()), REST_MS); },
      onfocus: () => readNames().catch(() => {}), onkeydown: press,
    }), kbd({ class: "wide", "aria-hidden": "true" }, "/")),
    div({ id: "found", class: "found", role: "listbox", "aria-label": "Found", hidden: () => !found.value },
      () => found.value?.map((it, index) => a({
        href: it.href, role: "option", id: `found-${index}`, tabindex: -1, "aria-selected": () => at.value === index, onclick: clear,
      }, it.status ? status(it.status) : null, span({ class: it.kind === "job" ? "mono" : "clip" }, it.name), it.note && span({ class: "quiet" }, it.note), span({ class: "kind" }, it.kind))),
      () => found.value?.length === 0 && p({ class: "quiet" }, "Nothing has this id or name.")));
}
