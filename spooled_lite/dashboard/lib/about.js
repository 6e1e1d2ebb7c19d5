// What the whole dashboard asks of the server now and then: counts for the rail, health for the banners.

import { get, reachable } from "./api.js";
import { every } from "./clock.js";
import { may, state } from "./session.js";
import { effect, signal, untracked } from "./signal.js";

const COUNTS_SECONDS = 15, WORKERS_SECONDS = 60, HEALTH_SECONDS = 15;

export const counts = signal({}); // jobs, dead, workers
export const health = signal(null); // of GET /health
export const ready = signal(null); // why the server takes no work, or null
export const version = signal(null); // the first one seen, and whether there is another now
const mine = document.querySelector("script[src]")?.getAttribute("src");

async function readCounts() {
  if (state.peek() !== "in" || !may("jobs:read")) return;
  try {
    const { total, deadletter } = await get("/jobs/stats");
    counts.update(it => ({ ...it, jobs: total, dead: deadletter }));
  } catch { /* the page says what it cannot read */ }
}

// Less often: it sums up a day.
async function readWorkers() {
  if (state.peek() !== "in") return;
  try {
    const { workers } = await get("/dashboard");
    counts.update(it => ({ ...it, workers: workers.total }));
  } catch { /* likewise */ }
}

async function readHealth() {
  try {
    health.value = await get("//health", {}, { isKnown: false, repeats: 0 });
    if (version.peek() == null) version.value = { first: health.peek().version, now: health.peek().version };
    else version.update(it => ({ ...it, now: health.peek().version }));
  } catch { /* told by `reachable` */ }
  try {
    await get("//health/ready", {}, { isKnown: false, repeats: 0 });
    ready.value = null;
  } catch (error) {
    ready.value = error.status === 503 ? error.details?.reason ?? "not_ready" : null;
  }
}

// Its files have another address when they are others: then this page is of yesterday.
export async function isOutdated() {
  const text = await (await fetch(document.baseURI.split("#")[0], { headers: { Accept: "text/html" }, cache: "no-cache" })).text();
  return Boolean(mine) && !text.includes(mine);
}

export function startAbout() {
  effect(() => { if (state.value === "in") untracked(() => (readCounts(), readWorkers())); });
  readHealth();
  every(COUNTS_SECONDS, readCounts);
  every(WORKERS_SECONDS, readWorkers);
  every(HEALTH_SECONDS, readHealth);
  addEventListener("offline", () => { reachable.value = false; });
  addEventListener("online", readHealth);
}

export { readCounts };
