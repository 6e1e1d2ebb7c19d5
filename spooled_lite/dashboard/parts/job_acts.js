// What can be done with one job, with several selected, with all that match.

import { send } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { count, shortId } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { act, gated, obstacle } from "./act.js";
import { openDialog } from "./dialog.js";
import { field } from "./panel.js";
import { toast } from "./toast.js";

const { div, span, b, button, input, p, form } = el;
const PRIORITY = { least: -100, most: 100 };

const path = id => `/jobs/${id}`;
export const retryOne = id => send("POST", `${path(id)}/retry`);
export const cancelOne = id => send("DELETE", path(id));
export const setPriority = (id, priority) => send("PUT", `${path(id)}/priority`, { priority });

// The buttons of one job: `job` reads what is known of it now.
export function jobActs(job, { after }) {
  const isIn = (...all) => () => (all.includes(job().status) ? null : `Not while it is ${job().status}`);
  const id = () => job().id;
  return {
    retry: act({ label: "Retry", icon: "retry", words: ["jobs:write"], kind: "main-act", obstacle: isIn("deadletter", "failed"), run: () => retryOne(id()), done: () => `${shortId(id())} is back in ${job().queue_name}`, after }),
    cancel: act({ label: "Cancel", icon: "stop", words: ["jobs:write", "jobs:delete"], kind: "danger", ask: "Cancel this job?", yes: "Cancel job", obstacle: isIn("pending", "scheduled"), run: () => cancelOne(id()), done: "Cancelled", after }),
    priority: gated({ label: "Priority…", words: ["jobs:write"], obstacle: isIn("pending", "scheduled"), onclick: () => askPriority(job().priority, async n => {
      const before = job().priority;
      await setPriority(id(), n);
      toast(`Priority ${n}`, { undo: () => setPriority(id(), before).then(after) });
      after();
    }) }),
  };
}

export const runNow = (id, after) => act({
  label: "Run now", icon: "play", words: ["jobs:write"], kind: "main-act", after,
  run: () => send("POST", "/jobs/actions", { action: "run_now", job_ids: [id], dry_run: false }), done: "It waits no longer for its time",
});

export function askPriority(now, set) {
  const number = input({ type: "number", min: PRIORITY.least, max: PRIORITY.most, value: String(now ?? 0), required: true, autofocus: "" });
  openDialog({
    title: "Priority",
    body: close => form({ class: "form", onsubmit: event => {
      event.preventDefault();
      close();
      set(Number(number.value));
    } }, field("From -100 to 100; higher goes first", number),
    div({ class: "acts" }, button({ class: "btn main-act", type: "submit" }, "Set"), button({ class: "btn", onclick: close }, "Back"))),
  });
}

// The bar over a selection, and the keys of a row. `only`: the labels of what is offered; all of it otherwise.
export function bulk({ jobs, selected, asked, isFiltered, after, only }) {
  const chosen = () => [...selected.peek()];
  const done = () => {
    selected.value = new Set();
    after();
  };
  // The filter as POST /jobs/actions names it.
  const filter = () => {
    const { status, state, queue_name, job_type, error_key, tag, created_after, created_before } = asked();
    return Object.fromEntries(Object.entries({ queue_name, state, statuses: status ? [status] : null, job_type, error_key, tag, created_after, created_before }).filter(([, value]) => value));
  };
  const what = isAll => (isAll ? (isFiltered.peek() ? { filter: filter() } : { all: true }) : { jobIds: chosen() });
  const ask = (action, verb, more = {}) => async isAll => (await import("./many.js")).manyJobs({ action, verb, title: n => `${verb} ${n} jobs?`, after: done, ...what(isAll), ...more });
  const deed = {
    retry: ask("retry", "Retry", { about: () => "Dead letters go back into their queues, retries counted from 0." }),
    cancel: ask("cancel", "Cancel", { isDanger: true, about: () => "Those that wait are cancelled; what runs goes on." }),
    run_now: ask("run_now", "Run now", { about: () => "They stop waiting for their time." }),
    delete: isAll => ask("delete", "Delete", { isDanger: true, typed: isAll ? "delete" : String(selected.peek().size), about: () => "Finished jobs are deleted for good, with payload and result." })(isAll),
  };
  const priority = isAll => askPriority(0, n => ask("set_priority", "Set priority of", { priority: n })(isAll));

  const bar = when(() => selected.value.size, () => div({ class: "bulk", role: "region", "aria-label": "Selection" },
    b(() => `${count(selected.value.size)} selected`), buttons(false),
    // The server cannot be asked to act on what a worker holds, or a search finds.
    () => !asked().worker_id && !asked().text && span({ class: "quiet" }, "or all that match: ", button({ class: "btn link", onclick: () => openAll() }, "choose"))));
  const deeds = [
    ["Retry", "retry", "", "jobs:write", deed.retry], ["Cancel", "stop", "", "jobs:write", deed.cancel],
    ["Run now", "play", "", "jobs:write", deed.run_now], ["Priority…", null, "", "jobs:write", priority],
    ["Delete…", "trash", "danger", "jobs:delete", deed.delete],
  ].filter(([label]) => !only || only.includes(label));
  const buttons = isAll => deeds.map(([label, picture, kind, word, run]) => gated({ label, icon: picture, kind, words: [word], onclick: () => run(isAll) }));
  const openAll = () => openDialog({ title: "All that match the filter", body: close => [
    p({ class: "quiet" }, "They are counted first; nothing happens before you have seen the number."),
    div({ class: "acts", onclick: close }, buttons(true)),
    div({ class: "acts" }, button({ class: "btn", autofocus: "", onclick: close }, "Back")),
  ] });

  const one = (id, fits, run, text) => {
    const job = jobs.row(id)?.peek();
    if (!job || obstacle(["jobs:write"]) || !fits.includes(job.status)) return;
    run(id).then(() => (toast(`${text} ${shortId(id)}`), after()));
  };
  const retryKey = { "Shift+r": ["Retry", id => (selected.peek().size ? deed.retry(false) : one(id, ["deadletter", "failed"], retryOne, "Retried"))] };
  const keys = only ? retryKey : {
    ...retryKey,
    "Shift+c": ["Cancel", id => {
      selected.value = new Set(selected.peek().size ? selected.peek() : [id]);
      deed.cancel(false);
    }],
    "Shift+p": ["Priority", id => {
      selected.value = new Set(selected.peek().size ? selected.peek() : [id]);
      priority(false);
    }],
  };
  return { bar, keys, openAll };
}
