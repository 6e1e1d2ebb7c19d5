// What was read of the server, as signals; its reads end with the scope that made it.
//
//   const job = resource(signal => get(`/jobs/${id}`, {}, { signal }));
//   job.data.value, job.state.value (idle loading ready stale error), job.error.value, job.at.value
//   job.read()                     again; a new read ends the one before
//   job.patch({ priority: 5 })     what a frame or an act changed
//
//   const jobs = rows(signal => get("/jobs", query(), { signal }), { key: it => it.id });
//   jobs.ids.value, jobs.row(id).value, jobs.patch(id, fields), jobs.add(items), jobs.take(id)

import { untracked, batch, effect, onDispose, signal } from "./signal.js";
import { nowMs } from "./clock.js";
import { state as session } from "./session.js";

export const ROWS_MAX = 10_000;

// For Back: what the resources of a page had, in the order it made them.
let had = null, before = [];
export function makePage(kept, make) {
  const own = had = [];
  before = kept;
  try {
    return [make(), () => own.map(it => it())];
  } finally {
    had = null;
  }
}

// `again`: called instead of `read` when its data are there for Back.
export function resource(load, { isRead = true, take = it => it, has = it => it, restore = it => it, again } = {}) {
  const data = signal(null), state = signal("idle"), error = signal(null), at = signal(null);
  let reading = null, isOver = false;

  async function read() {
    if (isOver) return;
    reading?.abort();
    const mine = (reading = new AbortController());
    state.value = data.peek() == null ? "loading" : state.peek() === "ready" ? "ready" : "stale";
    try {
      const given = await load(mine.signal);
      if (reading !== mine) return;
      batch(() => {
        data.value = take(given);
        [error.value, at.value, state.value] = [null, nowMs(), "ready"];
      });
    } catch (reason) {
      if (reading !== mine || mine.signal.aborted) return;
      batch(() => [error.value, state.value] = [reason, data.peek() == null ? "error" : "stale"]);
    }
  }

  // What ended with the token is read again with the next one.
  effect(() => { if (session.value === "in" && error.peek()?.status === 401) untracked(read); });
  onDispose(() => {
    const last = reading;
    [reading, isOver] = [null, true];
    last?.abort();
  });
  const old = had && before[had.length];
  if (old?.data != null && old.load === String(load)) batch(() => [data.value, at.value, state.value] = [restore(old.data), old.at, "stale"]);
  had?.push(() => ({ load: String(load), data: has(data.peek()), at: at.peek() }));
  if (isRead) data.peek() != null && again ? queueMicrotask(again) : read();
  return { data, state, error, at, read, patch: fields => data.update(it => it && { ...it, ...fields }) };
}

// Read again when what it depends on has changed: reading(() => [queue.value], () => jobs.read()).
export function reading(depends, read) {
  let before;
  effect(() => {
    const now = JSON.stringify(depends());
    if (now !== before && before !== undefined) untracked(read);
    before = now;
  });
}

export function rows(load, { key = it => it.id, ...options } = {}) {
  const ids = signal([]), held = new Map();

  function put(item) {
    const id = key(item), own = held.get(id);
    if (own) own.value = item;
    else held.set(id, signal(item));
    return id;
  }

  const all = () => ids.peek().map(id => held.get(id).peek());
  const it = resource(load, {
    ...options,
    has: data => data && all(),
    restore: items => (replace(items), items),
    take: given => {
      const items = options.take ? options.take(given) : given;
      replace(items);
      return items;
    },
  });

  function replace(items) {
    const next = items.slice(0, ROWS_MAX).map(put);
    const known = new Set(next);
    for (const id of held.keys()) if (!known.has(id)) held.delete(id);
    ids.value = next;
  }

  return Object.assign(it, {
    ids,
    replace,
    row: id => held.get(id),
    all,
    patch: (id, fields) => held.get(id)?.update(before => ({ ...before, ...fields })),
    // After those that are there; what is there already stays where it is.
    add: items => {
      const fresh = items.filter(item => !held.has(key(item))).slice(0, Math.max(0, ROWS_MAX - held.size));
      ids.value = [...ids.peek(), ...fresh.map(put)];
    },
    take: id => {
      held.delete(id);
      ids.value = ids.peek().filter(each => each !== id);
    },
  });
}
