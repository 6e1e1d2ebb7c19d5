"""What is drawn of data: charts, lives, reasons, JSON, graphs. By keyboard, and whatever the text is."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

Lib = Callable[[str], Any]

HOSTILE: Final = "<img src=x onerror=alert(1)>\u202ejavascript:alert(1)\u200b"
HERE: Final = """
    const { mount, el } = await load("lib/dom"), { signal } = await load("lib/signal");
    const show = make => mount(document.body, make);
"""

CHART: Final = """
    const { chart, crosshair } = await load("parts/chart"), over = crosshair(), at = [0, 1, 2, 3].map(n => 1795900000 + 60 * n);
    window.ranges = [];
    const one = label => chart({ label, at: () => at, over, onrange: (from, to) => ranges.push([from, to]),
      stacks: () => [{ name: "completed", tone: "completed", values: [5, 3, null, 8] }],
      lines: () => [{ name: "created", tone: "created", values: [1, null, null, 40] }],
      marks: () => [{ at: at[3], text: "paused" }] });
    show(() => [one("First"), one("Second")]);
"""


def test_arrow_keys_speak_the_values_and_all_charts_show_the_moment(lib: Lib, page: Page) -> None:
    lib(HERE + CHART)
    page.get_by_role("group", name="First").focus()

    page.keyboard.press("End")
    expect(page.locator(".chart [aria-live]").first).to_have_text(
        "21:09:40: completed 8, created 40, paused"
    )
    assert page.locator(".legend b").all_inner_texts() == ["8", "40", "8", "40"]
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".chart [aria-live]").first).to_have_text(
        "21:08:40: completed none, created none"
    )


def test_two_marks_or_a_drag_choose_a_range(lib: Lib, page: Page) -> None:
    lib(HERE + CHART)
    page.get_by_role("group", name="First").focus()

    for key in ("Home", "m", "ArrowRight", "m"):
        page.keyboard.press(key)
    box = page.locator(".plot").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 50, steps=4)
    page.mouse.up()

    first = 1_795_900_000_000
    assert page.evaluate("ranges") == [[first, first + 120_000], [first, first + 240_000]]


def test_a_chart_is_a_table_too_and_a_gap_is_no_zero(lib: Lib, page: Page) -> None:
    lib(HERE + CHART)

    page.get_by_role("button", name="As table: First").click()

    rows = page.get_by_role("region", name="First, as a table").get_by_role("row")
    assert [row.split("\t") for row in rows.all_inner_texts()] == [
        ["Time", "completed", "created"],
        ["21:09", "8", "40"],
        ["21:08", "none", "none"],
        ["21:07", "3", "none"],
        ["21:06", "5", "1"],
    ]
    paths = [str(path.get_attribute("d")) for path in page.locator("path.l-created").all()]
    assert paths[0].count("M") == 2
    assert "NaN" not in page.locator(".chart svg").first.inner_html()


@pytest.mark.parametrize("top", [0, 1, 3, 7, 99, 101, 12_345, 1e9])
def test_an_axis_begins_at_zero_and_holds_all(lib: Lib, top: float) -> None:
    ticks = lib(f'return (await load("parts/chart")).ticksTo({top})')

    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert 2 <= len(ticks) <= 6
    assert all(isinstance(tick, int) for tick in ticks)


def test_hostile_json_is_text_and_masked_names_are_dots_until_held(lib: Lib, page: Page) -> None:
    text = '{"big":12345678901234567890,"password":{"a":"hunter2"},"__proto__":1,%s:[%s],"l":"\\ud800"}' % (
        (json.dumps(HOSTILE, ensure_ascii=False),) * 2
    )  # fmt: skip
    lib(f"""{HERE}
        const {{ jsonView }} = await load("parts/json_view");
        show(() => jsonView({json.dumps(text)}, {{ name: "Payload" }}));
    """)
    body = page.get_by_role("region", name="Payload")

    shown = body.inner_text()
    assert "12345678901234567890" in shown
    assert "<img src=x onerror=alert(1)>\\u202ejavascript:alert(1)\\u200b" in shown
    assert '"__proto__": 1' in shown
    assert "hunter2" not in shown
    assert page.locator("img, a").count() == 0
    page.get_by_role("button", name="Hold to see").focus()
    page.keyboard.down(" ")
    expect(body).to_contain_text("hunter2")
    page.keyboard.up(" ")
    expect(body).not_to_contain_text("hunter2")


def test_long_json_is_folded_and_very_long_is_in_pages(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}
        const {{ jsonView }} = await load("parts/json_view");
        const all = Array.from({{ length: 20000 }}, (_, n) => ({{ n, deep: [1, 2] }}));
        show(() => jsonView(JSON.stringify({{ all, long: "x".repeat(300000) }}), {{ name: "Payload" }}));
    """)
    lines = page.locator(".json-line")

    assert lines.count() == 4
    page.locator('[data-line="1"] .fold').click()
    expect(lines).to_have_count(500)
    page.get_by_role("button", name="Next lines").click()
    expect(page.locator(".json-view [role=status]")).to_contain_text("501 to 1,000 of")
    page.get_by_role("button", name="Fold all", exact=True).click()
    expect(lines).to_have_count(4)
    page.get_by_role("button", name="… 298,002 more characters").click()
    expect(page.get_by_role("button", name="… 232,466 more characters")).to_be_visible()


def test_a_mebibyte_of_brackets_is_shown_without_trouble(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}
        const {{ jsonView, textView }} = await load("parts/json_view"), half = 1 << 19;
        show(() => [jsonView("[".repeat(half) + "]".repeat(half), {{ name: "Deep" }}),
          jsonView("{{ no JSON", {{ name: "Text" }}), textView("a\\n".repeat(half), {{ name: "Lines" }})]);
    """)

    assert page.get_by_role("region", name="Deep").locator(".json-line").count() == 199
    assert page.get_by_role("region", name="Text").inner_text() == "{ no JSON"
    assert page.get_by_role("region", name="Lines").locator(".json-line").count() == 500


def test_the_editor_says_where_the_error_is_and_what_is_different(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}
        const {{ editor }} = await load("parts/editor"), text = signal('{{"a": 1, "big": 12345678901234567890}}');
        show(() => editor(text, {{ before: () => '{{"a":2,"big":12345678901234567890}}' }}));
    """)
    field = page.get_by_label("Payload", exact=True)
    differences = page.get_by_role("region", name="Differences against the original")

    expect(differences.locator("del")).to_have_text('Taken away: -   "a": 2,')
    expect(differences.locator("ins")).to_have_text('Added: +   "a": 1,')
    field.fill('{"a": 2,\n "big"; 1}')
    expect(page.get_by_role("status")).to_contain_text("Line 2, column 7: A colon is missing.")
    page.get_by_role("button", name="Go there").click()
    assert field.evaluate("it => [it.selectionStart, it.selectionEnd]") == [15, 16]
    field.fill('{"a":2,"big":12345678901234567890}')
    expect(differences).to_have_text("Nothing is different.")
    page.get_by_role("button", name="Indent").click()
    expect(field).to_have_value('{\n  "a": 2,\n  "big": 12345678901234567890\n}')


def test_a_life_is_waits_and_attempts(lib: Lib) -> None:
    parts = lib("""
        const { partsOf } = await load("parts/life");
        const row = (event_type, s, details = {}, worker_id = null) => ({ event_type, details, worker_id, created_at: new Date(s * 1000).toISOString() });
        return partsOf([row("created", 0, { status: "pending" }), row("claimed", 4, {}, "w-1"), row("failed", 34, { error: "E" }),
          row("retried", 34, { next_run: new Date(64000).toISOString(), reason: "E" }), row("claimed", 64), row("released", 65), row("claimed", 66),
          row("failed", 70, { error: "lease ended" }), row("deadlettered", 70), row("retried", 90, { reason: "by call" }), row("claimed", 91)], 99000)
          .map(it => [it.label, it.text, (it.to - it.from) / 1000, it.isOpen]);
    """)

    assert parts == [
        ["Waiting", "", 4, False],
        ["Attempt 1", "failed", 30, False],
        ["Backoff", "", 30, False],
        ["Attempt 2", "given back", 1, False],
        ["Waiting", "", 1, False],
        ["Attempt 2", "failed, dead letter", 4, False],
        ["Retried by hand", "", 1, False],
        ["Attempt 3", "", 8, True],
    ]


def test_every_reason_has_its_sentence(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}
        const {{ why }} = await load("parts/why"), at = new Date(Date.now() + 90500).toISOString();
        const reasons = [{{ code: "queue_paused", since: at, text: {json.dumps(HOSTILE)} }}, {{ code: "not_due", until: at, why: "backoff" }},
          {{ code: "not_due", until: at, why: "delay" }},
          {{ code: "waits_for_parents", mode: "any", count: 22, parents: [{{ job_id: "9a65616c-1", status: "pending" }}] }},
          {{ code: "rate_limit_full", limit: 5, until: at }}, {{ code: "concurrency_full", limit: 5, processing: 5 }},
          {{ code: "behind_others", higher: 12, older: 1928, is_more: false }}, {{ code: "no_worker" }}, {{ code: "expires_before", until: at }},
          {{ code: "held", worker_id: "w-1", since: at, until: at }}, {{ code: "told_to_stop", text: "wrong" }},
          {{ code: "finished", status: "deadletter", at }}, {{ code: "constructor" }}];
        show(() => why(() => ({{ state: "waiting", queue_name: "charges", reasons, clear: ["suspended"], per_minute: 0.2, starts_in_seconds: 1920, workers: 4 }})));
    """)

    said = page.locator(".why li").all_inner_texts()
    for expected in (
        "the queue charges is paused",
        "“<img src=x onerror=alert(1)>\\u202ejavascript:alert(1)\\u200b”",
        "waits for its next attempt, due in 1 min",
        "was created for later",
        "waits for one of 22 parents: 9a65616c (pending) and 21 more",
        "at most; room again",
        "5 of 5 jobs of the queue run",
        "12 jobs of a higher priority and 1,928 older jobs ahead",
        "no worker is there",
        "expires before it starts",
        "held by w-1",
        "told to stop: “wrong”",
        "it is a dead letter",
        "starts in about 32 min, at 0.2 jobs a minute",
        "not suspended",
    ):
        assert any(expected in line for line in said), expected
    assert page.locator("img").count() == 0


def test_a_secret_is_seen_only_while_it_is_held(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}
        const {{ secret }} = await load("parts/secret");
        show(() => secret("sk_live_abcdefgh1234", {{ name: "API key" }}));
    """)
    shown = page.get_by_role("group", name="API key").locator("code")

    expect(shown).to_have_text("••••••••1234")
    hold = page.get_by_role("button", name="Hold to see")
    hold.hover()
    page.mouse.down()
    expect(shown).to_have_text("sk_live_abcdefgh1234")
    page.mouse.up()
    expect(shown).to_have_text("••••••••1234")


GRAPH: Final = """
    const { graph, stepList } = await load("parts/graph");
    const step = name => ({ id: name, name, note: "etl", href: `#/jobs/${name}` });
    const states = signal({ clean: "completed" }), stateOf = id => states.value[id] ?? "pending";
"""


def test_arrow_keys_walk_along_the_edges_of_a_graph(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}{GRAPH}
        const hostile = {{ ...step({json.dumps(HOSTILE)}), href: "javascript:alert(1)" }};
        const given = {{ steps: () => [..."abc"].map(step).concat(hostile), edges: () => [["a", "b"], ["a", "c"], ["b", hostile.id]], stateOf }};
        show(() => [graph(given), stepList(given)]);
        window.change = () => {{ states.value = {{ a: "completed" }}; }};
    """)
    at = "document.activeElement.dataset.step"
    page.locator('[data-step="a"]').focus()

    page.keyboard.press("ArrowRight")
    assert page.evaluate(at) in {"b", "c"}
    page.locator('[data-step="c"]').focus()
    page.keyboard.press("ArrowUp" if page.evaluate(at) == "c" else "ArrowDown")
    assert page.evaluate(at) in {"b", "c"}
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(at) == "a"
    name = page.locator('[data-step="b"]').get_attribute("aria-label")
    assert name == "b: Pending, waits for a"
    page.evaluate("change()")
    expect(page.locator('[data-step="a"]')).to_have_attribute("aria-label", "a: Completed")
    assert page.evaluate(at) == "a"
    expect(page.locator("path.edge.met")).to_have_count(2)
    hrefs = page.locator("a").evaluate_all("all => all.map(it => it.getAttribute('href'))")
    assert "javascript:alert(1)" not in hrefs


def test_alike_steps_fold_and_those_that_failed_stay_in_sight(lib: Lib, page: Page) -> None:
    lib(f"""{HERE}{GRAPH}
        const parts = Array.from({{ length: 1000 }}, (_, n) => `p${{n}}`);
        states.value = {{ p777: "failed" }};
        show(() => graph({{ steps: () => ["clean", ...parts].map(step), edges: () => parts.map(it => ["clean", it]), stateOf }}));
    """)

    assert page.locator(".node").count() == 13
    expect(page.locator('[data-step="p777"]')).to_be_visible()
    page.get_by_role("button", name="989 more like these: show 100 of them").press("Enter")
    expect(page.locator(".node")).to_have_count(113)


def test_of_very_many_edges_only_those_of_the_step_one_is_at_are_drawn(
    lib: Lib, page: Page
) -> None:
    lib(f"""{HERE}{GRAPH}
        const ids = Array.from({{ length: 80 }}, (_, n) => `s${{n}}`), edges = [];
        for (let a = 0; a < 70; a++) for (let b = a + 1; b < 80; b++) edges.push([ids[a], ids[b]]);
        show(() => graph({{ steps: () => ids.map(step), edges: () => edges, stateOf }}));
    """)

    assert page.locator("path.edge").count() == 0
    page.locator('[data-step="s69"]').focus()
    expect(page.locator("path.edge")).to_have_count(79)


TIMELINE: Final = """
    const { timeline, longestChain } = await load("parts/timeline");
    const one = (id, from, to) => ({ id, name: id, href: `#/jobs/${id}`, from, to });
    const steps = [one("later", null, null), one("report", 50, 60), one("eu", 0, 10), one("us", 5, 40), one("side", 0, 45)];
    const edges = [["eu", "report"], ["us", "report"], ["report", "later"]];
"""


def test_the_chain_that_took_longest_goes_back_by_what_ended_last(lib: Lib) -> None:
    chain = lib(f"""{TIMELINE}
        return [[...longestChain(steps, edges, 100)], [...longestChain([], [], 0)], [...longestChain([one("a", 0, null), one("b", 1, 2)], [["b", "a"], ["a", "b"]], 5)]];
    """)

    assert chain == [["report", "us"], [], ["a", "b"]]


def test_a_timeline_begins_with_what_began_first_and_follows_what_runs(
    lib: Lib, page: Page
) -> None:
    lib(f"""{HERE}{TIMELINE}
        window.clock = signal(1000);
        const running = {{ ...one("now", 500, null), name: {json.dumps(HOSTILE)} }};
        show(() => timeline({{ steps: () => [...steps, running], edges: () => edges, stateOf: () => "completed", now: () => clock.value }}));
    """)

    names = page.locator(".timeline .of").all_inner_texts()
    assert names[0] in {"eu", "side"}
    assert names[-2:] == ["<img src=x onerror=alert(1)>\\u202ejavascript:alert(1)\\u200b", "later"]
    expect(page.locator(".timeline .longest")).to_have_count(1)
    expect(page.locator(".timeline li").nth(4)).to_contain_text("500 ms")
    page.evaluate("clock.value = 2500")
    expect(page.locator(".timeline li").nth(4)).to_contain_text("2.0 s")
    assert page.locator(".timeline li").nth(5).locator("i").count() == 0
