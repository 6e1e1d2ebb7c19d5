"""Following events through breaks: where it goes on, what is not repeated, and when it gives up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from spooled_lite.cli.answer import ServerRefused, Unreachable
from spooled_lite.cli.client import Client
from spooled_lite.cli.watch.follow import AGAIN_SECONDS, AGAIN_SECONDS_MAX, follow


def frame(name: str, number: int | None = None) -> str:
    return f'event: {name}\ndata: {{"of": "{name}"}}\n' + (
        "\n" if number is None else f"id: {number}\n\n"
    )


@contextmanager
def streaming(*answers: str | int) -> Iterator[tuple[Client, list[str]]]:
    """A server that gives these streams in turn, or refuses with a status. Gives a client and the
    Last-Event-ID of each request."""
    left = list(answers)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("last-event-id", ""))
            said = left.pop(0) if left else 403
            self.send_response(said if isinstance(said, int) else 200)
            self.end_headers()
            self.wfile.write(b'{"message": "no"}' if isinstance(said, int) else said.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{server.server_address[1]}", {}) as client:
                yield client, asked
        finally:
            server.shutdown()
            thread.join(10)


def followed(*answers: str | int) -> tuple[list[str], list[str], list[str], list[float]]:
    """The names of what came until the server refused for good; the ids that were sent; what was
    said; how long it waited."""
    found: list[str] = []
    said: list[str] = []
    waits: list[float] = []
    with streaming(*answers) as (client, asked):
        stream = follow(client, {}, said.append, pause=waits.append)
        with pytest.raises(ServerRefused) as refused:
            found.extend(each.name for each in stream)
        assert refused.value.status == 403
    return found, asked, said, waits


def test_a_stream_that_ends_is_taken_up_after_its_last_number() -> None:
    found, asked, said, _ = followed(frame("a", 4) + frame("b", 5) + frame("health"), frame("c", 6))

    assert found == ["a", "b", "health", "c"]
    assert asked == ["", "5", "6"]
    assert said == []


def test_of_a_change_that_was_cut_in_two_nothing_is_repeated() -> None:
    found, asked, _, _ = followed(
        frame("a", 4) + frame("started"), frame("started") + frame("status", 5) + frame("started")
    )

    assert found == ["a", "started", "status", "started"]
    assert asked[1] == "4"


def test_a_busy_server_is_asked_again_less_and_less_often() -> None:
    found, _, said, waits = followed(frame("a", 1), *[503] * 8, frame("b", 2))

    assert found == ["a", "b"]
    assert said == ["the stream was lost: no", "the stream is back"]
    assert waits[0] == AGAIN_SECONDS
    assert waits[1:8] == sorted(waits[1:8])
    assert max(waits) == AGAIN_SECONDS_MAX


@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_first_refusal_is_final(status: int) -> None:
    with streaming(status) as (client, asked), pytest.raises(ServerRefused):
        list(follow(client, {}, pytest.fail))

    assert len(asked) == 1


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with Client("http://127.0.0.1:9", {}) as client, pytest.raises(Unreachable):
        list(follow(client, {}, pytest.fail))


def test_an_endless_answer_of_something_else_is_unreachable() -> None:
    with streaming("x" * 3_000_000) as (client, _), pytest.raises(Unreachable, match="no stream"):
        list(follow(client, {}, pytest.fail))
