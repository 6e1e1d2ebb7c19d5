// The form of an API key, and the secret of one: shown once.

import { get, send } from "../lib/api.js";
import { nowMs } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { openDialog } from "./dialog.js";
import { checks, form, radios, selectField, textField } from "./form.js";
import { secret } from "./secret.js";

const { button, div, p } = el;
const DAY_MS = 864e5;
const EXPIRIES = [["", "never"], ["7", "in 7 days"], ["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"]];
// As in docs/api.md; `*` of a resource is all of it.
const GROUPS = [
  ["jobs", ["read", "write", "delete"]], ["queues", ["read", "write", "admin"]], ["workers", ["read", "write"]], ["schedules", ["read", "write"]],
  ["workflows", ["read", "write"]], ["webhooks", ["read", "write"]], ["api-keys", ["read", "write"]], ["organization", ["read", "admin"]], ["users", ["read", "admin"]], ["system", ["admin"]],
].map(([group, acts]) => [group, [...acts, "*"].map(act => `${group}:${act}`)]);
const said = (word, group) => (word.endsWith(":*") ? "all of it" : word.slice(group.length + 1));

export const path = id => `/api-keys/${encodeURIComponent(id)}`;

// `given`: the key to be changed; without it a new one is made, and `after` is called when it was stored.
// `make`: makes it for another organization, whose queues are not known here.
export function openKey({ given = null, after, make }) {
  const name = signal(given?.name ?? ""), others = signal(""), rate = signal(String(given?.rate_limit ?? "")), expires = signal("");
  const queues = signal(new Set(given?.queues ?? [])), words = signal(new Set(given?.permissions.filter(it => it !== "*") ?? []));
  const reach = signal(queues.peek().size ? "some" : "all"), may = signal(words.peek().size ? "some" : "all"), made = signal(null);
  const names = resource(ending => get("/queues", {}, { signal: ending }), { isRead: !make });
  const known = () => [...new Set([...(names.data.value ?? []).map(it => it.queue_name), ...(given?.queues ?? [])])].sort();

  const body = () => ({
    name: name.peek().trim(),
    queues: reach.peek() === "all" ? [] : [...queues.peek(), ...others.peek().split(/[\s,]+/).filter(Boolean)],
    rate_limit: rate.peek() ? Number(rate.peek()) : null,
    permissions: may.peek() === "all" ? ["*"] : [...words.peek()],
    ...(!given && { expires_at: expires.peek() ? new Date(nowMs() + expires.peek() * DAY_MS).toISOString() : null }),
  });
  // Of a list nothing is chosen in, the server would make a key for everything.
  const check = () => (reach.value === "some" && !queues.value.size && !others.value.trim() ? "Choose a queue" : may.value === "some" && !words.value.size ? "Choose a permission" : null);

  openDialog({
    title: () => (made.value ? `${made.value.name}: the key` : given ? `Change ${given.name}` : "New API key"), isLarge: true,
    isHeld: () => made.peek() !== null,
    body: close => either(() => made.value, () => stored(made.peek(), () => (close(), after())), () => form({
      label: given ? "Save" : "Create", words: make ? [] : ["api-keys:write"], onCancel: close, obstacle: check,
      run: () => (make ? make(body()) : given ? send("PUT", path(given.id), body()) : send("POST", "/api-keys", body())),
      done: () => given && `${name.peek()} is saved`,
      after: answer => { if (given) { close(); after(); } else made.value = answer; },
    },
    div({ class: "two" }, textField("Name", name, { maxlength: 100, autofocus: "" }),
      textField("Requests per minute", rate, { type: "number", min: 1, hint: "Empty: no limit of its own" }),
      !given && selectField("Ends", expires, EXPIRIES)),
    radios("Queues", reach, [["all", "All queues"], ["some", "Only these"]]),
    either(() => reach.value === "some", () => div({ class: "form" },
      () => checks("Which queues", queues, [["", known()]]),
      textField("Others", others, { placeholder: "emails-*, reports", hint: "Names, with * for anything; between commas" }))),
    radios("May do", may, [["all", "Everything"], ["some", "Only this"]]),
    either(() => may.value === "some", () => checks("Permissions", words, GROUPS, { say: said, hint: "Of jobs, read and write count for queues, workers, schedules and workflows too" })))),
  });
}

const stored = (it, close) => div({ class: "form" },
  p("This is the only time it is shown. Put it where your workers or scripts read it from."),
  secret(it.key, { name: `Key ${it.name}` }),
  div({ class: "acts" }, button({ class: "btn main-act", onclick: close }, icon("ok"), "I have stored it")));

export const openStored = (it, after) => openDialog({ title: `${it.name}: the new key`, isHeld: () => true, body: close => stored(it, () => (close(), after())) });
