// What a job waits for and what waits for it; one that waits can be made to wait for others too.

import { send } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { shortId } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { link } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { areaField, form, radios } from "./form.js";
import { panel } from "./panel.js";

const { a, div, h3, li, p, span, ul } = el;
const SHOWN_MAX = 100;

// `job`: as it is known now; `around`: the resource of its dependencies.
export function parents(job, around, { after }) {
  const mayWait = () => ["pending", "scheduled"].includes(job()?.status);
  const line = it => li({ class: "row" }, a({ class: "mono", href: link(["jobs", it.job_id]) }, shortId(it.job_id)), status(it.status), span({ class: "quiet" }, it.queue_name));
  const part = (title, all) => all.length > 0 && div(h3(title), ul(all.slice(0, SHOWN_MAX).map(line)), all.length > SHOWN_MAX && p({ class: "quiet" }, `and ${all.length - SHOWN_MAX} others`));
  const of = () => around.data.value, n = () => of().dependencies.length + of().dependents.length;
  return when(() => of() && (n() || mayWait()), () => panel("Parents and children", {
    more: when(mayWait, () => gated({ label: "Wait for others…", icon: "plus", words: ["jobs:write"], onclick: () => openAdd(job(), of(), after) })),
  }, div({ class: "pad grid even" }, () => (n()
    ? [part(of().dependencies.length > 1 && of().dependency_mode === "any" ? "Waits for any of" : "Waits for", of().dependencies), part("What waits for it", of().dependents)]
    : p({ class: "quiet" }, "It waits for no other job, and none waits for it.")))));
}

function openAdd(job, { dependencies, dependency_mode: mode }, after) {
  const ids = signal(""), how = signal(mode);
  const named = () => ids.value.split(/[\s,]+/).filter(Boolean);
  openDialog({ title: "Wait for other jobs", body: close => form({
    label: "Let it wait", words: ["jobs:write"], onCancel: close, obstacle: () => (named().length ? null : "Name a job first"),
    run: () => send("POST", `/jobs/${job.id}/dependencies`, { depends_on: named(), dependency_mode: how.peek() }),
    done: it => (it.added_count === 0 ? "Nothing new: it waits for them already, or they wait for it" : it.dependencies_met ? "It may run: what it waits for has ended" : "It waits for them"), after: () => (close(), after()),
  }, p({ class: "quiet" }, "It is not handed out before they have completed; if one that it needs fails for good, it is cancelled. This cannot be taken back."),
  areaField("Ids of the jobs", ids, { rows: 3, class: "mono", autofocus: "", hint: "one to a line, or between commas" }),
  radios(dependencies.length ? "It waits for, with those it waits for now," : "It waits for", how, [["all", "All of them"], ["any", "Any one of them"]])) });
}
