// JSON to be written: checked while one types, with the place of the error, and what is different beside it.
//
//   const text = signal(formatted(payload));
//   const edit = editor(text, { name: "Payload", before: () => original.value, beforeName: "the original", choice });
//   edit.error.value         null, or { message, line, column, at }: then it cannot be sent
//
// `refusal`: a function that gives the same of what the server has refused.
//
// The text goes to the server as it is written: nothing is parsed and written anew on its way.

import { el, when } from "../lib/dom.js";
import { diffHunks, diffLines } from "../lib/diff.js";
import { plural } from "../lib/format.js";
import { formatted, readJson, visible } from "../lib/json.js";
import { computed, effect, onDispose, signal } from "../lib/signal.js";
import "./drawn.js";

const { button, del, div, ins, p, span, textarea } = el;
const REST_MS = 200; // after the last key
const SHOWN_MAX = 1000; // lines of a difference
const WORDS = { "+": "Added: ", "-": "Taken away: " };
let editors = 0;

export function editor(text, { name = "Payload", before = () => null, beforeName = "the original", choice, rows = 16, refusal = () => null }) {
  const rested = signal(text.peek()), id = `editor-${++editors}`;
  const error = computed(() => readJson(text.value).error), told = computed(() => error.value ?? refusal());
  let timer = null, area;
  effect(() => {
    const now = text.value;
    clearTimeout(timer);
    timer = setTimeout(() => { rested.value = now; }, REST_MS);
  });
  onDispose(() => clearTimeout(timer));

  function goThere() {
    const { at } = told.peek();
    area.focus();
    area.setSelectionRange(at, Math.min(at + 1, area.value.length));
  }

  const node = div({ class: "editor" },
    div({ class: "field" },
      el.label({ for: id }, name),
      textarea({ id, rows, spellcheck: "false", autocomplete: "off", autocapitalize: "off", dir: "ltr", value: text, oninput: event => { text.value = event.target.value; }, "aria-invalid": () => told.value !== null, "aria-describedby": `${id}-told`, ref: it => { area = it; } }),
      div({ class: "row", id: `${id}-told`, role: "status" },
        when(() => told.value, () => p({ class: "refused" }, span(() => `Line ${told.value?.line}, column ${told.value?.column}: ${told.value?.message}.`), button({ class: "btn link", onclick: goThere }, "Go there")),
          () => [span({ class: "quiet small" }, "JSON"), button({ class: "btn link", onclick: () => { text.value = formatted(text.peek()); } }, "Indent")]))),
    when(() => before() != null, () => differences(before, rested, beforeName, choice)));
  return Object.assign(node, { error });
}

// `beforeName`: text or a function; `choice`: what chooses among several.
export function differences(before, text, beforeName, choice) {
  const lines = computed(() => diffLines(formatted(before() ?? ""), formatted(text.value)));
  const changed = computed(() => lines.value.filter(it => it.kind !== " ").length);
  const name = () => (typeof beforeName === "function" ? beforeName() : beforeName);
  return div({ class: "field" }, span("Against ", name), choice,
    div({ class: "diff json", tabindex: 0, role: "region", "aria-label": () => `Differences against ${name()}`, dir: "ltr" },
      () => (changed.value ? diffHunks(lines.value).slice(0, SHOWN_MAX).map(diffLine) : p({ class: "quiet" }, "Nothing is different."))),
    span({ class: "quiet small" }, () => changed.value > 0 && `${plural(changed.value, "line")} different`));
}

function diffLine({ kind, text, count: hidden }) {
  if (kind === "…") return div({ class: "json-line quiet" }, `… ${plural(hidden, "line")} alike`);
  const make = { "+": ins, "-": del }[kind] ?? span;
  return div({ class: "json-line" }, make({ class: "whole" }, WORDS[kind] && span({ class: "sr" }, WORDS[kind]), span({ "aria-hidden": "true" }, `${kind} `), visible(text)));
}
