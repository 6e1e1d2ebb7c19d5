"""`spooled-lite top`: what one look shows, of our server and of another, and what it hides."""

import importlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from spooled_lite.cli.answer import Unreachable
from spooled_lite.cli.client import Client
from spooled_lite.cli.watch.look import QueueSeen, ServerLook, ServerSeen, look_at
from spooled_lite.cli.watch.scrape import Scrape
from spooled_lite.cli.watch.screen import screen
from tests.cli.asking import Asking, Said, answering, ran

# The module, and not the command of the same name in it.
top_module = importlib.import_module("spooled_lite.cli.top")

OTHER = {
    "system": {"version": "2.0", "uptime_seconds": 90},
    "queues": [{"name": "emails", "pending": 3, "processing": 1, "paused": False}],
}


def drawn(look: ServerLook, *, columns: int = 160, lines: int = 30, trouble: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=columns, force_terminal=True, color_system=None)
    console.print(screen(look, columns=columns, lines=lines, trouble=trouble))
    return out.getvalue()


def a_look(*queues: QueueSeen, **figures: Any) -> ServerLook:
    server = ServerSeen(version="9", uptime_seconds=3_600 * 50, **figures)
    return ServerLook(at_ms=0, server=server, queues=queues, events=(), scrape=None, taken=0.0)


def test_one_look_shows_the_queues_and_the_server(ask: Asking) -> None:
    ask.job("emails")
    ask.job("emails")
    ask.job("charges")
    ask.world.call("POST", "/queues/charges/pause", {})

    said = ask("top", "--once").stdout

    assert "writer p99" in said
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert rows["emails"][:3] == ["2", "0", "0"]
    assert rows["charges"][:2] == ["(paused)", "1"]


def test_one_look_as_json_has_the_same_figures(ask: Asking) -> None:
    job = ask.job("emails")

    [line] = ask.lines("top", "--once", "--json")

    look = json.loads(line)
    assert [(each["queue_name"], each["waiting"]) for each in look["queues"]] == [("emails", 1)]
    assert look["server"]["file_bytes"] > 0
    assert [each["data"]["job_id"] for each in look["events"]] == [job]


def test_without_a_terminal_it_is_one_look(ask: Asking) -> None:
    assert "QUEUE" in ask("top").stdout


def test_another_server_shows_what_it_has() -> None:
    with answering(Said(OTHER), Said({"message": "no"}, 404)) as (url, _):
        said = ran("top", "--once", "--url", url, "--api-key", "k")

    assert said.exit_code == 0, said.output
    assert "emails" in said.stdout
    assert "no figures of the server" in said.stdout


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Said({"message": "no", "code": "UNAUTHORIZED"}, 401), 1), (Said({"what": "else"}), 3)],
)
def test_a_refusal_and_something_else_end_it(answer: Said, code: int) -> None:
    with answering(answer) as (url, _):
        assert ran("top", "--once", "--url", url, "--api-key", "k").exit_code == code


def test_nobody_there_is_exit_code_3() -> None:
    assert ran("top", "--url", "http://127.0.0.1:9", "--api-key", "k").exit_code == 3


def test_rates_are_of_the_time_between_two_looks(ask: Asking) -> None:
    headers = {"Authorization": f"Bearer {ask.world.api_key}"}
    with Client(ask.world.url, headers) as client:
        before = look_at(client, None)
        for _ in range(5):
            ask.job()
        after = look_at(client, before)

    seconds = after.taken - before.taken
    assert after.server.created_per_second == pytest.approx(5 / seconds)
    assert after.server.completed_per_second == 0


@pytest.mark.parametrize("name", ["\x1b[2J\x07", "[red]x[/red]", "a\nb", "名" * 40])
def test_names_of_others_are_shown_as_text_in_their_column(name: str) -> None:
    said = drawn(a_look(QueueSeen(queue_name=name, waiting=4)))

    assert "\x1b[2J" not in said
    assert "\x07" not in said
    [row] = [line for line in said.splitlines() if " 4 " in line]
    assert row.split().index("4") <= 2  # in its column, next to the name
    if name.startswith("[red]"):
        assert "[red]x[/red]" in row


def test_as_many_queues_are_shown_as_fit_and_the_others_counted() -> None:
    queues = [QueueSeen(queue_name=f"q{each}") for each in range(40)]

    said = drawn(a_look(*queues), lines=14)

    assert "and 31 more" in said
    assert len(said.splitlines()) <= 14


def test_a_lost_server_is_named_above_what_was_known() -> None:
    said = drawn(a_look(QueueSeen(queue_name="emails")), trouble="it cannot be reached")

    assert "it cannot be reached" in said
    assert "emails" in said


def test_a_narrow_terminal_shows_the_queues_alone() -> None:
    assert "EVENT" not in drawn(a_look(), columns=80)
    assert "EVENT" in drawn(a_look(), columns=160)


def looking(*seen: ServerLook | BaseException) -> Callable[..., ServerLook]:
    """Looks at a server that find this, one after the other."""
    left = list(seen)

    def look(*_: object) -> ServerLook:
        found = left.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    return look


def test_a_server_that_stops_answering_leaves_the_last_figures(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = a_look(QueueSeen(queue_name="emails"))
    gone = Unreachable("nobody \x1b[2J answers " + "x" * 500)
    monkeypatch.setattr(top_module, "look_at", looking(known, gone, KeyboardInterrupt()))
    monkeypatch.setattr(top_module, "LOOK_SECONDS", 0)
    out = io.StringIO()
    terminal = Console(file=out, width=100, height=20, force_terminal=True, color_system=None)
    monkeypatch.setattr(top_module, "Console", lambda **_: terminal)

    ask("top")

    said = out.getvalue()
    last = said.rpartition("nobody")
    assert r"\x1b[2J answers" in last[2]
    assert "emails" in last[2]
    assert said.endswith("\x1b[?1049l")  # the screen as it was before


def test_json_goes_on_until_ctrl_c(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = looking(a_look(), a_look(), KeyboardInterrupt())
    monkeypatch.setattr(top_module, "look_at", looks)
    monkeypatch.setattr(top_module, "LOOK_SECONDS", 0)

    assert len(ask.lines("top", "--json")) == 2


HISTOGRAM = """\
# TYPE wait histogram
wait_bucket{le="0.1"} %s
wait_bucket{le="0.2"} %s
wait_bucket{le="+Inf"} %s
wait_count %s
"""


def test_a_quantile_is_of_what_came_since_the_look_before() -> None:
    before, after = Scrape.of(HISTOGRAM % (9, 9, 9, 9)), Scrape.of(HISTOGRAM % (9, 19, 19, 19))
    assert before is not None
    assert after is not None

    assert after.quantile("wait", 0.5, before) == pytest.approx(0.15)
    assert after.quantile("wait", 0.99, after) is None
    assert before.quantile("wait", 0.5, None) == pytest.approx(0.05)


@pytest.mark.parametrize("text", ["x" * 5_000_000, "{{{", "a b c d e f\n"])
def test_what_is_no_metrics_is_no_look(text: str) -> None:
    assert Scrape.of(text) is None
