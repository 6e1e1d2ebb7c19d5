"""Reading an answer: what is taken, what is refused, and that nothing in it costs much."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.outbound.response import (
    ANSWER_BYTES_MAX,
    FRAMED_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    BadResponse,
    RawAnswer,
    ResponseReader,
)

LOOP_SECONDS_MAX: Final = 0.020
ONE_READ: Final = 256 * 1024  # as much as an event loop hands over at a time
OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def parts(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = ONE_READ) -> RawAnswer:
    reader = ResponseReader()
    if not any(reader.feed(part) for part in parts(data, size)):
        reader.end()
    return reader.received()


def headers(count: int) -> bytes:
    return b"".join(b"x-%d: y\r\n" % number for number in range(count))


def test_a_status_and_the_start_of_a_body_are_read() -> None:
    body = b"x" * ANSWER_BYTES_MAX

    assert read(OK + b"X-A: b\r\nContent-Length: 2\r\n\r\nhi") == RawAnswer(
        200, {"x-a": "b", "content-length": "2"}, b"hi"
    )
    assert read(CHUNKED + b"2\r\nhi\r\n4\r\n you\r\n0\r\n\r\n").body == b"hi you"
    assert read(OK + b"Content-Length: 1000000\r\n\r\n" + body + b"more").body == body


@pytest.mark.parametrize(
    ("answer", "status_code", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, b""),
        (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\n.", 200, b"."),
        (b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00", 101, b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, b"hi"),
        (CHUNKED + b"2  \r\nhi\r\n0\r\n\r\n", 200, b"hi"),
        (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi and more", 200, b"hi"),
        ((OK + b"Content-Length: 0\r\n\r\n") * 2_000, 200, b""),
    ],
)
def test_what_many_servers_send_is_taken(answer: bytes, status_code: int, body: bytes) -> None:
    for size in (ONE_READ, 7, 1):
        received = read(answer, size)
        assert (received.status_code, received.body) == (status_code, body)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"SSH-2.0-other\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n", b"HTTP/1.1 one OK\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nhi", CHUNKED + b"5\r\nhi", CHUNKED + b"zz\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_not_a_whole_answer_is_refused(answer: bytes) -> None:
    for size in (ONE_READ, 1):
        with pytest.raises(BadResponse):
            read(answer, size)


def test_a_hundred_headers_are_taken_and_one_more_is_not() -> None:
    end = b"Content-Length: 0\r\n\r\n"
    assert len(read(OK + headers(HEADERS_MAX - 1) + end).headers) == HEADERS_MAX

    for too_many in (
        OK + headers(HEADERS_MAX) + end,
        b"HTTP/1.1 103 Hints\r\n" + headers(50) + b"\r\n" + OK + headers(50) + end,
        CHUNKED + b"0\r\n" + headers(HEADERS_MAX) + b"\r\n",
    ):
        with pytest.raises(BadResponse):
            read(too_many)


def test_headers_of_64_kib_are_taken_and_one_byte_more_is_not() -> None:
    empty = len(OK + b"X: \r\nContent-Length: 0\r\n\r\n")

    def of(size: int) -> bytes:
        return OK + b"X: %s\r\nContent-Length: 0\r\n\r\n" % (b"y" * (size - empty))

    assert read(of(HEAD_BYTES_MAX)).status_code == 200
    with pytest.raises(BadResponse):
        read(of(HEAD_BYTES_MAX + 1))


ENDLESS: Final = {
    "short headers": OK + b"a: b\r\n" * 40_000,
    "a long header": OK + b"a: " + b"x" * 300_000,
    "a long status": b"HTTP/1.1 200 " + b"x" * 300_000,
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 12_000,
    "tiny chunks": CHUNKED + b"1\r\nx\r\n" * 50_000,
    "chunks with extensions": CHUNKED + b"1;a=b\r\nx\r\n" * 30_000,
    "a long extension": CHUNKED + b"1;" + b"x" * 300_000,
    "trailers": CHUNKED + b"0\r\n" + b"a: b\r\n" * 40_000,
    "a long trailer": CHUNKED + b"0\r\na: " + b"x" * 300_000,
    "a compressed body": OK
    + b"Content-Encoding: gzip\r\nContent-Length: 300000\r\n\r\n"
    + bytes(300_000),
}


@pytest.mark.parametrize("data", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("size", [ONE_READ, 1_000])
def test_whatever_comes_costs_the_loop_little_and_has_an_end(data: bytes, size: int) -> None:
    def cost() -> float:
        reader, began = ResponseReader(), time.thread_time()
        fed = 0
        for part in parts(data, size):
            fed += len(part)
            try:
                if reader.feed(part):
                    break
            except BadResponse:
                break
        assert fed <= max(size, HEAD_BYTES_MAX + FRAMED_BYTES_MAX + size), "it went on and on"
        return time.thread_time() - began

    assert min(cost() for _ in range(3)) < LOOP_SECONDS_MAX


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_an_answer_or_a_refusal(data: bytes, size: int) -> None:
    for start in (b"", OK, CHUNKED):
        try:
            received = read(start + data, size)
        except BadResponse:
            continue
        assert 101 <= received.status_code <= 999
