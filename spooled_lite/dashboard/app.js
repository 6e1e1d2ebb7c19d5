// The beginning: who is signed in, which page, the frame around it, and what no page caught.
//
// HOW TO WRITE A PAGE (look at pages/jobs.js and pages/job.js while reading)
//
//   1. Put `export default function queue({ id }) { … return [nodes]; }` into pages/queue.js and its line into
//      PAGES below (instead of `soon`). `:id` of the address is given as `id`. It runs once, in a scope: all that
//      it makes (effects, resources, streams, keys, timers) ends when the person leaves. A change of the query
//      alone does not run it again: read `queryOf("status")` (lib/router.js) and set it by `setQuery`.
//   2. Nodes: `const { div, p } = el` and `div({ class: "row", hidden: () => !n.value }, "text", () => n.value)`
//      (lib/dom.js). What changes is a function; text is always text. Pieces: head, panel, facts, field, when,
//      code (parts/panel.js), status, icon (lib/icons.js), count, span, agoText (lib/format.js).
//   3. Read: `const it = resource(signal => get(path, query, { signal }))`, `rows(…)` for lists (lib/store.js).
//      Show: `shown(it, () => …, { what: "the queue", word: "queues:read" })` (parts/states.js): skeleton, empty,
//      error, old data. Tables: parts/table.js. Filters: parts/filters.js. Other reads: `every(15, it.read)`.
//   4. Act: `act({ label, icon, words: ["queues:write"], run: () => send("POST", …), done, undo | ask })`
//      (parts/act.js); on many: parts/many.js; a dialog: parts/dialog.js; a message: `toast` (parts/toast.js);
//      the calls as commands: parts/curl.js.
//   5. Live: `live({ events: "queue.stats,queue.paused", paint(frames) { … it.patch(…) }, read: it.read })`
//      (lib/live.js). Rows never move by themselves: patch them, offer newer ones by a button.
//   6. Keys: `keys("Queues", { p: ["Pause", () => pause.press()] })` (lib/keys.js); they show up in the help.
//   7. Where it leads: `a({ href: link(["queues", name]) })` (lib/router.js). In the rail: parts/places.js.
//   8. Test: tests/dashboard/test_<page>.py with the fixtures `signed_in`, `api`, `watch`; accessibility and
//      pictures come from the table in tests/dashboard/pages.py: add a line there.
//   What it alone needs of style: `await sheet("queue.css")` (lib/sheet.js); parts.css is of the first view.
//   Imports point down: pages > parts > lib. Each file has at most 200 lines. Nothing reads markup.

import { startAbout } from "./lib/about.js";
import { ApiError } from "./lib/api.js";
import { mount } from "./lib/dom.js";
import { route, title } from "./lib/router.js";
import { me, readMe, state } from "./lib/session.js";
import { computed, effect, untracked } from "./lib/signal.js";
import { frame } from "./parts/frame.js";
import { failure, sentence } from "./parts/states.js";
import { toast } from "./parts/toast.js";

const soon = () => import("./pages/missing.js");

// Address, file. `:name` is one part, given to the page by its name.
const PAGES = [
  ["", () => import("./pages/home.js")],
  ["jobs", () => import("./pages/jobs.js")],
  ["jobs/new", () => import("./pages/job_new.js")],
  ["jobs/:id", () => import("./pages/job.js")],
  ["dead", () => import("./pages/dead.js")],
  ["queues", () => import("./pages/queues.js")],
  ["queues/:name", () => import("./pages/queue.js")],
  ["workers", () => import("./pages/workers.js")],
  ["workers/:id", () => import("./pages/worker.js")],
  ["schedules", () => import("./pages/schedules.js")],
  ["schedules/new", () => import("./pages/schedule.js")],
  ["schedules/:id", () => import("./pages/schedule.js")],
  ["cron", () => import("./pages/cron.js")],
  ["workflows", () => import("./pages/workflows.js")],
  ["workflows/:id", () => import("./pages/workflow.js")],
  ["webhooks", () => import("./pages/webhooks.js")],
  ["webhooks/:id", () => import("./pages/webhook.js")],
  ["inbound", () => import("./pages/inbound.js")],
  ["events", () => import("./pages/events.js")],
  ["keys", () => import("./pages/keys.js")],
  ["org", () => import("./pages/org.js")],
  ["acts", () => import("./pages/acts.js")],
  ["server", () => import("./pages/server.js")],
  ["server/orgs/:id", () => import("./pages/server_org.js")],
  ["here", () => import("./pages/here.js")],
  ["more", () => import("./pages/more.js")],
  ["test", soon],
];

function found(parts) {
  for (const [pattern, load] of PAGES) {
    const names = pattern.split("/"), given = {};
    const fits = names.length === parts.length && names.every((name, i) => {
      if (!name.startsWith(":")) return name === parts[i];
      given[name.slice(1)] = parts[i];
      return parts[i] !== "";
    });
    if (fits) return { load, given };
  }
  return { load: soon, given: {} };
}

const preload = path => void found(path.split("/")).load().catch(() => {});

let leave = () => {}, number = 0;

async function open(parts) {
  const mine = ++number, { load, given } = found(parts);
  let make;
  try {
    make = (await load()).default;
  } catch {
    make = () => failure(new Error("Its script could not be loaded: the server does not answer, or runs another version now."), {
      what: "this page", again: () => location.reload(),
    });
  }
  if (mine !== number) return;
  leave();
  const main = document.getElementById("main");
  leave = mount(main, () => make(given));
  if (mine > 1) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  performance.mark("page");
}

effect(() => { document.title = title.value ? `${title.value} · Spooled Lite` : "Spooled Lite"; });

// What no page caught is told, and goes on to the console.
addEventListener("unhandledrejection", event => {
  if (event.reason?.name === "AbortError") return event.preventDefault();
  if (event.reason instanceof ApiError) event.preventDefault();
  toast(event.reason instanceof ApiError ? sentence(event.reason) : "Something on this page failed: reload it");
});
addEventListener("error", () => toast("Something on this page failed: reload it"));

const root = document.getElementById("app");
const isInside = computed(() => state.value !== "out" && route.value.parts[0] !== "sign-in");
const path = computed(() => route.value.path);

effect(() => {
  if (isInside.value) return untracked(inside);
  return untracked(() => {
    let end = () => {};
    import("./pages/sign_in.js").then(it => { end = mount(root, () => it.default({})); });
    return () => end();
  });
});

function inside() {
  if (!me.peek()) readMe().catch(() => {});
  const end = mount(root, () => frame({ preload }));
  effect(() => { const parts = path.value && route.peek().parts; untracked(() => open(parts || [""])); });
  effect(() => {
    if (state.value !== "lost") return;
    let take = () => {};
    import("./pages/sign_in.js").then(it => { take = mount(document.body, () => it.default({ isOver: true })); });
    return () => take();
  });
  return () => {
    leave();
    leave = () => {};
    end();
  };
}

startAbout();
