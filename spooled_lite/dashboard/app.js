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

// Address, file in pages/. `:name` is one part, given to the page by its name.
const PAGES = Object.entries({
  "": "home", jobs: "jobs", "jobs/new": "job_new", "jobs/:id": "job", dead: "dead",
  queues: "queues", "queues/:name": "queue", "messages/:queue": "messages", topics: "topics", live: "live", "inbox/:identity": "inbox", tasks: "tasks", "tasks/:name": "task",
  workers: "workers", "workers/:id": "worker",
  schedules: "schedules", "schedules/new": "schedule", "schedules/:id": "schedule", cron: "cron",
  flows: "flows", "flows/:name": "flow", workflows: "workflows", "workflows/:id": "workflow", webhooks: "webhooks", "webhooks/:id": "webhook",
  inbound: "inbound", events: "events", keys: "keys", org: "org", acts: "acts",
  server: "server", "server/orgs/:id": "server_org", here: "here", more: "more", test: "test",
});

function found(parts) {
  for (const [pattern, file] of PAGES) {
    const names = pattern.split("/"), given = {};
    const fits = names.length === parts.length && names.every((name, i) => {
      if (!name.startsWith(":")) return name === parts[i];
      given[name.slice(1)] = parts[i];
      return parts[i] !== "";
    });
    if (fits) return { file, given };
  }
  return { file: "missing", given: {} };
}

const loaded = file => import(`./pages/${file}.js`);
const preload = path => void loaded(found(path.split("/")).file).catch(() => {});

let leave = () => {}, number = 0;
let isAbout = false, has = () => [], here = null, kept = null; // `kept`: of the page before

async function open(parts) {
  const mine = ++number, { file, given } = found(parts), { isBack, from } = came, { address, path: to } = route.peek();
  const back = isBack && kept?.address === address ? kept : null;
  // Now: its filters go with its address.
  if (here === from.split("?")[0]) kept = { address: from, y: scrollY, had: has(), next: parts.at(-1) };
  here = null;
  let make;
  try {
    make = (await loaded(file)).default;
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
