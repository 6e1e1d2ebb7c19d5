"""`spooled-lite events`: the lines, the filters, and text of others that would do something."""

import json
import time
from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.cli.client import Client
from spooled_lite.cli.watch.event_lines import ToldEvent, line_about
from spooled_lite.cli.watch.follow import follow
from spooled_lite.cli.watch.frames import SseFrame
from tests.cli.asking import Asking, Said, answering, ran

SECONDS_MAX: Final = 30.0


def test_the_last_events_are_printed_oldest_first(ask: Asking) -> None:
    first, second = ask.job("emails"), ask.job("charges")

    lines = ask.lines("events")

    assert [line.split()[1:] for line in lines] == [
        ["job.created", "emails", first, "pending"],
        ["job.created", "charges", second, "pending"],
    ]


def test_a_queue_a_job_and_a_kind_choose_events(ask: Asking) -> None:
    job = ask.job("emails")
    ask.job("charges")
    ask.world.call("POST", f"/jobs/{job}/cancel", {})

    assert {each["data"]["queue_name"] for each in ask.things("events", "--queue", "em*")} == {
        "emails"
    }
    kinds = [each["type"] for each in ask.things("events", "--job", job, "--type", "job.cancelled")]
    assert kinds == ["job.cancelled"]
    last = ask.things("events", "--limit", 1)  # one change, of which two events tell
    assert [each["type"] for each in last] == ["job.cancelled", "job.status"]


def test_a_limit_and_following_exclude_each_other(ask: Asking) -> None:
    answer = ask("events", "--follow", "--limit", 3, code=2)

    assert "--limit" in answer.output


def test_a_wrong_key_is_refused_before_anything_is_followed(ask: Asking) -> None:
    answer = ask("events", "--follow", "--api-key", "sk_test_nobody_at_all", code=1)

    assert "UNAUTHORIZED" in answer.output


def test_nobody_there_is_exit_code_3() -> None:
    assert ran("events", "-f", "--url", "http://127.0.0.1:9", "--api-key", "k").exit_code == 3


@pytest.mark.parametrize(
    ("kind", "data", "detail"),
    [
        ("job.completed", {"duration_ms": 1_240}, "1.2 s"),
        ("job.completed", {"duration_ms": 42}, "42 ms"),
        ("job.failed", {"error": "declined", "retry_count": 1}, "declined"),
        ("job.status", {"old_status": "", "new_status": "pending"}, "new → pending"),
        ("job.progress", {"progress": 40.0}, "40 %"),
        ("queue.stats", {"pending": 3, "processing": 1}, "3 pending, 1 processing"),
        ("queue.paused", {"reason": "holiday"}, "holiday"),
        ("job.created", {"duration_ms": "no number"}, ""),
    ],
)
def test_a_line_says_what_matters_of_an_event(
    kind: str, data: dict[str, object], detail: str
) -> None:
    assert ToldEvent.of(kind, json.dumps({"type": "x", "data": data})).detail == detail


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b2J", "a\nb", "\u202eevil", "\x07", "\x00"])
def test_text_of_others_never_reaches_the_terminal_as_it_is(text: str) -> None:
    data = {"queue_name": text, "job_id": text, "error": text, "timestamp": text}

    line = line_about(ToldEvent.of(text, json.dumps({"type": text, "data": data})))

    assert not set(line) & set("\x1b\x9b\n\u202e\x07\x00")


@pytest.mark.parametrize("body", ["null", "[]", "{", '{"data": 3}', '{"type": 1, "data": {}}'])
def test_an_event_that_cannot_be_read_is_a_line_with_little_in_it(body: str) -> None:
    assert line_about(ToldEvent.of("", body)).startswith("--:--:--")


def test_a_list_of_something_else_is_not_spooled() -> None:
    with answering(Said({"no": "list"})) as (url, _):
        assert ran("events", "--url", url, "--api-key", "k").exit_code == 3


def test_a_stream_that_the_server_ends_goes_on_where_it_was(ask: Asking) -> None:
    said: list[str] = []
    headers = {"Authorization": f"Bearer {ask.world.api_key}"}
    with Client(ask.world.url, headers) as client:
        found = follow(client, {"events": "job.created,system.health"}, said.append)
        assert next(found).name == "system.health"  # it is open
        jobs = [ask.job()]
        seen = [next(found)]
        ask.world.faults.add(on={"stream": "sse"}, do={"end_stream": "slow"}, times=1)
        jobs += [ask.job(), ask.job()]
        until = time.monotonic() + SECONDS_MAX
        while len(seen) < len(jobs):
            frame = next(found)  # health comes every few seconds, whatever is lost
            assert time.monotonic() < until, "events were lost"
            seen += [frame] if frame.name == "job.created" else []
        found.close()

    assert [ToldEvent.of(each.name, each.data).subject for each in seen] == jobs
    assert said == []


def test_following_ends_with_ctrl_c_and_that_is_no_failure(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def followed(*_: object) -> Iterator[SseFrame]:
        yield SseFrame("ping", "{}", "")
        yield SseFrame("queue.paused", '{"data": {"queue_name": "emails"}}', "7")
        raise KeyboardInterrupt

    monkeypatch.setattr("spooled_lite.cli.events.follow", followed)

    assert ask.lines("events", "--follow") == [
        line_about(ToldEvent("queue.paused", {"queue_name": "emails"}))
    ]
    assert ask.lines("events", "-f", "--json") == ['{"data": {"queue_name": "emails"}}']
    assert len(ask.lines("events", "-f", "--type", "ping", "--type", "queue.paused")) == 2
