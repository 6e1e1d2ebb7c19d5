// Find: an id, a key, a queue, a page. `/` goes there; what is found is a list of links.

import { el } from "../lib/dom.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { signal } from "../lib/signal.js";

const { div, input, label, span, kbd, a, p } = el;
const REST_MS = 300;
const finder = () => import("./found.js"); // arrives when it is used

export function find() {
  const found = signal(null), at = signal(0);
  let field, timer, asked = 0, looked = "";

  async function look(text) {
    const mine = ++asked;
    looked = text;
    if (!text) return void (found.value = null);
    const all = await (await finder()).foundFor(text);
    if (mine !== asked) return;
    found.value = all;
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
    if (!found.peek()?.length || looked !== field.value.trim()) await look(field.value.trim());
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
    label(icon("search"), span({ class: "sr" }, "Find a job, a queue, a worker or a page"), input({
      ref: node => { field = node; }, type: "text", role: "combobox", placeholder: "Find an id, key, queue, payload", autocomplete: "off", spellcheck: "false",
      "aria-expanded": () => Boolean(found.value), "aria-controls": "found", "aria-autocomplete": "list",
      "aria-activedescendant": () => (found.value?.length ? `found-${at.value}` : null),
      oninput: () => { clearTimeout(timer); timer = setTimeout(() => look(field.value.trim()), REST_MS); },
      onfocus: () => finder().then(it => it.readNames()).catch(() => {}), onkeydown: press,
    }), kbd({ class: "wide", "aria-hidden": "true" }, "/")),
    div({ id: "found", class: "found", role: "listbox", "aria-label": "Found", hidden: () => !found.value },
      () => found.value?.map((it, index) => a({
        href: it.href, role: "option", id: `found-${index}`, tabindex: -1, "aria-selected": () => at.value === index, onclick: clear,
      }, it.status ? status(it.status) : null, span({ class: it.status ? "mono" : "clip" }, it.name), it.note && span({ class: "quiet" }, it.note), span({ class: "kind" }, it.kind))),
      () => found.value?.length === 0 && p({ class: "quiet" }, "Nothing has this id or name.")));
}
