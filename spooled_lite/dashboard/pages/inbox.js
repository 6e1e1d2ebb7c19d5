// The inbox of one identity: what waits to be seen, or was; put something into it, mark what was seen.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { visible } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { queryOf } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { reading, rows } from "../lib/store.js";
import { act } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { chips } from "../parts/filters.js";
import { inboxOf, opener, openNotice, scoped, WORDS } from "../parts/live_forms.js";
import { head, panel, when } from "../parts/panel.js";
import { masked } from "../parts/search.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";

const { button, div, p, span } = el;
const PAGE = 100, READ_SECONDS = 15, EXCERPT = 300;
const STATES = [["", "Waiting"], ["seen", "Seen"]].map(([value, label]) => ({ value, label }));

export default function inboxPage({ identity }) {
  const path = inboxOf(identity), which = queryOf("state"), isSeen = () => which.value === "seen", hasMore = signal(false);
  let cursor = 0;
  const load = async (from, ending) => {
    const found = await get(path, { limit: PAGE, seen: isSeen() || null, ...from }, { signal: ending });
    [cursor, hasMore.value] = [found.cursor, found.notifications.length === PAGE];
    return found.notifications;
  };
  const all = rows(ending => load({}, ending), { key: it => String(it.id) }), ids = () => all.ids.value, last = () => Number(ids().at(-1));
  const more = async () => hasMore.peek() && all.add(await load({ [isSeen() ? "before" : "after"]: cursor }));
  reading(() => [which.value], all.read);
  every(READ_SECONDS, () => ids().length <= PAGE && all.read()); // what is read again has the first page only

  const mark = (label, body, rest) => act({
    label, icon: "ok", words: WORDS, obstacle: () => scoped() ?? (ids().length ? null : "Nothing waits"), run: () => send("POST", `${path}/seen`, body()),
    done: it => `${plural(it.marked, "notification")} marked as seen`, after: all.read, ...rest,
  });
  const markAll = mark("Mark these as seen…", () => ({ until: last() }), { ask: () => `Mark all up to number ${last()} as seen?`, yes: "Mark them" });
  const put = () => opener("Put", "plus", () => openNotice({ identity, after: all.read }), "main-act"), add = put();
  keys("Inbox", { r: ["Read again", all.read], n: ["Put a notification", () => add.click()], "]": ["More", more] });

  const columns = () => [
    { label: "Topic", class: "clip", cell: row => span({ class: "mono", title: row.peek().topic }, row.peek().topic) },
    { label: "Message", class: "fill clip whole", cell: row => span({ title: row.peek().message }, visible(masked((row.peek().message ?? "").slice(0, EXCERPT), ""))) },
    { label: "Key", class: "hide brief", cell: row => span({ class: "mono", title: row.peek().collapse_key }, row.peek().collapse_key) },
    { label: "Number", class: "num hide", cell: row => row.peek().id },
    { label: "Expires", class: "num hide", cell: row => row.peek().expires_at && when(row.peek().expires_at) },
    { label: "Put", class: isSeen() ? "num hide" : "num", cell: row => when(row.peek().created_at) },
    isSeen() ? { label: "Seen", class: "num", cell: row => when(row.peek().seen_at) }
      : { label: "Seen", isUnsaid: true, class: "acts-cell", cell: row => mark("Seen", () => ({ ids: [row.peek().id] }), { isSmall: true, name: `Mark number ${row.peek().id} as seen` }) },
  ];

  return [
    head({
      title: () => `Inbox of ${identity}`, shown: ["Inbox of ", span({ class: "mono" }, identity)], note: () => all.data.value && `${count(ids().length)}${hasMore.value ? " and more" : ""}`,
      acts: [either(() => !isSeen(), () => markAll), asCurl(() => [["This inbox", "GET", path, { query: { limit: PAGE, seen: isSeen() || null } }], ["Put something into it", "POST", path, { body: { topic: "import.progress", message: "80 %", collapse_key: "import-42" } }],
        ["Mark as seen", "POST", `${path}/seen`, { body: { until: last() || 92 } }]]), add],
    }),
    chips({ name: "state", label: "State", options: () => STATES }),
    panel(null, {}, shown(all, () => either(() => which.value || "waiting", () => table({ of: all, label: "Notifications", group: "Notifications", nameOf: id => `Notification ${id}`, columns: columns() })), {
      what: "this inbox", word: "jobs:read", lines: 8, isEmpty: () => !ids().length,
      empty: () => (isSeen() ? emptyState("Nothing was seen", p("What was seen is kept as long as finished jobs.")) : emptyState("Nothing waits", p("A notification waits here until it is marked as seen, or expires."), put())),
    })),
    either(() => hasMore.value && ids().length, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, () => `${plural(ids().length, "notification")} shown. More`))),
  ];
}
