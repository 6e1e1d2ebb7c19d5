"""What the head of a request says of its message, and what is said when it is refused early."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.config import Settings
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.headers.cors import Cors
from spooled_lite.wire.http.server.server import HttpServer
from tests.wire.http.raw_http import (
    GET,
    Answer,
    assert_envelope,
    connected,
    echo,
    exchange,
    refusal,
    reply,
    run,
    serving,
    short_limits,
)
from tests.wire.realtime.stage import Stage, on_stage

LISTED = Settings(environment="production", cors_allowed_origins=("https://b.example",))
POST = b"POST / HTTP/1.1\r\nHost: t\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\nHost:\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 200),
    ],
)
def test_a_request_of_http_1_1_has_exactly_one_host(head: bytes, status: int) -> None:
    async def main() -> None:
        async with serving(echo) as server:
            assert (await refusal(server, head)).status == status

    run(main())


@pytest.mark.parametrize(
    "coding",
    [
        b"identity",
        b"gzip",
        b"gzip, chunked",
        b"chunked, gzip",
        b"xchunked",
        b"chunked\r\nTransfer-Encoding: chunked",
        b"chunked\r\nTransfer-Encoding: gzip",
    ],
)
def test_a_transfer_coding_other_than_chunked_is_501(coding: bytes) -> None:
    async def main() -> None:
        async with serving(echo) as server:
            raw = POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"

            assert_envelope(await refusal(server, raw), 501, "BAD_REQUEST")

    run(main())


def test_chunked_is_known_in_any_case() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            head = POST + b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"

            assert (await refusal(server, head + b"2\r\nok\r\n0\r\n\r\n")).body == b"ok"

    run(main())


def test_expect_is_ignored_in_http_1_0() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            raw = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok"

            answer = await refusal(server, raw)

            assert (answer.status, answer.body) == (200, b"ok")

    run(main())


def test_a_body_that_was_not_asked_for_is_no_request() -> None:
    """Whether the client sends it after all cannot be known, so the connection ends."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"no")

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(GET)
            await client.send(head)
            answer = await client.read_answer()
            await client.send(GET)
            rest = await client.read_to_end()

            assert (answer.body, answer.headers["connection"]) == (b"no", "close")
            assert rest == b""

    run(main())


def test_a_client_that_is_still_sending_gets_its_answer_before_the_end() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"too much")

    async def main() -> None:
        async with serving(app, limits=short_limits(linger_seconds_max=5)) as server:
            size = 800_000
            head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size
            async with connected(server) as client:
                await client.send(head)
                await client.send(b"x" * size)  # a closed connection would be reset by it
                assert Answer.parse(await client.read_to_end()).body == b"too much"

    run(main())


# Early refusals

ORIGIN = b"Origin: https://a.example\r\n"
EARLY = {
    400: POST + ORIGIN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    408: b"GET / HTTP/1.1\r\nHost: t\r\n" + ORIGIN,
    414: b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: t\r\n" + ORIGIN + b"\r\n",
    431: b"GET / HTTP/1.1\r\nHost: t\r\n" + ORIGIN + b"A: b\r\n" * 200 + b"\r\n",
    501: POST + ORIGIN + b"Transfer-Encoding: gzip\r\n\r\n",
}


@pytest.mark.parametrize(("status", "raw"), EARLY.items())
def test_an_early_refusal_can_be_read_by_a_script_and_names_the_version(
    status: int, raw: bytes
) -> None:
    async def test(stage: Stage) -> None:
        answer = Answer.parse(await exchange(stage.server, raw))

        assert answer.status == status
        assert answer.headers["x-api-version"] == "1"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    on_stage(test, limits=short_limits())


def test_a_refusal_for_want_of_room_can_be_read_by_a_script() -> None:
    seen: list[Sequence[Header]] = []

    def early_headers(headers: Sequence[Header]) -> Sequence[Header]:
        seen.append(headers)
        return ((b"x-api-version", b"1"),)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        server = HttpServer(
            app,
            host="127.0.0.1",
            port=0,
            limits=short_limits(connection_count_max=1),
            grace_seconds=0.1,
            on_stopping=lambda: None,
            early_headers=early_headers,
        )
        await server.start()
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(16)]
        for _, writer in held:
            writer.write(GET)
        answer = await refusal(server, GET[:-2] + ORIGIN + b"\r\n")
        for _, writer in held:
            writer.close()
        await server.stop(at_once=True)

        assert (answer.status, answer.headers["x-api-version"]) == (503, "1")
        assert (b"origin", b"https://a.example") in seen[-1]

    run(main())


@pytest.mark.parametrize(
    ("settings", "origin", "allowed"),
    [
        (Settings(), None, b"*"),
        (Settings(environment="production"), None, b"*"),
        (Settings(environment="production"), b"https://a.example", b"https://a.example"),
        (LISTED, None, None),
    ],
)
def test_an_origin_that_is_not_known_yet_is_any_unless_a_list_says_who_may(
    settings: Settings, origin: bytes | None, allowed: bytes | None
) -> None:
    headers = dict(Cors(settings).early_headers(origin))

    assert headers.get(b"access-control-allow-origin") == allowed
