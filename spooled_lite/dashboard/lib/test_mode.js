// Test mode: the clock of the world that is looked at, and moving it. Loaded only where the server has one.

import { get, send } from "./api.js";
import { learn } from "./clock.js";
import { signal } from "./signal.js";

export const MOVE_MS = 60_000; // the server stops a move after 25 s, and waits for a receiver on top
const PACES = { frozen: 0, real: 1 };

export const clock = signal(null); // of GET /test/clock
export const world = signal(null); // of GET /test
export const trouble = signal(null); // why they cannot be read
export const moved = signal(null); // what the last move answered, or how far it came
export const isMoving = signal(false);
export const waitsForWorkers = signal(true);

export async function readClock() {
  try {
    took(await get("/test/clock"));
    world.value = await get("/test");
    trouble.value = null;
  } catch (error) {
    trouble.value = error;
  }
}

function took(it) {
  learn(it.now, it.rate ?? PACES[it.mode]);
  clock.value = it;
}

export const setClock = async body => took(await send("PUT", "/test/clock", body));

// `path`: advance, next, idle, settle, outage.
export async function move(path, body) {
  const from = clock.peek()?.now;
  isMoving.value = true;
  try {
    const given = { ...(!waitsForWorkers.peek() && { workers: "ignore" }), ...body };
    moved.value = await send("POST", `/test/clock/${path}`, given, { wait: MOVE_MS });
  } catch (error) {
    if (error.details?.happened) moved.value = { ...error.details, from, left_under_way: [], isCut: true };
    throw error;
  } finally {
    isMoving.value = false;
    readClock();
  }
}

// 36h, 1h30m, 250 (milliseconds); null: another way to write it, which the server may know.
const UNITS = { ms: 1, s: 1000, m: 6e4, h: 36e5, d: 864e5 };
export function msOf(text) {
  const parts = [...String(text).matchAll(/(\d+)\s*(ms|[smhd]|$)/g)];
  return parts.length && parts.map(it => it[0]).join("") === text ? parts.reduce((sum, [, n, unit]) => sum + n * UNITS[unit || "ms"], 0) : null;
}

// What can be done about a refusal: [words, what to send instead, what to do before], or null.
export function remedyOf({ details }, path, body, from) {
  // What is left of the way: the clock stands where it was stopped.
  const by = msOf(body.by), to = body.to ?? (by != null && from != null ? new Date(Date.parse(from) + by).toISOString() : null);
  const rest = path === "advance" && to ? { by: undefined, to } : path === "advance" ? null : {};
  switch (details?.reason) {
    case "worker_busy": return rest && ["Go on without waiting for workers", { ...rest, workers: "ignore" }];
    case "budget": return rest && ["Go on from there", rest];
    case "backwards": return ["Go back all the same", { back: true }];
    case "clock_runs": return ["Let the clock stand, then do it", {}, () => setClock({ mode: "frozen" })];
    default: return null;
  }
}

// Said beside what the server says.
export const advice = ({ details }) => ({
  clock_busy: "Wait until that move has ended, then press again.",
  not_idle: details?.due?.[0] && `The next is ${details.due[0].kind}, at ${details.due[0].at}: allow for a longer time.`,
  world_busy: "Press again in a moment.",
})[details?.reason] ?? null;
