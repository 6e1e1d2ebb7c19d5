// Looking through payloads, results and errors: what was found, how far it has looked, further when asked.
//
//   const search = textSearch(() => ({ text: "cus_81x", queue_name }));
//   await search.begin(signal); await search.more(); search.line(onMore); search.foundIn(job.match, text)

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count, dayText, plural } from "../lib/format.js";
import { visible } from "../lib/json.js";
import { masks } from "../lib/prefs.js";
import { signal } from "../lib/signal.js";
import { DOTS } from "./secret.js";

const { b, button, div, span } = el;
const PAGE = 100, BEFORE = 16, LOOK_MS = 2000; // a call looks for a fifth of a second
const BEGIN = { scanned: 0, at: null, cursor: null };
const WORDS = { id: "id", idempotency_key: "key", payload: "payload", result: "result", last_error: "error" };

export function textSearch(asked) {
  const far = signal(BEGIN), isLooking = signal(false);
  let run = 0;

  // Until there is a page of them, or for two seconds. Null: another search has begun meanwhile.
  async function look(ending) {
    const mine = run, found = new Map(), until = Date.now() + LOOK_MS;
    isLooking.value = true;
    try {
      do {
        const { cursor, scanned, at } = far.peek();
        const it = await get("/jobs/search", { ...asked(), limit: PAGE - found.size, cursor }, { signal: ending });
        if (mine !== run) return null;
        it.jobs.forEach(job => found.has(job.id) || found.set(job.id, job));
        far.value = { scanned: scanned + it.scanned, at: it.reached_at ?? at, cursor: it.cursor };
      } while (far.peek().cursor && found.size < PAGE && Date.now() < until);
      return [...found.values()];
    } finally {
      if (mine === run) isLooking.value = false;
    }
  }

  return {
    foundIn,
    begin: ending => {
      run++;
      far.value = BEGIN;
      return look(ending);
    },
    more: async () => (isLooking.peek() || !far.peek().cursor ? [] : (await look()) ?? []),
    line: onMore => div({ class: "newer", role: "status" },
      span({ class: "quiet" }, () => told(far.value, isLooking.value)),
      () => far.value.cursor && !isLooking.value && button({ class: "btn", onclick: onMore }, "Keep searching")),
  };
}

const told = ({ scanned, at, cursor }, isLooking) =>
  (cursor || isLooking ? `Searched ${count(scanned)}${at ? `, back to ${dayText(at)}` : ""}${isLooking ? " …" : ""}` : `Searched all ${plural(scanned, "job")}`);

// Where it was found, and what stands around it there; masked names of JSON as dots.
function foundIn({ where, excerpt }, text) {
  const shown = where === "payload" || where === "result" ? masked(excerpt, text) : excerpt;
  const at = shown.indexOf(text), begin = at > BEFORE + 1 ? at - BEFORE : 0; // a line is narrow: the text is to be seen
  return span({ title: visible(shown) }, span({ class: "quiet" }, `${WORDS[where]} `),
    at < 0 ? visible(shown) : [begin ? "…" : "", visible(shown.slice(begin, at)), b(visible(text)), visible(shown.slice(at + text.length))]);
}

const FIRST_KEY = /(?<=[{,]\s*)"(?:[^"\\]|\\.)*"\s*:/;
const KEY = /"((?:[^"\\]|\\.)*)"\s*:\s*/g, VALUE = /"(?:[^"\\]|\\.)*(?:"|\\?$)|[[{][^]*|[^,}\]\s]+/y;

export function masked(excerpt, text) {
  const names = new Set(masks.peek().split(",").map(it => it.trim().toLowerCase()).filter(Boolean));
  if (!names.size) return excerpt;
  // What a cut left without its name may belong to a masked one: only what was searched for is shown of it.
  const first = excerpt.startsWith("…") ? Math.max(0, excerpt.search(FIRST_KEY)) || excerpt.length : 0;
  let out = first ? (excerpt.slice(0, first).includes(text) ? `… ${text} … ` : "… ") : "", from = first;
  KEY.lastIndex = first;
  for (let key; (key = KEY.exec(excerpt)); ) {
    if (!names.has(unescaped(key[1]).toLowerCase())) continue;
    VALUE.lastIndex = KEY.lastIndex;
    const value = VALUE.exec(excerpt);
    if (!value) break;
    out += excerpt.slice(from, KEY.lastIndex) + DOTS;
    KEY.lastIndex = from = VALUE.lastIndex;
  }
  return out + excerpt.slice(from);
}

function unescaped(name) {
  try {
    return JSON.parse(`"${name}"`);
  } catch {
    return name;
  }
}
