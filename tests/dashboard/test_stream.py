"""`lib/stream.js`: frames come whole, and nothing is lost over a break."""

import pytest

from tests.dashboard.scripted import SERVER, Lib


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


def test_a_read_that_finds_the_server_back_ends_the_wait(scripted: Lib) -> None:
    seen = scripted("""
        const { reachable } = await load("lib/api"), { openStream } = await load("lib/stream");
        server.next = Array.from({ length: 6 }, () => ({ status: 500 }));
        const breaks = [];
        const close = openStream("/events", {}, { onFrame: () => {}, onState: it => it === "broken" && breaks.push(it), onGap: () => {} });
        for (let n = 1; n < 6; n++) {
          await soon(() => breaks.length === n);
          reachable.value = false;
          reachable.value = true;
        }
        const is = await soon(() => breaks.length === 6);
        close();
        return is;
    """)

    assert seen  # waited for, the pauses alone are half a minute
