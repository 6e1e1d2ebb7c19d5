// The first sentence of Home: what is wrong, the worst first; each of its names leads there.

import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { computed, signal } from "../lib/signal.js";

const { section, div, p, a, button, b } = el;
const SHOWN = 5; // sentences; the others are one click away

// `sentences`: a function that gives what lib/verdict.js does.
export function verdictPart(sentences) {
  const isAll = signal(false);
  // As text, so that nothing is made anew while it stays the same.
  const text = computed(() => JSON.stringify(sentences()));
  const tone = computed(() => JSON.parse(text.value)[0].tone);
  const said = parts => parts.map((part, n) => (typeof part === "string" ? part : a({ href: part.href }, n ? part.text : b(part.text))));
  const ended = parts => (String(parts.at(-1)).endsWith(".") ? null : ".");
  return section({ class: "verdict", "data-s": tone, "aria-label": "Is anything wrong?" },
    () => icon(tone.value === "completed" ? "ok" : "warn"),
    div(() => {
      const all = JSON.parse(text.value), more = all.length - SHOWN;
      return [
        all.slice(0, isAll.value ? all.length : SHOWN).map(({ parts }, n) => p({ class: n ? "quiet" : "" }, said(parts), ended(parts))),
        more > 0 && !isAll.value && button({ class: "btn link", onclick: () => { isAll.value = true; } }, `${more} more`),
      ];
    }));
}
