// What a run of a flow has besides a workflow: its states, items of a step, signals, why it ended.

import { get, send } from "../lib/api.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, shortId } from "../lib/format.js";
import { MARKS, status, stateOf, WORDS } from "../lib/icons.js";
import { go, link } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { editor } from "./editor.js";
import { form } from "./form.js";
import { jsonView } from "./json_view.js";
import { openMessage } from "./message_form.js";
import { when } from "./panel.js";
import { shown } from "./states.js";

const { a, button, div, li, p, span, ul } = el;
const ITEMS_SHOWN = 50, TEXT_SHOWN = 200;

MARKS.skipped = [`${MARKS.pending}M5.5 8h5`];
MARKS.signal = ["M4 13.5V3h7.5l-2 2.5 2 2.5H4"];
MARKS.items = ["M3 3.5h4v4H3zM9 3.5h4v4H9zM3 9h4v4H3zM9 9h4v4H9z"];
MARKS.defined = ["M3 5h10v6H3z"];
Object.assign(WORDS, { skipped: "Skipped", signal: "Waits for a signal", items: "Items at work", defined: "step" });

export const RUN_STATES = {
  started: ["processing", "Running"], canceling: ["cancelled", "Canceling"], completed: ["completed", "Completed"],
  failed: ["deadletter", "Failed"], canceled: ["cancelled", "Canceled"], expired: ["warn", "Expired"],
};
export const flowState = state => status(...(RUN_STATES[state] ?? ["warn", state]));

// The state of a step, finer than its status.
export const stepState = (job, nowMs) => ({ skipped: "skipped", waiting_for_signal: "signal", waiting_for_map_tasks: "items", waiting_for_dependencies: "blocked" }[job.state]
  ?? (job.state === "started" && job.status === "pending" ? "retrying" : stateOf(job, nowMs)));

// A producer that runs may make more of them.
export const itemsText = it => it && `${count(it.completed)} of ${plural(it.stored, "item")}${it.total == null ? " so far" : ""}${it.failed ? `, ${count(it.failed)} failed` : ""}`;

export const runFlow = flow => openMessage({ flow, after: it => go(["workflows", it.workflow_id].join("/")) });

// Why the run stands as it does; nothing of a workflow that no flow made.
export function runFacts(it) {
  const on = it.on_fail;
  return [
    it.flow_name && ["Flow", a({ href: link(["flows", it.flow_name]) }, it.flow_name)],
    ["State", flowState(it.state)],
    it.failed_step && ["Failed by", a({ href: link(["workflows", it.id], { step: it.failed_step }) }, it.failed_step)],
    it.error_message && ["Error", it.error_message],
    it.cancel_reason && ["Cancelled because", it.cancel_reason],
    it.completion_reason && ["Completed early because", it.completion_reason],
    it.expires_at && [it.expired_at ? "Expired" : "Expires", when(it.expires_at)],
    it.concurrency_key && ["Key", span({ class: "mono" }, it.concurrency_key)],
    on && ["After its failure", on.job_id ? [a({ class: "mono", href: link(["jobs", on.job_id]) }, shortId(on.job_id)), ` ${on.status}`] : on.status ?? "a job follows"],
  ];
}

// Whether a run is more than plain jobs that wait for each other.
export const isFeatured = it => Boolean(it?.flow_name || it?.output_priority);

export const bodiesOf = it => div({ class: "grid even" }, [["input", "Input"], ["output", "Output"]].map(([name, words]) => it[name] != null && div(el.h3({ class: "pad" }, words), jsonView(JSON.stringify(it[name]), { name: words }))));

export const signalAct = (id, key, after) => gated({ label: "Send the signal…", icon: "play", kind: "main-act", words: ["workflows:write"], onclick: () => {
  const text = signal("{}");
  openDialog({ title: `Signal ${key}`, body: close => {
    const edited = editor(text, { name: "What it is given", rows: 6 });
    return form({
      label: "Send", words: ["workflows:write"], onCancel: close, obstacle: () => (edited.error.value ? "This is not JSON" : null),
      run: () => send("POST", `/workflows/${id}/steps/${key}/signal`, `{"input":${text.peek()}}`), done: `${key} has its signal`, after: () => (close(), after()),
    }, p({ class: "quiet" }, "The first signal counts; it may come before the steps it waits for are done."), edited);
  } });
} });

// The step whose items are shown; a panel that is made anew leaves them open.
const openStep = signal("");

// The items of a step: how many are how far, and each when it is opened.
export function itemsPanel(id, key, counts) {
  const step = `${id} ${key}`, isOpen = () => openStep.value === step;
  return div({ role: "region", "aria-label": "Items" },
    div({ class: "row pad" }, span(() => itemsText(counts())), button({ class: "btn", "aria-expanded": () => String(isOpen()), onclick: () => { openStep.value = isOpen() ? "" : step; } }, () => (isOpen() ? "Hide them" : "Show them"))),
    either(isOpen, () => list(id, key)));
}

function list(id, key) {
  const all = signal([]), hasMore = signal(false);
  const page = async (after, ending) => {
    const found = await get(`/workflows/${id}/steps/${key}/items`, { after_index: after, limit: ITEMS_SHOWN }, { signal: ending });
    hasMore.value = found.has_more;
    return found.items;
  };
  const read = resource(async ending => (all.value = await page(-1, ending)));
  const more = async () => { all.value = [...all.peek(), ...await page(all.peek().at(-1)?.index ?? -1)]; };
  const value = it => (it.output === undefined ? "" : JSON.stringify(it.output).slice(0, TEXT_SHOWN));
  return shown(read, () => [
    ul({ class: "pad form" }, () => all.value.map(it => li({ class: "row clip" }, span({ class: "num" }, it.index), a({ class: "mono", href: link(["jobs", it.id]) }, shortId(it.id)), flowState(it.state), span({ class: "mono quiet clip" }, it.state === "completed" ? value(it) : "")))),
    either(() => hasMore.value, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, "More"))),
  ], { what: "its items", word: "workflows:read", lines: 3, isEmpty: () => !all.value.length, empty: () => p({ class: "pad quiet" }, "It has no items.") });
}
