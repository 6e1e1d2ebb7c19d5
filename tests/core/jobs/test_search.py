"""Searching jobs a window at a time: what is found, in which order, and how far it looked."""

import json
from typing import Any

import pytest

from spooled_lite.core.jobs import search as searching
from spooled_lite.core.jobs.choice import Choice
from spooled_lite.core.jobs.excerpts import CHARS_MAX, CUT, excerpt
from spooled_lite.core.jobs.payload_path import path_search
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.search import BEFORE_ALL, Place, Search, find_named, search_window
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.settle import complete, fail
from tests.core.job_stage import JobStage
from tests.factories import a_job

HOLDER = Claimant()


def a_search(text: str = "", **more: Any) -> Search:
    of_search = {name: more.pop(name) for name in ("at_path", "where") if name in more}
    return Search(choice=Choice(**{"statuses": (), **more}), text=text, **of_search)


def searched(
    stage: JobStage, search: Search, scope: Scope = ALL_QUEUES, rows_max: int = 100
) -> list[tuple[str, str, str]]:
    """All that is found, window by window: ids, where, and what stands around it."""
    place: Place | None = BEFORE_ALL
    found: list[tuple[str, str, str]] = []
    while place is not None:
        window = stage.read(search_window, stage.org, search, scope, place, rows_max=rows_max)
        assert len(window.found) <= rows_max
        found += [(each.row["id"], each.where, each.excerpt) for each in window.found]
        place = window.place
    return found


def ids(stage: JobStage, text: str, scope: Scope = ALL_QUEUES, **more: Any) -> list[str]:
    return [each[0] for each in searched(stage, a_search(text, **more), scope)]


def a_payload(value: Any, **how: Any) -> bytes:
    return json.dumps(value, **how).encode()


def test_payload_result_and_error_are_searched_newest_first(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=60.0)
    first = stage.enqueue(payload=b'{"customer":"cus_81x"}')["id"]
    taken = stage.take()
    stage.run(complete, stage.org, taken["id"], HOLDER, b'{"receipt":"r-77"}', ALL_QUEUES)
    stage.clock.advance(seconds=1)
    failed = stage.enqueue(payload=b'{"customer":"cus_9"}')["id"]
    failed_now = stage.take()["id"]
    stage.run(fail, stage.org, failed_now, HOLDER, "cus_81x is unknown", ALL_QUEUES, may_retry=True)

    assert searched(stage, a_search("cus_81x")) == [
        (failed, "last_error", "cus_81x is unknown"),
        (first, "payload", '{"customer":"cus_81x"}'),
    ]
    assert searched(stage, a_search("r-77")) == [(first, "result", '{"receipt":"r-77"}')]
    assert ids(stage, "cus_81x", where=["payload"]) == [first]
    assert ids(stage, "r-77", where=["payload", "last_error"]) == []
    assert ids(stage, "CUS_81X") == []


@pytest.mark.parametrize(
    "text", ["100%", "a_b", "it's", '"q"', "\0", "\\", "a/b", "<&>", "Zoë", "👩‍👧"]
)
@pytest.mark.parametrize("how", [{}, {"ensure_ascii": False}])
def test_a_text_is_found_as_it_is_and_as_json_writes_it(
    stage: JobStage, text: str, how: dict[str, Any]
) -> None:
    job = stage.enqueue(payload=a_payload({"a": f"x{text}y"}, **how))["id"]
    stage.enqueue(payload=a_payload({"a": "100x aXb its q Zoe"}))

    assert ids(stage, text) == [job]


def test_a_text_is_found_as_other_programs_write_it(stage: JobStage) -> None:
    for payload in (b'"\\u00FC/x"', b'"\\u00fc\\/x"', b'"\xc3\xbc/x"', b'"\\u00fc/x"'):
        stage.enqueue(payload=payload)

    assert len(ids(stage, "ü/x")) == 4
    assert stage.enqueue(payload=b'"\\u003cb\\u003e"')["id"] in ids(stage, "<b>")


def test_large_bodies_are_searched_like_small_ones(stage: JobStage) -> None:
    filling = "é" * 40_000
    job = stage.enqueue(payload=a_payload({"a": filling, "b": "needle", "c": filling}))["id"]
    stage.take()
    stage.run(complete, stage.org, job, HOLDER, a_payload([filling, "thread"]), ALL_QUEUES)
    stage.enqueue(payload=a_payload({"a": filling}))

    [(found, where, shown)] = searched(stage, a_search("needle"))

    assert (found, where) == (job, "payload")
    assert '"b": "needle", "c"' in shown
    assert len(shown) <= CHARS_MAX + 2
    assert searched(stage, a_search("thread"))[0][:2] == (job, "result")
    assert ids(stage, "thread", where=["payload"]) == []
    wanted = path_search("b", "needle")
    assert searched(stage, a_search(at_path=wanted)) == [(job, "payload", 'b: "needle"')]


def test_a_path_finds_only_what_stands_there(stage: JobStage) -> None:
    stage.enqueue(payload=b'{"other":{"id":42},"customer":{"id":43}}')
    job = stage.enqueue(payload=b'{"customer":{"id":42}}')["id"]
    text = stage.enqueue(payload=b'{"customer":{"id":"42"}}')["id"]

    def found(equals: str) -> list[str]:
        return ids(stage, "", at_path=path_search("customer.id", equals))

    assert found("42") == [text, job]
    assert found('"42"') == [text]
    assert found("44") == []


def test_filters_keep_others_out(stage: JobStage) -> None:
    stage.enqueue(payload=b'"needle"')
    stage.clock.advance(seconds=1)
    later_ms = stage.clock.now_ms()
    job = stage.enqueue("charges", payload=b'"needle"', job_type="capture", tags=b'["eu"]')["id"]
    dead = stage.dead_letter(payload=b'"needle"')["id"]
    all_after = [dead, job]

    assert ids(stage, "needle", created_after_ms=later_ms) == all_after
    assert ids(stage, "needle", queue_name="charges") == [job]
    assert ids(stage, "needle", queue_name="no such") == []
    assert ids(stage, "needle", job_type="capture") == [job]
    assert ids(stage, "needle", tag="eu") == [job]
    assert ids(stage, "needle", statuses=["deadletter"]) == [dead]
    assert ids(stage, "needle", statuses=["deadletter"], queue_name="charges") == []
    assert ids(stage, "needle", statuses=["deadletter", "completed"]) == [dead]
    assert ids(stage, "needle", Scope(["charges"])) == [job]
    assert ids(stage, "needle", Scope(["charges"]), queue_name="emails") == []


@pytest.mark.parametrize("rows_max", [1, 2, 100])
@pytest.mark.parametrize("queue_name", [None, "emails"])
@pytest.mark.parametrize("bytes_max", [1, 3_000, 1_000_000])
def test_windows_leave_nothing_out_and_give_nothing_twice(
    stage: JobStage,
    monkeypatch: pytest.MonkeyPatch,
    rows_max: int,
    queue_name: str | None,
    bytes_max: int,
) -> None:
    monkeypatch.setattr(searching, "WINDOW_ROWS", 3)
    monkeypatch.setattr(searching, "WINDOW_BODY_BYTES_MAX", bytes_max)
    needle, large = b'"needle"', a_payload("needle" + "x" * 2_500)
    stage.bulk(*(a_job(payload=needle if n % 2 else b"0") for n in range(7)))
    stage.clock.advance(seconds=1)
    stage.bulk(*(a_job(payload=large if n % 2 else b'"none"') for n in range(5)))
    expected = stage.rows(
        "SELECT id FROM jobs WHERE payload = :needle OR payload_bytes IS NOT NULL"
        " ORDER BY created_at_ms DESC, seq DESC",
        needle=needle,
    )
    search = a_search("needle", queue_name=queue_name)

    looked_at, place, found = 0, BEFORE_ALL, list[str]()
    while True:
        window = stage.read(search_window, stage.org, search, ALL_QUEUES, place, rows_max=rows_max)
        found += [each.row["id"] for each in window.found]
        looked_at += window.looked_at
        if window.place is None:
            break
        assert window.place != place
        place = window.place

    assert found == [row["id"] for row in expected]
    assert looked_at == 12


def test_a_key_of_some_queues_is_told_nothing_of_others(stage: JobStage) -> None:
    mine = stage.enqueue("charges", payload=b'"needle"')
    stage.clock.advance(seconds=1)
    stage.enqueue("emails", payload=b'"needle"')

    window = stage.read(
        search_window, stage.org, a_search("needle"), Scope(["charges"]), BEFORE_ALL, rows_max=9
    )

    assert [each.row["id"] for each in window.found] == [mine["id"]]
    assert (window.looked_at, window.oldest_ms) == (1, mine["created_at_ms"])


def test_id_and_key_are_found_by_index(stage: JobStage) -> None:
    job = stage.enqueue("charges", idempotency_key="order-7")["id"]
    stage.enqueue()

    def named(text: str, scope: Scope = ALL_QUEUES, **more: Any) -> list[tuple[str, str]]:
        found = stage.read(find_named, stage.org, a_search(text, **more), scope, 10)
        return [(each.row["id"], each.where) for each in found]

    assert named(job) == named(job.upper()) == named(job[:9]) == [(job, "id")]
    assert named("order-7") == [(job, "idempotency_key")]
    assert named("order-") == named(job[:7]) == named("ORDER-7") == named("\0") == []
    assert named("order-7", where=["id", "payload"]) == []
    assert named("order-7", statuses=["completed"]) == []
    assert named(job, queue_name="emails") == named(job, Scope(["emails"])) == []


@pytest.mark.parametrize(
    ("text", "begin", "length", "shown"),
    [
        ("short", 0, 5, "short"),
        ("a" * 500, 0, 320, "a" * CHARS_MAX + CUT),
        ("é" * 100, 1, 21, CUT + "é" * 9 + CUT),
        ("x👩‍👧 yes", 5, 100, f"{CUT} yes"),
        ("e\u0301e\u0301e", 0, 6, "e\u0301" + CUT),
        ("\u0301\u0301", 2, 2, CUT),
    ],
)
def test_what_is_shown_cuts_no_character_in_two(
    text: str, begin: int, length: int, shown: str
) -> None:
    whole = text.encode()

    piece = whole[begin : begin + length]

    is_end = begin + length >= len(whole)
    assert excerpt(piece, is_begin=begin == 0, is_end=is_end) == shown
