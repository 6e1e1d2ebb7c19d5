// The definition of a task, to be made or changed. Saving replaces all of it: what others have changed meanwhile is
// refused, and Undo puts back what was before.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { signal } from "../lib/signal.js";
import { openDialog } from "./dialog.js";
import { editor } from "./editor.js";
import { form, textField } from "./form.js";
import { isObject } from "./message_form.js";

const { div } = el;
const WORDS = ["jobs:write"];
const POLICIES = ["backoff", "circuit_breaker", "on_fail"];
// Name, label, what the field says.
const FIELDS = [
  ["queue_name", "Queue", { maxlength: 100, hint: "Empty: the name of the task" }],
  ["max_retries", "Retries", { type: "number", min: 0, max: 100, placeholder: "2" }],
  ["timeout_seconds", "Time-out in seconds", { type: "number", min: 0, step: "any", placeholder: "30", hint: "0: none" }],
  ["max_concurrency", "Runs at once", { type: "number", min: 1, hint: "Empty: no limit" }],
  ["retention_seconds", "Ended runs kept, in seconds", { type: "number", min: 0, step: "any", hint: "Empty: as long as jobs" }],
];
export const pathOf = name => `/tasks/${encodeURIComponent(name)}`;
const isName = text => /^[a-z0-9_]{1,58}$/.test(text) && text !== "input";

// As PUT takes it: what is not said gets its default.
const bodyOf = it => Object.fromEntries([...FIELDS.map(([name]) => name), "description", "condition", ...POLICIES].map(name => [name, it[name]]));

export function openTask({ given = null, after }) {
  const name = signal(given?.name ?? ""), before = given && bodyOf(given), own = before ?? {};
  const held = Object.fromEntries(["description", "condition", ...FIELDS.map(([each]) => each)].map(each => [each, signal(String(own[each] ?? ""))]));
  const policies = signal(JSON.stringify(Object.fromEntries(POLICIES.map(each => [each, own[each] ?? null])), null, 2));
  const numbers = new Set(FIELDS.filter(([,, more]) => more.type).map(([each]) => each));

  function body() {
    const said = JSON.parse(policies.peek());
    for (const [each, text] of Object.entries(held)) {
      const value = text.peek().trim();
      said[each] = value === "" ? null : numbers.has(each) ? Number(value) : value;
    }
    return said;
  }
  const put = (it, revision) => send("PUT", pathOf(name.peek().trim()), it, { headers: revision ? { "If-Match": String(revision) } : {} });

  openDialog({ title: given ? `Change ${given.name}` : "New task", isLarge: true, body: close => {
    const edited = editor(policies, { name: "When it fails", rows: 7, before: () => given && JSON.stringify(Object.fromEntries(POLICIES.map(each => [each, own[each] ?? null]))), beforeName: "what holds now" });
    return form({
      label: given ? "Save" : "Create", words: WORDS, onCancel: close,
      obstacle: () => (!isName(name.value.trim()) ? "Type a name first: small letters, digits and _" : edited.error.value || !isObject(policies.value) ? "What holds when it fails is no object" : null),
      run: () => (given ? put(body(), given.revision) : send("POST", "/tasks", { ...body(), name: name.peek().trim() })),
      done: it => [given ? `${it.name} is saved` : it.changed ? `${it.name} is there` : `${it.name} existed already, and stays as it is`, ...it.warnings ?? []].join("; "),
      undo: given && (() => put(before)), after: it => { if (it) close(); after(it ?? given); },
    },
    div({ class: "two" }, !given && textField("Name", name, { maxlength: 58, autofocus: "", spellcheck: "false", hint: "Small letters, digits and _" }), FIELDS.map(([each, label, more]) => textField(label, held[each], more))),
    div({ class: "two" }, textField("Condition", held.condition, { class: "text mono", spellcheck: "false", hint: "A run whose input does not meet it is skipped: input.amount gt 0. Empty: all are run" }),
      textField("Description", held.description, { maxlength: 1000 })),
    edited);
  } });
}
