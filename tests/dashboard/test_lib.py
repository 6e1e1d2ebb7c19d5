"""Units of `lib/`: how things are written, where one is, what was read, which key does what."""

from collections.abc import Callable
from typing import Any

Lib = Callable[[str], Any]


def test_numbers_durations_and_sizes(lib: Lib) -> None:
    seen = lib("""
        const { count, short, span, percent, bytes, plural } = await load("lib/format");
        return [count(1284301), short(99999), short(1284301), percent(0.42), percent(0.004), bytes(52), bytes(1536),
          [0.4, 640, 4100, 12400, 90000, 5460000, 180000000].map(span), span(null), plural(1, "job"), plural(2, "job")];
    """)

    assert seen == [
        *("1,284,301", "99,999", "1.3M", "42 %", "< 1 %", "52 bytes", "1.5 KiB"),
        ["0 ms", "640 ms", "4.1 s", "12 s", "1 min 30 s", "1 h 31 min", "2 d 2 h"],
        *("\u2013", "1 job", "2 jobs"),
    ]


def test_times_are_of_the_server_and_of_the_zone_that_was_chosen(lib: Lib) -> None:
    seen = lib("""
        const { learn, nowMs } = await load("lib/clock"), { zone } = await load("lib/prefs");
        const { stampText, dayText, agoText } = await load("lib/format");
        const at = Date.parse("2026-11-29T03:12:40.120Z");
        learn(at + 4000);
        const seen = [stampText(at), dayText(at), agoText(at), agoText(at + 3600_000), agoText(at - 86400_000 * 3)];
        zone.value = "local";
        return [...seen, stampText(at).endsWith("UTC"), Math.abs(nowMs() - at - 4000) < 5000];
    """)

    assert seen[:2] == ["2026-11-29 03:12:40.120 UTC", "29 Nov 03:12"]
    assert seen[2] in ("4 s ago", "5 s ago")
    assert seen[3] in ("in 59 min 56 s", "in 59 min 55 s")
    assert seen[4] == "26 Nov 03:12"
    assert seen[6]


def test_an_address_is_a_page_and_its_filters(lib: Lib) -> None:
    seen = lib("""
        const { route, link, go, setQuery, queryOf } = await load("lib/router");
        location.hash = "#/queues/a%2Fb?status=x%26y&q=1";
        await new Promise(done => setTimeout(done, 50));
        const seen = [route.value.parts, route.value.query, link(["queues", "a/b"], { q: "x&y", none: null })];
        go("jobs");
        const steps = history.length, status = queryOf("status");
        setQuery({ status: "dead" }); setQuery({ status: "deadletter" });
        return [...seen, status.value, history.length - steps, location.hash];
    """)

    assert seen == [
        ["queues", "a/b"],
        {"status": "x&y", "q": "1"},
        "#/queues/a%2Fb?q=x%26y",
        *("deadletter", 1, "#/jobs?status=deadletter"),
    ]


def test_what_was_read_stays_when_the_next_read_fails(lib: Lib) -> None:
    seen = lib("""
        const { resource, rows } = await load("lib/store"), { scope } = await load("lib/signal");
        let answer = async () => [{ id: "a", n: 1 }, { id: "b", n: 1 }], last = null;
        const [it, end] = scope(() => rows(signal => { last = signal; return answer(); }));
        const states = [it.state.value];
        await it.read(); states.push(it.state.value);
        it.patch("a", { n: 2 }); it.add([{ id: "b", n: 9 }, { id: "c", n: 1 }]);
        const all = it.all().map(each => each.id + each.n);
        answer = async () => { throw new Error("no"); };
        await it.read(); states.push(it.state.value);
        answer = () => new Promise(() => {});
        it.read(); end();
        return { states, all, kept: it.ids.value, error: it.error.value.message, isEnded: last.aborted };
    """)

    assert seen == {
        "states": ["loading", "ready", "stale"],
        "all": ["a2", "b1", "c1"],
        "kept": ["a", "b", "c"],
        "error": "no",
        "isEnded": True,
    }


def test_keys_belong_to_what_is_there(lib: Lib) -> None:
    seen = lib("""
        const { keys } = await load("lib/keys"), { scope } = await load("lib/signal"), { hasKeys } = await load("lib/prefs");
        const seen = [];
        const press = (key, more = {}, target = document.body) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
        const put = text => () => { seen.push(text); };
        keys("a", { j: ["", put("outer")], "g h": ["", put("home")], "Shift+x": ["", put("range")], Escape: ["", put("escape")] });
        const [, end] = scope(() => keys("b", { j: ["", put("inner")] }));
        press("j"); end(); press("j"); press("g"); press("h"); press("X", { shiftKey: true }); press("j", { ctrlKey: true });
        const field = document.body.appendChild(document.createElement("input"));
        press("j", {}, field); press("Escape", {}, field);
        hasKeys.value = false; press("j");
        hasKeys.value = true;
        return seen;
    """)

    assert seen == ["inner", "outer", "home", "range", "escape"]


def test_a_word_may_be_implied(lib: Lib) -> None:
    seen = lib("""
        const { may, me } = await load("lib/session");
        const can = (permissions, word) => { me.value = { permissions, queues: [] }; return may(word); };
        return [can(["*"], "jobs:delete"), can(["jobs:write"], "jobs:read"), can(["jobs:write"], "queues:write"),
          can(["queues:read"], "queues:write"), can(["queues:admin"], "queues:write"), can(["jobs:write"], "webhooks:read"),
          can(["jobs:write"], "jobs:delete"), can(["jobs:*"], "jobs:delete")];
    """)

    assert seen == [True, True, True, False, True, False, False, True]


def test_a_command_says_the_call_without_the_key(lib: Lib) -> None:
    seen = lib("""
        const { curl } = await load("lib/api");
        return curl("POST", "/jobs", { body: { payload: { text: "it's" } } });
    """)

    assert seen.splitlines()[1:] == [
        '  -H "Authorization: Bearer $SPOOLED_API_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        """  -d '{"payload":{"text":"it'\\''s"}}'""",
    ]
    assert seen.startswith("curl -X POST 'http://127.0.0.1:")
