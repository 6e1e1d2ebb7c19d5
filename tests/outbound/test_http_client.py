"""Posting: what each kind of receiver leads to, and how long it may take."""

import asyncio
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

import pytest

from spooled_lite.outbound import http_client
from spooled_lite.outbound.http_client import HttpClient, ReceiverAnswer
from tests.outbound.calls import a_client, post, with_client
from tests.outbound.receiver import CERTIFICATE, Receiver, path_of

SLACK_SECONDS: Final = 2.0  # the machine may be busy


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(certificate=CERTIFICATE) as it:
        yield it


def test_what_is_posted_arrives_and_is_answered(receiver: Receiver) -> None:
    answer = post(receiver.url("ok", "arrives?x=ü&y=/"), body=b'{"a":"\xc3\xbc"}')

    [request] = receiver.requests("/ok/arrives?x=%C3%BC&y=/")
    assert (request.method, request.body.encode("latin-1")) == ("POST", b'{"a":"\xc3\xbc"}')
    assert dict(request.headers) == {
        "host": f"127.0.0.1:{receiver.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "content-type": "application/json",
        "content-length": "10",
    }
    assert answer == ReceiverAnswer(
        status_code=200, reason="OK", body="ok", error=None, duration_ms=answer.duration_ms
    )
    assert answer.succeeded


@pytest.mark.parametrize(
    ("mode", "status", "reason", "error"),
    [
        ("201", 201, "Created", None),
        ("204", 204, "No Content", None),
        ("299", 299, "", None),
        ("300", 300, "Multiple Choices", "HTTP 300 Multiple Choices"),
        ("304", 304, "Not Modified", "HTTP 304 Not Modified"),
        ("400", 400, "Bad Request", "HTTP 400 Bad Request"),
        ("410", 410, "Gone", "HTTP 410 Gone"),
        ("500", 500, "Internal Server Error", "HTTP 500 Internal Server Error"),
        ("503", 503, "Service Unavailable", "HTTP 503 Service Unavailable"),
        ("599", 599, "", "HTTP 599"),
        ("999", 999, "", "HTTP 999"),
    ],
)
def test_only_a_2xx_is_a_success(
    receiver: Receiver, mode: str, status: int, reason: str, error: str | None
) -> None:
    answer = post(receiver.url(mode))

    assert (answer.status_code, answer.reason, answer.error) == (status, reason, error)
    assert answer.succeeded is (error is None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, status: int) -> None:
    elsewhere = receiver.url("ok", f"redirected-{status}")

    answer = post(receiver.url(f"{status} Location: {elsewhere}"))

    assert answer.status_code == status
    assert str(answer.error).startswith(f"HTTP {status} ")
    assert receiver.requests(f"/ok/redirected-{status}") == []


def test_a_wait_that_is_asked_for_is_told(receiver: Receiver) -> None:
    answer = post(receiver.url("429 Retry-After: 7"))
    twice = post(receiver.url("429 Retry-After: 7; Retry-After: 9"))
    long = post(receiver.url("429 Retry-After: " + "9" * 5_000))
    without = post(receiver.url("429"))

    assert (answer.error, answer.retry_after_seconds) == ("HTTP 429 Too Many Requests", 7)
    assert twice.retry_after_seconds == 9, "the last of several counts"
    assert long.retry_after_seconds == 60
    assert without.retry_after_seconds is None


# How each of these is answered, the time it is given, and the time it may take.
@pytest.mark.parametrize(
    ("mode", "total_seconds", "takes_seconds"),
    [
        ("hangs", 0.3, 0.3),
        ("drips", 0.5, 0.5),  # no single read is ever late
        ("drips-headers", 0.5, 0.5),
        ("continues", 10.0, 0.0),
        ("slow 5", 0.3, 0.3),
        ("resets", 10.0, 0.0),
        ("closes", 10.0, 0.0),
        ("garbage", 10.0, 0.0),
        ("truncates", 10.0, 0.0),
        ("huge-headers", 10.0, 0.0),
        ("many-headers", 10.0, 0.0),
    ],
)
def test_a_receiver_that_misbehaves_has_failed_in_time(
    receiver: Receiver, mode: str, total_seconds: float, takes_seconds: float
) -> None:
    began = time.monotonic()

    answer = post(receiver.url(mode, "timed"), total_seconds=total_seconds)

    took = time.monotonic() - began
    assert (answer.error, answer.status_code, answer.body) == ("Request failed", None, "")
    assert takes_seconds <= took < takes_seconds + SLACK_SECONDS
    assert takes_seconds * 1000 <= answer.duration_ms <= took * 1000 + 1


def test_an_endless_body_is_left_once_enough_is_read(receiver: Receiver) -> None:
    answer = post(receiver.url("endless", "left"))

    assert (answer.status_code, answer.error, answer.body) == (200, None, "x" * 500)
    assert answer.duration_ms < SLACK_SECONDS * 1000
    assert receiver.requests("/endless/left", count=1, over=True) != []  # it was hung up on


@pytest.mark.parametrize("mode", ["hangs", "drips"])
def test_a_receiver_that_was_given_up_is_hung_up_on(receiver: Receiver, mode: str) -> None:
    post(receiver.url(mode, "given-up"), total_seconds=0.2)

    assert receiver.requests(f"/{mode}/given-up", count=1, over=True) != []


def test_a_body_that_nobody_takes_is_given_up_in_time(receiver: Receiver) -> None:
    answer = post(receiver.url("unread"), body=b"x" * 16_000_000, total_seconds=0.5)

    assert answer.error == "Request failed"
    assert 500 <= answer.duration_ms < (0.5 + SLACK_SECONDS) * 1000


def test_a_connection_that_nobody_reads_is_given_up_in_time(receiver: Receiver) -> None:
    answer = post(receiver.url_of("deaf_port"), total_seconds=0.3)

    assert answer.error == "Request failed"
    assert 300 <= answer.duration_ms < (0.3 + SLACK_SECONDS) * 1000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connecting_has_a_limit_of_its_own(receiver: Receiver, scheme: str) -> None:
    # Over TLS the other side is there, and silent.
    port = {"http": "full_port", "https": "deaf_port"}[scheme]
    url = receiver.url_of(port).replace("http:", f"{scheme}:")

    answer = post(url, connect_seconds=0.3)

    assert answer.error == "Request failed"
    assert 250 <= answer.duration_ms < (0.3 + SLACK_SECONDS) * 1000


def test_the_limit_of_connecting_ends_with_the_connection(receiver: Receiver) -> None:
    answer = post(receiver.url("slow 0.5"), connect_seconds=0.3)

    assert answer.succeeded
    assert answer.duration_ms >= 500


def test_no_listener_is_a_failure(receiver: Receiver) -> None:
    answer = post("http://127.0.0.1:1/x")

    assert (answer.error, answer.status_code) == ("Request failed", None)


def test_what_is_shown_of_a_body_is_harmless(receiver: Receiver) -> None:
    answer = post(receiver.url("odd-body"))

    assert answer.body == ("[31mred\tand\n��" + "ü" * 600)[:500]


@pytest.mark.slow
def test_receivers_that_hang_delay_nobody_else(receiver: Receiver) -> None:
    async def scenario(client: HttpClient) -> tuple[ReceiverAnswer, list[ReceiverAnswer]]:
        async with asyncio.TaskGroup() as group:
            stuck = [
                group.create_task(
                    client.post(receiver.url(mode, str(number)), b"{}", {}, total_seconds=2.0)
                )
                for number in range(25)
                for mode in ("hangs", "drips")
            ]
            await asyncio.sleep(0)
            good = await client.post(receiver.url("ok", "beside"), b"{}", {})
        return good, [task.result() for task in stuck]

    good, stuck = with_client(scenario)

    assert good.succeeded
    assert good.duration_ms < 1500  # before the others were over
    assert {answer.error for answer in stuck} == {"Request failed"}


def test_nothing_is_kept_from_one_call_for_the_next(receiver: Receiver) -> None:
    async def scenario(client: HttpClient) -> None:
        for _ in range(2):
            await client.post(receiver.url("sets-cookie", "twice"), b"{}", {})

    before = receiver.connections()
    with_client(scenario)

    first, second = receiver.requests("/sets-cookie/twice")
    assert first.headers == second.headers
    assert second.header("cookie") is None
    assert receiver.connections() == before + 2


def test_the_environment_names_no_proxy(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert post(receiver.url()).succeeded


def test_the_client_of_the_command_line_is_not_loaded_for_calls() -> None:
    loaded = "import sys, spooled_lite.app; print('httpx' in sys.modules)"

    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)

    assert told.stdout == b"False\n"


def test_a_close_ends_the_calls_under_way(receiver: Receiver) -> None:
    async def scenario() -> tuple[ReceiverAnswer, ReceiverAnswer]:
        client = a_client()
        call = asyncio.create_task(client.post(receiver.url("hangs", "closing"), b"{}", {}))
        await asyncio.to_thread(receiver.requests, "/hangs/closing", count=1)
        await client.close()
        return await call, await client.post(receiver.url("ok", "closed"), b"{}", {})

    under_way, later = asyncio.run(scenario())

    assert under_way.error == later.error == "Request failed"
    assert under_way.duration_ms < 10_000
    assert receiver.requests("/ok/closed") == []


def test_a_caller_that_is_cancelled_leaves_the_receiver(receiver: Receiver) -> None:
    async def scenario(client: HttpClient) -> None:
        call = asyncio.create_task(client.post(receiver.url("hangs", "cancelled"), b"{}", {}))
        await asyncio.to_thread(receiver.requests, "/hangs/cancelled", count=1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with_client(scenario)

    assert receiver.requests("/hangs/cancelled", count=1, over=True) != []


def test_what_is_wrong_on_our_side_is_a_failure_and_is_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> ssl.SSLContext:
        raise ValueError("no certificates here")

    answer = post(receiver.url("ok", "ours"), context=broken)

    assert answer.error == "Request failed"
    [record] = caplog.records
    assert record.exc_info is not None
    assert receiver.requests("/ok/ours") == []


def test_calls_beyond_the_bound_wait_for_a_place(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "CONNECTIONS_MAX", 1)

    async def scenario(client: HttpClient) -> ReceiverAnswer:
        async with asyncio.TaskGroup() as group:
            hanging = client.post(receiver.url("hangs", "place"), b"{}", {}, total_seconds=0.5)
            group.create_task(hanging)
            await asyncio.sleep(0)
            return await client.post(receiver.url("ok", "place"), b"{}", {})

    answer = with_client(scenario)

    assert answer.succeeded
    assert answer.duration_ms >= 400


def test_a_path_of_the_receiver_is_answered_as_it_is_told(receiver: Receiver) -> None:
    receiver.answer(path_of("scripted"), "500", "429 Retry-After: 3", "ok")

    statuses = [post(receiver.url("scripted")).status_code for _ in range(4)]

    assert statuses == [500, 429, 200, 200]
