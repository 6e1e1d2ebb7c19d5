// The schedules of a task or a flow, as one of its facts.

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { resource } from "../lib/store.js";
import { when } from "./panel.js";

const { a } = el;
const READ = 100;

// `kind`: "task" or "flow". What it gives is to be called where the facts are shown.
export function scheduled(kind, name) {
  const all = resource(async ending => (await get("/schedules", { target_type: kind, limit: READ }, { signal: ending })).filter(each => each[`${kind}_name`] === name), { isRead: may("schedules:read") });
  return () => ["Schedules", (all.data.value ?? []).map(each => [a({ href: link(["schedules", each.id]) }, each.name), ` ${each.is_active ? "next " : "paused"}`, each.is_active && when(each.next_run_at), ", "]),
    a({ href: link("schedules/new", { [kind]: name }) }, all.data.value?.length ? "another" : "make one")];
}
