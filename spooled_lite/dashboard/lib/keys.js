// Shortcuts: each belongs to a scope, and the help is made of those that are there.
//
//   keys("This list", { j: ["Next row", next], "Shift+x": ["Select a range", range] })   ends with the scope
//
// A key of one letter does nothing while one types, with a modifier, or when they are switched off. Escape
// always does. "g h" is one key after another.

import { hasKeys } from "./prefs.js";
import { onDispose, signal } from "./signal.js";

const SEQUENCE_MS = 1500;

export const known = signal([]); // [{ group, keys: { key: [text, act] } }], the newest last

export function keys(group, table) {
  const own = { group, table };
  known.value = [...known.peek(), own];
  onDispose(() => { known.value = known.peek().filter(each => each !== own); });
}

let first = "", at = 0;

export const isTyping = node =>
  node instanceof HTMLElement &&
  (node.isContentEditable || node.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button])"));

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key !== "Escape" && (isTyping(event.target) || !hasKeys.peek())) return;
  const key = event.shiftKey && /^[a-z]$/i.test(event.key) ? `Shift+${event.key.toLowerCase()}` : event.key;
  const both = Date.now() - at < SEQUENCE_MS && first ? `${first} ${key}` : "";
  const found = find(both) ?? find(key) ?? find(event.key);
  [first, at] = [found ? "" : key, Date.now()];
  // A dialog is alone: what is behind it has no keys.
  if (!found || (document.querySelector("dialog[open]") && !found.isInDialog)) return;
  if (found.act(event) !== false) event.preventDefault();
});

function find(key) {
  if (!key) return null;
  for (const { table } of known.peek().toReversed()) {
    if (Object.hasOwn(table, key)) return { act: table[key][1], isInDialog: table[key][2] === "dialog" };
  }
  return null;
}
