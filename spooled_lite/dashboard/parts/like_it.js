// How many others have the same error as one job, and where they are: GET /dashboard/errors of its queue.
//
//   likeIt(() => job)      a link, or nothing

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { link } from "../lib/router.js";
import { computed, effect, untracked } from "../lib/signal.js";
import { resource } from "../lib/store.js";

const GROUPS = 100, TITLE_CHARS = 500;
// As the server makes titles of errors: without UUIDs, quoted text, hexadecimal and other numbers.
const DIFFERING = /[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|"[^"]*"|'[^']*'|`[^`]*`|\b0x[0-9a-fA-F]+\b|\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b|[0-9]+(?:[.,][0-9]+)*/g;
export const titleOf = error => [...error.trimStart()].slice(0, TITLE_CHARS).join("").split("\n", 1)[0].trimEnd().replace(DIFFERING, "?");

export function likeIt(job) {
  const asked = computed(() => JSON.stringify(job()?.last_error ? [job().queue_name, job().status === "deadletter" ? "dead" : "failing"] : null));
  const groups = resource(signal => {
    const [queue, kind] = JSON.parse(asked.peek());
    return get("/dashboard/errors", { queue, kind, limit: GROUPS }, { signal });
  }, { isRead: false });
  effect(() => { if (asked.value !== "null") untracked(groups.read); });
  const same = computed(() => groups.data.value?.find(it => it.title === titleOf(job()?.last_error ?? "")));
  return () => {
    const it = same.value, isDead = job().status === "deadletter";
    if (!it) return null;
    const others = it.dead_count - isDead, href = link("dead", { queue: job().queue_name, group: it.key });
    if (others > 0) return el.a({ href }, `${count(others)} ${isDead ? "more " : ""}dead ${others === 1 ? "letter" : "letters"} like it`);
    return el.span({ class: "quiet" }, isDead ? "no other dead letter like it" : `${plural(it.failed_1h, "attempt")} failed like it in the last hour`);
  };
}
