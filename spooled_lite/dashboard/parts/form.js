// Forms: what is typed stands in signals; one button sends it; what is refused stands below.
//
//   const name = signal("");
//   form({ label: "Save", words: ["webhooks:write"], run: () => send(…), done: "Saved", after: close },
//     textField("Name", name, { maxlength: 100 }), selectField("Format", format, [["json", "JSON"], …]),
//     checkField("On", isOn), checks("Events", chosen, [["job", ["job.failed", …]]]))
//
// `chosen` is a signal of a Set. `typed({ … })` is a dialog of class D: the name is typed before it goes.

import { ApiError } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { signal } from "../lib/signal.js";
import { act, obstacle } from "./act.js";
import { openDialog } from "./dialog.js";
import { field } from "./panel.js";
import { refused } from "./states.js";
import { toast } from "./toast.js";

const { button, div, fieldset, form: formOf, input, label: labelOf, legend, option, p, select, span, textarea, b } = el;

const changed = held => ({ value: held, oninput: event => { held.value = event.target.value; } });

// `error` of a field: what is refused of it, or null.
export const textField = (name, held, { hint, error, ...more } = {}) =>
  field(name, input({ class: "text", autocomplete: "off", ...more, ...changed(held) }), { hint, error });

export const areaField = (name, held, { hint, ...more } = {}) => field(name, textarea({ spellcheck: "false", ...more, ...changed(held) }), { hint });

export const selectField = (name, held, options, { hint, error } = {}) =>
  field(name, select({ value: held, onchange: event => { held.value = event.target.value; } },
    options.map(([value, words]) => option({ value }, words))), { hint, error });

export const checkField = (words, held, { hint } = {}) => labelOf({ class: "check" },
  input({ type: "checkbox", checked: held, onchange: event => { held.value = event.target.checked; } }), span(words, hint && span({ class: "quiet small" }, ` ${hint}`)));

export const radios = (name, held, options, { hint } = {}) => fieldset({ class: "field" }, legend(name), hint && el.small(hint),
  div({ class: "row" }, options.map(([value, words]) => labelOf({ class: "check" },
    input({ type: "radio", name, value, checked: () => held.value === value, onchange: () => { held.value = value; } }), span(words)))));

// Words in groups: [["jobs", ["jobs:read", …]], …]; of a group without a name only the words are shown.
export function checks(name, chosen, groups, { hint, say = it => it } = {}) {
  const turn = word => event => {
    const next = new Set(chosen.peek());
    if (event.target.checked) next.add(word);
    else next.delete(word);
    chosen.value = next;
  };
  return fieldset({ class: "field" }, legend(name), hint && el.small(hint),
    div({ class: "checks" }, groups.map(([group, words]) => div({ role: "group", "aria-label": group || name }, group && b(group),
      words.map(word => labelOf({ class: "check" }, input({ type: "checkbox", checked: () => chosen.value.has(word), onchange: turn(word) }), span(say(word, group))))))));
}

export function form({ label, words = [], run, done, after = () => {}, undo, obstacle: own, onCancel }, ...fields) {
  const go = act({ label, words, kind: "main-act", run, done, undo, after, obstacle: own });
  return formOf({ class: "form", onsubmit: event => { event.preventDefault(); go.press(); } }, fields,
    div({ class: "acts" }, go, button({ type: "submit", hidden: true, "aria-hidden": "true", tabindex: -1 }),
      onCancel && button({ class: "btn", onclick: onCancel }, "Back")));
}

export function typed({ title, about, name, verb, words = [], run, done, after = () => {} }) {
  const text = signal(""), error = signal(null), isBusy = signal(false);
  const why = () => obstacle(words) ?? (text.value.trim() === name ? null : `Type ${name} first`);
  openDialog({ title, body: close => formOf({ class: "form", onsubmit: async event => {
    event.preventDefault();
    if (why() || isBusy.peek()) return;
    isBusy.value = true;
    try {
      const result = await run();
      close();
      if (done) toast(done);
      after(result);
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
    } finally {
      isBusy.value = false;
    }
  } }, about.map(it => it && p(it)),
  textField(span("Type ", span({ class: "mono" }, name), " to go on"), text),
  () => error.value && refused(error.value),
  div({ class: "acts" }, button({ type: "submit", class: "btn danger", title: why, "aria-disabled": () => (why() ? "true" : null) }, verb),
    button({ class: "btn", autofocus: "", onclick: close }, "Keep"))) });
}
