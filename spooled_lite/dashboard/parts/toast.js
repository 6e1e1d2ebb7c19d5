// Short messages: what was done, with Undo; and the two regions that a screen reader reads out.

import { el, list, mount } from "../lib/dom.js";
import { signal } from "../lib/signal.js";

const { div, button, span } = el;
const SECONDS = 5, UNDO_SECONDS = 8, TOASTS_MAX = 4, SAY_MS = 5000;

const toasts = signal([]);
const polite = signal(""), urgent = signal("");
let number = 0;

// `undo`: makes the inverse call.
export function toast(text, { undo } = {}) {
  const own = { id: ++number, text, undo };
  toasts.value = [...toasts.peek(), own].slice(-TOASTS_MAX);
  say(text);
  setTimeout(() => drop(own), (undo ? UNDO_SECONDS : SECONDS) * 1000);
}

const drop = own => { toasts.value = toasts.peek().filter(each => each !== own); };

// Read out when nothing else is. The same again is said again; numbers that grow, every five seconds at most.
let lastSaid = 0, later = 0;
export function say(text, { isRare = false } = {}) {
  clearTimeout(later);
  const rest = isRare ? lastSaid + SAY_MS - Date.now() : 0;
  if (rest > 0) {
    later = setTimeout(() => say(text), rest);
    return;
  }
  lastSaid = Date.now();
  polite.value = polite.peek() === text ? `${text}\u00a0` : text;
}

// At once: only for a lost server and an act that failed.
export const alertText = text => { urgent.value = urgent.peek() === text ? `${text}\u00a0` : text; };

mount(document.body, () => [
  div({ class: "toasts" }, list(() => toasts.value, it => it.id, row => {
    const own = row.peek();
    const back = () => (drop(own), own.undo());
    return div({ class: "toast" }, span(own.text), own.undo && button({ onclick: back }, "Undo"));
  })),
  div({ class: "sr", role: "status" }, polite),
  div({ class: "sr", role: "alert" }, urgent),
]);
