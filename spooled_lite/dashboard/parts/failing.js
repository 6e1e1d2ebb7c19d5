// What fails now: errors with how often, where, since when.

import { el, list } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { link } from "../lib/router.js";
import { panel, when } from "./panel.js";
import { shown } from "./states.js";

const { a, ul, li, div, span, p } = el;

// `queue`: the one they are of.
export const failing = (errors, { queue } = {}) => panel("Failing now", { more: a({ href: link("dead", { queue }) }, "Dead letters") },
  shown(errors, () => ul(list(() => errors.data.value, it => it.key, row => li({ class: "pad ruled" },
    a({ class: "mono clip block", href: row.peek().dead_count ? link("dead", { queue, group: row.peek().key }) : link(["jobs", row.peek().sample_job_id]), title: () => row.value.title }, () => row.value.title),
    div({ class: "quiet" }, () => plural(row.value.failed_1h, "attempt"), " in the last hour, ",
      () => (row.value.dead_count ? `${count(row.value.dead_count)} dead` : "none dead"), " · ",
      span(() => row.value.queues.map(it => it.name).join(", ")), " · first ", when(row.peek().first_at)),
  ))), {
    what: "the errors", word: "jobs:read", lines: 3, isEmpty: () => !errors.data.value.length,
    empty: () => p({ class: "pad quiet" }, "No attempt has failed in the last hour."),
  }));
