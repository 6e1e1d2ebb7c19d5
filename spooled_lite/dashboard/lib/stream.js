// One event stream: read from a fetch, so that the token is in a header; resumed where it broke.
//
//   const close = openStream("/events", { events: "queue.stats" }, { onFrame, onState, onGap });
//
// onFrame(kind, data, id); onState("connecting" | "live" | "broken" | "refused" | "over"), with the error;
// onGap(): it is back. What was missed has come again, unless it was too much: read anew. `isAgain`: the first
// opening is one too, because there was a stream before this one.

import { ApiError, bearer, credentials, paused, reachable, url } from "./api.js";
import { learn } from "./clock.js";
import { effect, untracked } from "./signal.js";

const SILENCE_MS = 35_000; // the server says something every ten seconds
const PAUSE_MAX_MS = 30_000;

export function openStream(path, query, { onFrame, onState, onGap, isAgain = false }) {
  const closing = new AbortController(), isOfOne = path.startsWith("/events/jobs/");
  let lastId = null, failures = 0, isFirst = !isAgain;
  run();
  return () => closing.abort();

  async function run() {
    for (let hasRenewed = false; !closing.signal.aborted; ) {
      onState("connecting");
      let ending = "broken", reason = null;
      try {
        await follow(() => {
          if (!isFirst) onGap();
          isFirst = hasRenewed = false;
          failures = 0;
        });
        if (isOfOne) ending = "over"; // with its job; others end with the server
      } catch (error) {
        reason = error;
        if (error.status === 401 && !hasRenewed) {
          hasRenewed = true;
          if (await credentials.renew().catch(() => false)) continue;
          credentials.lost(error);
        }
        if ([401, 403, 404].includes(error.status)) ending = "refused";
      }
      if (closing.signal.aborted) return;
      onState(ending, reason);
      if (ending !== "broken") return;
      const pause = Math.min(PAUSE_MAX_MS, 1000 * 2 ** failures++) * (0.75 + Math.random() / 2);
      await rest(Math.max(pause, (reason?.retryAfter ?? 0) * 1000));
    }
  }

  // Shorter when a read has found the server back.
  async function rest(ms) {
    const waking = new AbortController();
    let wasAway = false;
    const stop = untracked(() => effect(() => {
      if (!reachable.value) wasAway = true;
      else if (wasAway) waking.abort();
    }));
    await paused(ms, AbortSignal.any([closing.signal, waking.signal])).catch(() => {});
    stop();
  }

  async function follow(onOpen) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const answer = await fetch(url(path, { ...query, frames: "named" }), {
        headers: { Accept: "text/event-stream", ...bearer(), ...(lastId && { "Last-Event-ID": lastId }) },
        signal: AbortSignal.any([closing.signal, silence.signal]),
        credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
      });
      if (!answer.ok) {
        const retryAfter = Number(answer.headers.get("retry-after")) || null;
        throw new ApiError(answer.status, await answer.json().catch(() => ({})), { retryAfter });
      }
      onOpen();
      onState("live");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        const frames = (rest + value).split("\n\n");
        rest = frames.pop();
        for (const each of frames) frame(each);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  function frame(text) {
    let kind = "", data = "", id = null;
    for (const line of text.split("\n")) {
      if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("id: ")) id = line.slice(4);
    }
    if (id) lastId = id;
    if (!data) return;
    const it = JSON.parse(data);
    if (kind === "system.health") learn(it.timestamp);
    onFrame(kind, it.data ?? it, id);
  }
}
