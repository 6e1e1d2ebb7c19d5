// Who paused a thing, and when; read only when something paused is shown. GET /acts is for keys that see all queues.
//
//   const who = whoPaused("queue");
//   () => who(name, pausedAt)      "by deploy, 3 h ago", or null as long as that is not known

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { agoText } from "../lib/format.js";
import { may, me } from "../lib/session.js";
import { onDispose, signal } from "../lib/signal.js";

const NEWEST = 100;

// `subject`: of this thing alone.
export function whoPaused(kind, subject) {
  const last = signal(new Map()), asked = new Set(), ending = new AbortController();
  let isReading = false;
  onDispose(() => ending.abort());

  async function read() {
    isReading = false;
    const found = await get("/acts", { kind, act: "pause", subject, limit: subject ? 1 : NEWEST }, { signal: ending.signal }).catch(() => null);
    if (found) last.value = new Map(found.reverse().map(it => [it.subject, it]));
  }

  // An act from before `since` was of another pause.
  return (name, since = "") => {
    if (!me.value || !may("organization:read") || me.value.queues?.length) return null;
    const act = last.value.get(name), key = `${name} ${since}`;
    if (act && act.at >= since) return ["by ", el.bdi(act.key_name), ", ", () => agoText(act.at)];
    if (!asked.has(key)) {
      asked.add(key);
      isReading ||= !queueMicrotask(read);
    }
    return null;
  };
}
