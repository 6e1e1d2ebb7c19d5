"""`lib/stream.js` and `lib/live.js`: nothing is lost over a break, and nothing moves under a hand."""

from collections.abc import Callable
from typing import Any, Final

import pytest

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
    const soon = async condition => {
      for (let n = 0; n < 400 && !condition(); n++) await new Promise(done => setTimeout(done, 20));
      return condition();
    };
    const frame = (kind, data, id) => `event: ${kind}\\ndata: ${JSON.stringify({ data, timestamp: new Date().toISOString() })}\\n${id ? `id: ${id}\\n` : ""}\\n`;
"""


@pytest.fixture
def scripted(lib: Lib) -> Lib:
    return lambda body: lib(SERVER + body)


def test_frames_come_whole_however_they_are_cut(scripted: Lib) -> None:
    seen = scripted("""
        const { openStream } = await load("lib/stream"), seen = [];
        const close = openStream("/events", {}, { onFrame: (kind, data, id) => seen.push([kind, data.n, id]), onState: () => {}, onGap: () => {} });
        await soon(() => server.streams.length);
        const text = frame("job.created", { n: "é" }, 1) + ": quiet\\n\\n" + frame("queue.stats", { n: 2 });
        for (const part of [text.slice(0, 7), text.slice(7, 40), text.slice(40)]) { server.streams[0].say(part); await new Promise(requestAnimationFrame); }
        await soon(() => seen.length === 2);
        close();
        return seen;
    """)

    assert seen == [["job.created", "é", "1"], ["queue.stats", 2, None]]


def test_a_broken_stream_goes_on_after_its_last_frame(scripted: Lib) -> None:
    seen = scripted("""
        const { openStream } = await load("lib/stream");
        const states = []; let frames = 0, gaps = 0;
        const close = openStream("/events", {}, { onFrame: () => frames++, onState: it => states.push(it), onGap: () => gaps++ });
        await soon(() => server.streams.length);
        server.streams[0].say(frame("job.created", {}, 41));
        await soon(() => frames);
        server.streams[0].cut();
        await soon(() => server.streams.length === 2);
        await soon(() => states.filter(it => it === "live").length === 2);
        close();
        return { states, gaps, last: server.asked.map(it => it.headers["Last-Event-ID"] ?? null) };
    """)

    assert seen == {
        "states": ["connecting", "live", "broken", "connecting", "live"],
        "gaps": 1,
        "last": [None, "41"],
    }


def test_a_token_that_ended_is_renewed_once(scripted: Lib) -> None:
    seen = scripted("""
        const { credentials } = await load("lib/api"), { openStream } = await load("lib/stream");
        let token = "old", lost = 0;
        Object.assign(credentials, { token: () => token, renew: async () => { token = "new"; return true; }, lost: () => lost++ });
        server.next = [{ status: 401 }, { status: 200 }];
        const states = [];
        const close = openStream("/events", {}, { onFrame: () => {}, onState: it => states.push(it), onGap: () => {} });
        await soon(() => states.includes("live"));
        close();
        return [lost, server.asked.map(it => it.headers.Authorization), server.asked.some(it => "token" in it.query)];
    """)

    assert seen == [0, ["Bearer old", "Bearer new"], False]


def test_what_may_not_be_heard_is_not_asked_for_again(scripted: Lib) -> None:
    seen = scripted("""
        const { openStream } = await load("lib/stream"), states = [];
        server.next = [{ status: 403, body: '{"code":"ACCESS_DENIED","message":"no"}' }];
        openStream("/events", {}, { onFrame: () => {}, onState: it => states.push(it), onGap: () => {} });
        await soon(() => states.includes("refused"));
        await new Promise(done => setTimeout(done, 100));
        return [states, server.asked.length];
    """)

    assert seen == [["connecting", "refused"], 1]


def test_paints_are_few_and_hold_the_last_of_each_kind(scripted: Lib) -> None:
    seen = scripted("""
        const { live } = await load("lib/live"), { scope } = await load("lib/signal");
        const paints = [];
        const [, end] = scope(() => live({ events: "job.status", paint: frames => paints.push(frames.map(it => [it.data.job_id, it.data.n])) }));
        await soon(() => server.streams.length);
        for (let n = 0; n < 40; n++) server.streams[0].say(frame("job.status", { job_id: n % 2 ? "a" : "b", n }));
        await soon(() => paints.length);
        end();
        return paints;
    """)

    assert seen == [[["b", 38], ["a", 39]]]


def test_nothing_is_painted_under_a_hand(scripted: Lib) -> None:
    seen = scripted("""
        const { live, held } = await load("lib/live"), { scope } = await load("lib/signal");
        const paints = [], quiet = () => new Promise(done => setTimeout(done, 600));
        const [, end] = scope(() => live({ paint: frames => paints.push(frames.length) }));
        await soon(() => server.streams.length);
        const say = () => server.streams[0].say(frame("job.status", { job_id: String(Math.random()) }));
        const counts = [];
        dispatchEvent(new Event("pointerdown")); say(); await quiet(); counts.push(paints.length);
        dispatchEvent(new Event("pointerup")); await soon(() => paints.length === 1); counts.push(paints.length);
        held.value = true; say(); await quiet(); counts.push(paints.length);
        held.value = false; await soon(() => paints.length === 2); counts.push(paints.length);
        end();
        return counts;
    """)

    assert seen == [0, 1, 1, 2]


def test_a_flood_is_read_now_and_then_instead(scripted: Lib) -> None:
    seen = scripted("""
        const { live, mark } = await load("lib/live"), { scope } = await load("lib/signal");
        let reads = 0, n = 0;
        const [, end] = scope(() => live({ events: "job.status", paint: () => {}, read: () => reads++ }));
        await soon(() => server.streams.length);
        const pour = setInterval(() => {
          const text = Array.from({ length: 100 }, () => frame("job.status", { job_id: String(n++) })).join("");
          try { server.streams[0].say(text); } catch { clearInterval(pour); }
        }, 50);
        await soon(() => mark.value === "busy");
        clearInterval(pour);
        const asked = server.asked.map(it => it.query.events);
        end();
        return [mark.value, asked];
    """)

    assert seen == ["none", ["job.status", "queue.stats"]]


def test_after_three_breaks_it_polls(scripted: Lib) -> None:
    seen = scripted("""
        const { live, mark } = await load("lib/live"), { scope } = await load("lib/signal");
        server.next = [{ status: 500 }, { status: 500 }, { status: 500 }];
        const [, end] = scope(() => live({ paint: () => {} }));
        const is = await soon(() => mark.value === "polling");
        await soon(() => mark.value === "live");
        const after = mark.value;
        end();
        return [is, after];
    """)

    assert seen == [True, "live"]
