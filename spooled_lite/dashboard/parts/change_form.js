// A form over something that is there: only what was changed is sent, Undo sends what was before, and what
// others change meanwhile comes into the fields that one has not touched.
//
//   changeForm({ of: it, words, textsOf: data => ({ name: data.name }), save: async texts => newData,
//     fields: [["name", held => textField("Name", held)], …] })
//
// `it` is what `resource` of lib/store.js gives; `texts` has the names that were changed. `isWide`: fields beside each other.

import { el } from "../lib/dom.js";
import { effect, signal } from "../lib/signal.js";
import { form } from "./form.js";

export function changeForm({ of, words, textsOf, save, fields, check = () => null, isWide = false }) {
  const held = Object.fromEntries(fields.map(([name]) => [name, signal("")]));
  const names = Object.keys(held);
  let before = {};
  effect(() => {
    const now = textsOf(of.data.value);
    for (const name of names) if (held[name].peek() === (before[name] ?? "")) held[name].value = now[name];
    before = now;
  });
  const changed = () => {
    const was = textsOf(of.data.value);
    return Object.fromEntries(names.map(name => [name, held[name].value]).filter(([name, text]) => text !== was[name]));
  };
  return el.div({ class: "pad" }, form({
    label: "Save", words, obstacle: () => (Object.keys(changed()).length ? check(changed()) : "Nothing is changed"),
    run: async () => {
      const texts = changed(), was = textsOf(of.data.peek());
      of.data.value = await save(texts);
      return Object.fromEntries(Object.keys(texts).map(name => [name, was[name]]));
    },
    done: "Saved", undo: async was => {
      of.data.value = await save(was);
      for (const name of Object.keys(was)) held[name].value = was[name];
    },
  }, el.div({ class: isWide ? "two" : "form" }, fields.map(([name, make]) => make(held[name])))));
}
