// JSON of others, as the text it is: folded when long, in pages when very long, masked names as dots until held.
//
//   jsonView(text, { name: "Payload" })       what is no JSON is shown as it is
//   textView(text, { name: "Error" })         never read as JSON
//
// `text` are the bytes as they came (`memberOf` of lib/json.js): what is made of them by JSON.parse has lost some.

import { el, when } from "../lib/dom.js";
import { bytes, count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { foldedTo, readJson, shownLines, visible } from "../lib/json.js";
import { masks } from "../lib/prefs.js";
import { computed, signal } from "../lib/signal.js";
import "./drawn.js";
import { copyButton, DOTS, holdToSee } from "./secret.js";

const { button, div, span } = el;
const LINES_MAX = 200, PAGE_LINES = 500; // shown at first; at once
const PIECE = 2000, PIECE_MORE = 65_536; // characters of one value: at first, with each press
const INDENTS_MAX = 40; // deeper levels stand below each other
const CLOSING = { "{": "}", "[": "]" };

export function jsonView(text, { name }) {
  const names = masks.peek().split(",").map(it => it.trim().toLowerCase()).filter(Boolean);
  const it = readJson(text, { masks: new Set(names) });
  return it.error ? textView(text, { name }) : view(text, name, it);
}

export function textView(text, { name }) {
  const lines = text.split("\n");
  const line = n => ({ depth: 0, key: null, text: lines[n], kind: "t", end: n });
  return view(text, name, { count: lines.length, line, endOf: n => n, depthOf: () => 0 });
}

function view(text, name, it) {
  const closed = signal(foldedTo(it, LINES_MAX)), page = signal(0), isSeen = signal(false);
  const shown = computed(() => shownLines(it, closed.value)), pages = () => Math.ceil(shown.value.length / PAGE_LINES);
  const first = () => page.value * PAGE_LINES;
  let body, hasFolds = false, hasMasks = false;
  for (let n = 0; n < it.count && !(hasFolds && hasMasks); n++) {
    hasFolds ||= n > 0 && it.endOf(n) > n;
    hasMasks ||= Boolean(it.line(n).isMasked);
  }

  function fold(n) {
    const all = new Set(closed.peek());
    if (!all.delete(n)) all.add(n);
    closed.value = all;
    body.querySelector(`[data-line="${n}"] .fold`)?.focus();
  }
  const turn = by => () => {
    page.value = Math.min(pages() - 1, Math.max(0, page.peek() + by));
    body.scrollTop = 0;
  };
  const all = isFolded => () => {
    closed.value = isFolded ? foldedTo(it, 2) : new Set();
    page.value = 0;
  };

  function oneLine(n) {
    const line = it.line(n), isFolded = closed.peek().has(n), opens = line.end > n;
    const isHidden = line.isMasked && !opens && line.kind !== "}" && line.kind !== "]";
    return div({ class: "json-line", "data-line": n, style: { "--depth": String(Math.min(line.depth, INDENTS_MAX)) } },
      opens && n > 0 ? button({ class: "fold", "aria-expanded": !isFolded, "aria-label": `${line.key ? visible(line.key) : "Item"}: ${plural(line.size, "member")}`, onclick: () => fold(n) }, icon(isFolded ? "right" : "down")) : null,
      line.key !== null && [span({ class: "k" }, long(line.key)), ": "],
      isHidden ? span({ class: line.kind }, () => (isSeen.value ? long(line.text) : DOTS)) : span({ class: line.kind === "t" ? null : line.kind }, long(line.text)),
      isFolded && [span({ class: "quiet" }, ` ${plural(line.size, "member")} `), CLOSING[line.kind]],
      (isFolded ? it.line(line.end) : line).hasComma && ",");
  }

  return div({ class: "json-view" },
    div({ class: "row small quiet" },
      span(() => `${bytes(new Blob([text]).size)}${it.count > 1 ? `, ${plural(it.count, "line")}` : ""}`),
      hasFolds && [button({ class: "btn link", onclick: all(false) }, "Unfold all"), button({ class: "btn link", onclick: all(true) }, "Fold all")],
      span({ class: "spacer" }), hasMasks && holdToSee(isSeen, "Hold to see what is masked"), copyButton(() => text, { name })),
    div({ class: "json", tabindex: 0, role: "region", "aria-label": name, dir: "ltr", ref: node => { body = node; } },
      () => shown.value.slice(first(), first() + PAGE_LINES).map(oneLine)),
    when(() => pages() > 1, () => div({ class: "row pad small" },
      button({ class: "btn", onclick: turn(-1), disabled: () => page.value === 0 }, "Lines before"),
      button({ class: "btn", onclick: turn(1), disabled: () => page.value >= pages() - 1 }, "Next lines"),
      span({ class: "quiet", role: "status" }, () => `${count(first() + 1)} to ${count(Math.min(shown.value.length, first() + PAGE_LINES))} of ${plural(shown.value.length, "line")}`))));
}

// A long value is shown piece by piece: a line of a mebibyte would stop the page.
function long(text) {
  if (text.length <= PIECE) return visible(text);
  const length = signal(PIECE);
  return [() => visible(text.slice(0, length.value)),
    when(() => length.value < text.length, () => button({ class: "btn link", onclick: () => length.update(it => it + PIECE_MORE) }, () => `… ${count(text.length - length.value)} more characters`))];
}
