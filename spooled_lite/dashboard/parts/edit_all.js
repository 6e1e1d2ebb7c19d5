// All dead letters of an error made anew, with one field of their payloads changed: seen on three of them first.

import { get, getWhole, send } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { deleteJobs, itemsOf, jobOf, MAY_DELETE, pathOf, withValue } from "../lib/edited.js";
import { plural, shortId } from "../lib/format.js";
import { memberOf, readJson } from "../lib/json.js";
import { may } from "../lib/session.js";
import { computed, signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { openDialog } from "./dialog.js";
import { differences } from "./editor.js";
import { many } from "./many.js";
import { field } from "./panel.js";
import { shown } from "./states.js";

const { button, div, form, input, label, p } = el;
const SAMPLES = 3, AT_ONCE = 25; // with their payloads

const page = ({ error_key, queue_name }, more) => getWhole("/jobs/dlq", { error_key, queue_name, ...more });
const payloadOf = text => memberOf(text, "payload") ?? "null";

export function editAll({ filter, after }) {
  const path = signal(""), value = signal(""), isDeleted = signal(may(MAY_DELETE));
  const wrong = computed(() => readJson(value.value).error);
  const change = text => withValue(payloadOf(text), pathOf(path.peek().trim()), value.peek().trim());
  const samples = resource(async () => itemsOf((await page(filter, { limit: SAMPLES })).text));
  const isReady = () => path.value.trim() !== "" && !wrong.value;

  const seen = text => {
    const changed = computed(() => (isReady() && value.value && path.value ? change(text) : payloadOf(text)));
    return div({ class: "form" }, when(() => changed.value === null,
      () => p({ class: "refused" }, `${shortId(JSON.parse(text).id)} has no such place: it stays as it is.`),
      () => differences(() => payloadOf(text), computed(() => changed.value ?? ""), `${shortId(JSON.parse(text).id)} as it died`)));
  };

  openDialog({ title: "Change a field and run as new", isLarge: true, body: close => form({
    class: "form", onsubmit: event => {
      event.preventDefault();
      if (!isReady()) return;
      close();
      start();
    },
  },
  p({ class: "quiet" }, "Each dead letter of this error becomes a new job whose payload differs in this field alone."),
  div({ class: "two" },
    field("Field", input({ value: path, autofocus: "", required: true, autocomplete: "off", maxlength: 500, placeholder: "customer.region", class: "mono", oninput: event => { path.value = event.target.value; } }), { hint: "names with dots between; what is missing is added" }),
    field("New value", input({ value, required: true, autocomplete: "off", placeholder: "\"eu\"", class: "mono", oninput: event => { value.value = event.target.value; } }), { hint: "JSON: 5, \"eu\", null, {\"a\": 1}", error: () => (value.value && wrong.value ? `Column ${wrong.value.column}: ${wrong.value.message}` : null) })),
  shown(samples, () => div({ class: "two" }, samples.data.value.map(seen)), { what: "the samples", word: "jobs:read", lines: 6 }),
  label({ class: "check" }, input({ type: "checkbox", checked: isDeleted, disabled: !may(MAY_DELETE), onchange: event => { isDeleted.value = event.target.checked; } }), `and delete the dead letters${may(MAY_DELETE) ? "" : `: this key lacks ${MAY_DELETE}`}`),
  p({ class: "quiet small" }, "Queue, priority, retries, time-out and tags are kept; completion webhooks, parents and workflows are not."),
  div({ class: "acts" }, button({ type: "submit", class: "btn main-act", disabled: () => !isReady() }, "Count them…"), button({ class: "btn", onclick: close }, "Back"))) });

  async function start() {
    const isGone = isDeleted.peek(), name = path.peek().trim();
    many({
      verb: "Run", title: n => `Run ${n} jobs as new with another ${name}?`, done: n => `${plural(n, "job")} made`, after,
      about: () => (isGone ? "Their dead letters are deleted." : "The dead letters stay."),
      count: async () => {
        const [counted, [newest]] = await Promise.all([
          send("POST", "/jobs/actions", { action: "retry", filter, dry_run: true }),
          get("/jobs", { status: "deadletter", ...filter, statuses: null, limit: 1 })]);
        return { ...counted, before: newest && new Date(Date.parse(newest.created_at) + 1).toISOString() };
      },
      one: async id => {
        const { text } = await getWhole(`/jobs/${id}`), payload = change(text);
        if (payload === null) return null;
        const made = await send("POST", "/jobs", jobOf(text, payload));
        if (isGone) await deleteJobs([id]);
        return made;
      },
      // The oldest first; what is left stays before the place where the next step begins.
      step: async (counted, from = { at: null, stay: 0 }) => {
        const texts = itemsOf((await page(filter, { limit: AT_ONCE, order_dir: "asc", created_before: counted.before, created_after: from.at, offset: from.stay || null })).text);
        if (!texts.length) return { done: 0 };
        const all = texts.map(text => ({ id: JSON.parse(memberOf(text, "id")), at: JSON.parse(memberOf(text, "created_at")), text, payload: change(text) }));
        const fit = all.filter(it => it.payload !== null), skipped = { no_such_field: all.length - fit.length };
        const answer = fit.length ? await send("POST", "/jobs/bulk", `{"jobs":[${fit.map(it => jobOf(it.text, it.payload)).join(",")}]}`) : { failed: [], success_count: 0 };
        for (const { error } of answer.failed) skipped[error] = (skipped[error] ?? 0) + 1;
        const refused = new Set(answer.failed.map(it => fit[it.index].id)), gone = isGone ? fit.map(it => it.id).filter(id => !refused.has(id)) : [];
        if (gone.length) await deleteJobs(gone);
        const at = all.at(-1).at, stay = all.filter(it => it.at === at && !gone.includes(it.id)).length;
        return { done: answer.success_count, skipped: Object.fromEntries(Object.entries(skipped).filter(([, n]) => n)), cursor: texts.length === AT_ONCE ? { at, stay: at === from.at ? from.stay + stay : stay } : null };
      },
    });
  }
}
