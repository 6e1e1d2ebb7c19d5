"""A server of a script's own, inside a page: for tests of streams that must break at a given moment."""

from collections.abc import Callable
from typing import Any, Final

Lib = Callable[[str], Any]

# Answers of a server that says what the test wants: each open stream is `server.streams[n]`.
SERVER: Final = """
    const server = { asked: [], streams: [], next: [] };
    const encoder = new TextEncoder();
    window.fetch = async (url, { headers, signal }) => {
      server.asked.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), headers: { ...headers } });
      const { status = 200, body = "{}" } = server.next.shift() ?? {};
      if (status !== 200) return new Response(body, { status });
      let out;
      const stream = new ReadableStream({ start(it) { out = it; } });
      signal.addEventListener("abort", () => { try { out.error(signal.reason); } catch {} });
      server.streams.push({ say: text => out.enqueue(encoder.encode(text)), end: () => out.close(), cut: () => out.error(new TypeError("cut")) });
      return new Response(stream);
    };
    const inTime = setTimeout, atAll = setInterval;
    const soon = async condition => {
      for (let n = 0; n < 400 && !condition(); n++) await new Promise(done => inTime(done, 20));
      return condition();
    };
    // From now on a second lasts so much less.
    const hasten = times => {
      const clock = Date.now, began = clock();
      Date.now = () => began + (clock() - began) * times;
      window.setTimeout = (act, ms = 0) => inTime(act, ms / times);
      window.setInterval = (act, ms) => atAll(act, ms / times);
    };
    // As if another tab were in front.
    const hide = isHidden => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    const frame = (kind, data, id) => `event: ${kind}\\ndata: ${JSON.stringify({ data, timestamp: new Date().toISOString() })}\\n${id ? `id: ${id}\\n` : ""}\\n`;
"""
