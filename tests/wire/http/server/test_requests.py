"""What the server takes for HTTP, what it refuses, and what it does when the application fails."""

import asyncio
import logging
import random
import sys

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server.scope import IS_GONE
from tests.wire.http.raw_http import (
    GET,
    GET_AND_CLOSE,
    UPGRADE,
    Answer,
    Waiting,
    assert_envelope,
    connected,
    echo,
    exchange,
    refusal,
    reply,
    run,
    serving,
    short_limits,
    soon,
)

POST = b"POST / HTTP/1.1\r\nHost: t\r\n"

# What is not HTTP

MALFORMED = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "both, turned": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 4\r\n\r\nabc",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "chunked in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "bare line feeds": b"GET / HTTP/1.1\nHost: t\n\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: t\r\nA: b\r\n c\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "version 2": b"GET / HTTP/2.0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT a:80 HTTP/1.1\r\nHost: t\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "bytes in a WebSocket's path": UPGRADE.replace(b"/ws", b"/\xff") + b"\r\n",
    "bytes in a WebSocket's query": UPGRADE.replace(b"/ws", b"/ws?\xff") + b"\r\n",
    "bytes in a WebSocket's key": UPGRADE.replace(b"dGhl", b"dG\xffl") + b"\r\n",
    "a tunnel to a path": GET.replace(b"GET", b"CONNECT"),
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: t\r\n\r\n",
    "no path": b"GET :: HTTP/1.1\r\nHost: t\r\n\r\n",
    "upgrade with a body": UPGRADE + b"Content-Length: 3\r\n\r\nabc",
    "upgrade without key": GET[:-2] + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_get_the_envelope_and_reach_no_application(raw: bytes) -> None:
    app = Waiting()
    app.allowed.set()

    async def main() -> None:
        async with serving(app) as server:
            answer = await refusal(server, raw)

            assert_envelope(answer, 400, "BAD_REQUEST")
            assert app.calls == []

    run(main())


def test_a_bad_chunk_in_a_body_is_refused() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            await soon(app.called)
            await client.send(b"nonsense\r\n")
            answer = Answer.parse(await client.read_to_end())
            await soon(app.left)

            assert_envelope(answer, 400, "BAD_REQUEST")

    run(main())


def test_the_callers_request_id_is_echoed_unless_it_is_unfit() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            bad = b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"

            good_id = await refusal(
                server, b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: mine-7\r\n" + bad
            )
            bad_id = await refusal(
                server, b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: a b\r\n" + bad
            )

            assert good_id.headers["x-request-id"] == "mine-7"
            assert len(bad_id.headers["x-request-id"]) == 36

    run(main())


def test_random_bytes_never_get_a_plain_answer_and_never_hurt_the_server() -> None:
    async def main() -> None:
        chance = random.Random(7)
        seeds = [
            GET,
            UPGRADE + b"\r\n",
            b"POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nok",
        ]
        limits = short_limits(header_seconds_max=0.05, body_seconds_max=0.05)
        async with serving(echo, limits=limits) as server:
            for _ in range(400):
                raw = bytearray(chance.choice(seeds))
                if chance.random() < 0.3:
                    raw = bytearray(chance.randbytes(chance.randint(1, 300)))
                for _ in range(chance.randint(1, 6)):
                    at = chance.randrange(len(raw))
                    raw[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
                async with connected(server) as client:
                    client.writer.write(bytes(raw))
                    client.writer.write_eof()
                    said = await client.read_to_end()
                answer = Answer.parse(said) if said else None
                if answer is not None and answer.status >= 400:
                    assert answer.headers["content-type"] == "application/json", raw
                    assert answer.status < 500, raw

            assert (await refusal(server, GET_AND_CLOSE)).body == b"/last"

    run(main())


# What must keep working


def test_expect_100_continue_gets_its_go_ahead() -> None:
    async def main() -> None:
        async with serving(echo) as server, connected(server) as client:
            await client.send(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            go_ahead = await client.read_until(b"\r\n\r\n")
            await client.send(b"ok")

            assert go_ahead == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert (await client.read_answer()).body == b"ok"

    run(main())


def test_a_request_that_offers_another_protocol_keeps_its_body() -> None:
    async def main() -> None:
        async with serving(echo) as server, connected(server) as client:
            await client.send(
                POST + b"Connection: Upgrade, HTTP2-Settings\r\n"
                b"Upgrade: h2c\r\nHTTP2-Settings: AAE\r\nContent-Length: 30\r\n\r\n"
            )
            await client.send(b"GET /smuggled HTTP/1.1\r\nHost: t\r\nA: b\r\n"[:30].ljust(30, b"-"))
            first = await client.read_answer()
            await client.send(GET)

            assert first.body.startswith(b"GET /smuggled")
            assert (await client.read_answer()).body == b"/"

    run(main())


def test_requests_sent_ahead_are_answered_in_order() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            ahead = b"".join(b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n" % n for n in range(50))

            said = await exchange(server, ahead + GET_AND_CLOSE)

            bodies = [part.rpartition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK")]
            assert bodies[1:] == [b"/%d" % n for n in range(50)] + [b"/last"]

    run(main())


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_requests_to_upgrade_sent_ahead_make_no_recursion_and_at_most_a_line_of_log(
    protocol: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    count = 2 * sys.getrecursionlimit()
    one = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"

    async def main() -> None:
        async with serving(echo) as server:
            said = await exchange(server, one * count + GET_AND_CLOSE)

            answers = said.split(b"HTTP/1.1 ")[1:]
            if protocol == b"h2c":  # an offer that is not taken up
                assert [each[:3] for each in answers] == [b"200"] * (count + 1)
            else:  # without a key
                assert [each[:3] for each in answers] == [b"400"]

    with caplog.at_level(logging.DEBUG, logger="spooled_lite"):
        run(main())
    assert len(caplog.records) <= 1
    assert all(each.levelno < logging.WARNING for each in caplog.records)


def test_an_upgrade_sent_ahead_waits_for_no_answer_but_is_refused_behind_it() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            await client.send(GET + (UPGRADE + b"\r\n") * 500)
            await soon(app.entered)
            app.allowed.set()
            first = await client.read_answer()
            second = Answer.parse(await client.read_to_end())

            assert (first.status, first.body) == (200, b"/")
            assert_envelope(second, 400, "BAD_REQUEST")

    run(main())


def test_a_bad_request_sent_ahead_does_not_spoil_the_answer_before_it() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            await client.send(GET + b"nonsense\r\n\r\n")
            await soon(app.entered)
            app.allowed.set()
            first = await client.read_answer()
            second = Answer.parse(await client.read_to_end())

            assert (first.status, first.body) == (200, b"/")
            assert_envelope(second, 400, "BAD_REQUEST")

    run(main())


def test_requests_sent_ahead_without_end_do_not_pile_up() -> None:
    calls: list[str] = []
    many_answered = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        if len(calls) <= 100:
            await reply(send, b"")
        else:
            many_answered.set()
            await asyncio.Event().wait()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            flood = GET * 2_000_000
            client.writer.write(flood)
            await soon(many_answered)
            # Time for a server that reads too much to do so.
            await asyncio.wait({asyncio.ensure_future(client.writer.drain())}, timeout=0.3)
            taken_bytes = len(flood) - client.writer.transport.get_write_buffer_size()
            client.writer.transport.abort()

            assert taken_bytes < 15_000_000  # mostly what the system itself buffers

    run(main())


def test_a_stream_learns_that_its_client_left_even_with_another_request_in_line() -> None:
    entered = asyncio.Event()
    left = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        gone = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        entered.set()
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.wait({gone}, timeout=0.01)
        if gone.result()["type"] == "http.disconnect":
            left.set()

    async def main() -> None:
        async with serving(stream) as server:
            async with connected(server) as client:
                await client.send(GET + GET)
                await soon(entered)

            await soon(left)

    run(main())


def test_an_application_sees_its_client_leave_both_ways() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server:
            async with connected(server) as client:
                await client.send(GET)
                await soon(app.entered)
                is_gone = app.scope["extensions"][IS_GONE]
                before = is_gone()
            await soon(app.left)

            assert not before
            assert is_gone()

    run(main())


def test_a_websocket_still_opens_and_talks() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        await receive()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            await client.send(UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
            head = await client.read_until(b"\r\n\r\n")
            frame = await client.read_until(b"hello")

            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"permessage-deflate" not in head
            assert frame == b"\x81\x05hello"

    run(main())


@pytest.mark.parametrize(("crash", "status"), [(False, 403), (True, 500)])
def test_a_websocket_that_is_not_accepted_gets_the_envelope(crash: bool, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if crash:
            raise RuntimeError("secret detail")
        await send({"type": "websocket.close"})

    async def main() -> None:
        async with serving(app) as server:
            answer = await refusal(server, UPGRADE + b"X-Request-Id: w1\r\n\r\n")

            assert_envelope(answer, status, "INTERNAL_ERROR" if crash else "ACCESS_DENIED")
            assert answer.headers["x-request-id"] == "w1"
            assert b"secret" not in answer.body

    run(main())


# When the application fails


@pytest.mark.parametrize("kind", ["raises", "returns nothing"])
def test_an_application_that_fails_before_its_answer_gives_the_envelope(kind: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if kind == "raises":
            raise RuntimeError("secret detail")

    async def main() -> None:
        async with serving(app) as server:
            answer = await refusal(server, GET[:-2] + b"X-Request-Id: mine\r\n\r\n")

            assert_envelope(answer, 500, "INTERNAL_ERROR")
            assert answer.headers["x-request-id"] == "mine"
            assert b"secret" not in answer.body

    run(main())


def test_an_application_that_fails_in_its_answer_leaves_it_visibly_unfinished() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise RuntimeError("late")

    async def main() -> None:
        async with serving(app) as server:
            said = await exchange(server, GET)

            assert said.endswith(b"4\r\npart\r\n")

    run(main())
