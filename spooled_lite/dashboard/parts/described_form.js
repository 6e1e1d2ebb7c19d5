// Fields for a body as the server describes it (lib/described.js): what it learns to take appears here by itself.
//
//   const refusals = signal(new Map());           by path; `learnRefusals` fills it of what was refused
//   const it = fieldsOf(shape("When"), "when", { refusals, lists: { queue: "queue-names" } });
//   it.node, it.text() (JSON, null: nothing was said), it.set({ first: 2 })
//
// `lists`: ids of data lists, by the name of the member. What is refused stands at the field with its path.

import { ApiError } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { placeIn } from "../lib/edited.js";
import { readJson } from "../lib/json.js";
import { signal } from "../lib/signal.js";
import { selectField, textField } from "./form.js";

const { code, div, fieldset, legend, p, small } = el;
export const inWords = name => { const text = name.replaceAll("_", " "); return text[0].toUpperCase() + text.slice(1); };

// What stands between backticks is written as one writes it.
const words = text => text?.split("`").map((it, n) => (n % 2 ? code(it) : it));

// A place is refused by its own path, and by those below it that have no field.
const at = (refusals, path) => () => {
  for (const [where, message] of refusals.value) if (where === path || where.startsWith(`${path}.`) || where.startsWith(`${path}[`)) return message;
  return null;
};

// Runs a call, and notes what of it was refused, by path.
export async function noting(refusals, run) {
  refusals.value = new Map();
  try {
    return await run();
  } catch (error) {
    if (error instanceof ApiError) refusals.value = new Map([error.details].flat().map(it => [it?.field ?? it?.place, it?.message ?? error.message]).filter(([path]) => path));
    throw error;
  }
}

// What was refused of a text, where it stands: `refusals` by paths such as "jobs[3].payload"; `above`: what the text itself is of.
export function refusedIn(text, refusals, above = "") {
  const [path, message] = [...refusals].find(([where]) => where.startsWith(above)) ?? [];
  return message ? { message, ...placeIn(text, path.slice(above.length).match(/[^.[\]]+/g) ?? []) } : null;
}

export function fieldsOf(shape, path, given, label = inWords(path.split(".").at(-1))) {
  return shape.kind === "object" ? objectOf(shape, path, given, label) : oneOf(shape, path, given, label);
}

// The members of an object, each with its fields; `path` is where the object stands, "" the body itself.
export function membersOf(shape, path, given) {
  return Object.fromEntries(Object.entries(shape.members).map(([name, each]) => [name, fieldsOf(each, path ? `${path}.${name}` : name, given)]));
}

export const textOf = members => {
  const said = Object.entries(members).map(([name, it]) => [name, it.text()]).filter(([, text]) => text !== null);
  return said.length ? `{${said.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` : null;
};

export const setAll = (members, value) => { for (const [name, it] of Object.entries(members)) it.set(value?.[name]); };

// What is refused of the whole, and of no field in it.
export const whole = (refusals, path) => () => refusals.value.has(path) && p({ class: "refused" }, refusals.value.get(path));

function objectOf(shape, path, given, label) {
  const members = membersOf(shape, path, given);
  return {
    node: fieldset({ class: "field" }, legend(label), shape.about && small(words(shape.about)), whole(given.refusals, path),
      div({ class: "two" }, Object.values(members).map(it => it.node))),
    text: () => textOf(members), set: value => setAll(members, value),
  };
}

function oneOf(shape, path, { refusals, lists = {} }, label) {
  const held = signal(""), name = path.split(".").at(-1);
  const more = { hint: words(shape.about), error: at(refusals, path) };
  const said = it => (it === undefined ? "" : typeof it === "string" ? it : JSON.stringify(it));
  const set = value => { held.value = said(value); };
  const example = shape.example !== undefined && `e.g. ${said(shape.example)}`;
  const all = {
    choice: () => ({ node: selectField(label, held, [["", "–"], ...shape.options.map(it => [said(it), inWords(said(it))])], more), text: it => JSON.stringify(shape.options.find(each => said(each) === it)) }),
    switch: () => ({ node: selectField(label, held, [["", "–"], ["true", "Yes"], ["false", "No"]], more), text: it => it }),
    number: () => ({ node: textField(label, held, { ...more, type: "number", min: shape.min, max: shape.max, step: shape.isWhole ? 1 : "any", placeholder: example }), text: it => it }),
    text: () => ({ node: textField(label, held, { ...more, maxlength: shape.length, placeholder: example, list: lists[name] }), text: it => JSON.stringify(it) }),
    // What is no JSON goes as a text: the server says what is wrong with it.
    json: () => ({ node: textField(label, held, { ...more, placeholder: example, spellcheck: "false" }), text: it => (readJson(it).error ? JSON.stringify(it) : it) }),
  };
  const it = all[shape.kind]();
  return { node: it.node, text: () => (held.peek().trim() ? it.text(held.peek().trim()) : null), set };
}
