// A filter of dead letters by their error, and the way to all of it.

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { link, queryOf } from "../lib/router.js";
import { reading, resource } from "../lib/store.js";
import { untracked } from "../lib/signal.js";
import { choose } from "./filters.js";

const READ = 100;

export const byError = queue => untracked(() => {
  const errors = resource(ending => get("/dashboard/errors", { kind: "dead", queue: queue.peek(), limit: READ }, { signal: ending })), chosen = queryOf("error");
  reading(() => queue.value, () => errors.read());
  const title = key => errors.data.value?.find(it => it.key === key)?.title ?? key;
  return [
    choose({ name: "error", label: "Error", say: title, options: () => (errors.data.value ?? []).map(it => ({ value: it.key, label: it.title, n: it.dead_count })) }),
    el.a({ href: () => link("dead", { queue: queue.value, group: chosen.value }) }, "By error"),
  ];
});
