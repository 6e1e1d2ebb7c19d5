// Values that know who reads them: signal, computed, effect; and who ends them: scope, onDispose.
//
//   const n = signal(1);              n.value reads and subscribes, n.peek() only reads, n.update(it => it + 1)
//   const twice = computed(() => n.value * 2);
//   const stop = effect(() => { show(twice.value); return () => {}; });   what it returns cleans up
//   batch(() => { n.value = 2; n.value = 3; });                           the effect runs once
//
// What is made while an effect or a scope runs is its own: it ends when that runs again or ends.

const CLEAN = 0, CHECK = 1, DIRTY = 2;
// Effects that set what they read would run for ever.
const ROUNDS_MAX = 100;

let reader = null; // the computed or effect that runs now
let owner = null; // what owns the effects that are made now
let depth = 0; // of batches
let queue = []; // effects to run
let made = 0; // effects so far

class Readable {
  readers = new Set();
  subscribe() {
    if (!reader) return;
    this.readers.add(reader);
    reader.sources.add(this);
  }
}

class Signal extends Readable {
  #value;
  #isSame;
  constructor(value, isSame) {
    super();
    this.#value = value;
    this.#isSame = isSame;
  }
  get value() {
    this.subscribe();
    return this.#value;
  }
  set value(next) {
    if (this.#isSame(this.#value, next)) return;
    this.#value = next;
    for (const each of this.readers) each.mark(DIRTY);
    flush();
  }
  peek = () => this.#value;
  update(change) {
    this.value = change(this.#value);
  }
}

// Runs a function, and again when something it read has changed.
class Runner extends Readable {
  state = DIRTY;
  sources = new Set();
  owned = [];
  constructor(run) {
    super();
    this.run = run;
    owner?.owned.push(() => this.end());
  }
  refresh() {
    if (this.state === CHECK) {
      for (const each of this.sources) {
        if (each instanceof Computed) each.refresh();
        if (this.state === DIRTY) break;
      }
    }
    const { state } = this;
    this.state = CLEAN;
    if (state === DIRTY && this.run) this.again();
  }
  again() {
    this.forget();
    const before = [reader, owner];
    reader = owner = this;
    try {
      return this.run();
    } finally {
      [reader, owner] = before;
    }
  }
  forget() {
    for (const each of this.sources) each.readers.delete(this);
    this.sources.clear();
    endAll(this.owned);
  }
  end() {
    this.run = null;
    this.forget();
  }
}

class Computed extends Runner {
  #value;
  get value() {
    const value = this.peek(); // before: what reads it now has the newest
    this.subscribe();
    return value;
  }
  peek() {
    this.refresh();
    return this.#value;
  }
  mark(state) {
    if (this.state >= state) return;
    const wasClean = this.state === CLEAN;
    this.state = state;
    if (wasClean) for (const each of this.readers) each.mark(CHECK);
  }
  again() {
    const value = super.again();
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const each of this.readers) each.mark(DIRTY);
  }
}

class Effect extends Runner {
  number = made++;
  mark(state) {
    if (!this.run || this.state >= state) return;
    if (this.state === CLEAN) queue.push(this);
    this.state = state;
  }
  again() {
    try {
      const cleanUp = super.again();
      if (typeof cleanUp === "function") this.owned.push(cleanUp);
    } catch (error) {
      reportError(error); // the others run all the same
    }
  }
}

function flush() {
  if (depth) return;
  depth++;
  try {
    for (let round = 0; queue.length; round++) {
      // An effect before those it made: it may end them.
      const now = queue.sort((a, b) => a.number - b.number);
      queue = [];
      if (round === ROUNDS_MAX) throw new Error("Effects set what they read");
      for (const each of now) each.refresh();
    }
  } finally {
    depth--;
  }
}

const endAll = owned => owned.splice(0).reverse().forEach(end => end());

export const signal = (value, isSame = Object.is) => new Signal(value, isSame);
export const computed = run => new Computed(run);
export const isReadable = it => it instanceof Readable;
export const valueOf = it => (typeof it === "function" ? it() : isReadable(it) ? it.value : it);

// Run now, and again when something it read has changed. Returns what ends it.
export function effect(run) {
  const it = new Effect(run);
  it.refresh();
  return () => it.end();
}

// However many values are set: each effect runs once, at the end.
export function batch(run) {
  depth++;
  try {
    return run();
  } finally {
    depth--;
    flush();
  }
}

export function untracked(run) {
  const before = reader;
  reader = null;
  try {
    return run();
  } finally {
    reader = before;
  }
}

// Run with an owner of its own. Returns the result, and what ends all that was made in it.
export function scope(run) {
  const own = { owned: [] }, before = owner;
  owner = own;
  try {
    return [untracked(run), () => endAll(own.owned)];
  } finally {
    owner = before;
  }
}

// Call at the end of the scope or effect that runs now.
export const onDispose = end => void owner?.owned.push(end);
