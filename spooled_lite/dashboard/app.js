// The beginning: who is signed in, which page, the frame around it, and what no page caught.
// How to write a page: docs/dashboard-pages.md.

import { startAbout } from "./lib/about.js";
import { ApiError } from "./lib/api.js";
import { mount } from "./lib/dom.js";
import { came, route, title } from "./lib/router.js";
import { me, readMe, state } from "./lib/session.js";
import { computed, effect, untracked } from "./lib/signal.js";
import { makePage } from "./lib/store.js";
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
  ["test", () => import("./pages/test.js")],
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
let isAbout = false, has = () => [], here = null, kept = null; // `kept`: of the page before

async function open(parts) {
  const mine = ++number, { load, given } = found(parts), { isBack, from } = came, { address, path: to } = route.peek();
  const back = isBack && kept?.address === address ? kept : null;
  // Now: its filters go with its address.
  if (here === from.split("?")[0]) kept = { address: from, y: scrollY, had: has(), next: parts.at(-1) };
  here = null;
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
  leave = mount(main, () => {
    const [nodes, own] = makePage(back?.had ?? [], () => make(given));
    [has, here] = [own, to];
    return nodes;
  });
  if (mine > 1) {
    scrollTo(0, back?.y ?? 0);
    main.focus({ preventScroll: true });
    // By then its row is made.
    if (back) requestAnimationFrame(() => main.querySelector(`[data-id="${CSS.escape(back.next)}"]`)?.focus({ preventScroll: true }));
  }
  isAbout ||= (startAbout(), true); // the page's own reads go first
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
    here = kept = null;
    end();
  };
}
