"""What one client may send, how slowly, and how many clients there may be."""

import asyncio
import resource
import statistics
import time

import pytest
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.http.server.limits import HttpLimits, connection_count_max
from spooled_lite.wire.http.server.scope import IS_GONE
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.listen import raise_file_limit
from tests.wire.http.raw_http import (
    GET,
    GET_AND_CLOSE,
    PATIENCE_SECONDS,
    Answer,
    Waiting,
    assert_envelope,
    connected,
    echo,
    exchange,
    read_body,
    refusal,
    reply,
    run,
    serving,
    short_limits,
    soon,
)

# What is too large


def test_a_header_block_over_the_limit_is_refused_in_one_piece_and_in_many() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            big = b"GET / HTTP/1.1\r\nHost: t\r\nA: " + b"x" * (64 * 1024) + b"\r\n\r\n"

            whole = await refusal(server, big)
            async with connected(server) as client:
                for at in range(0, len(big) - 4, 10_000):
                    await client.send(big[at : at + 10_000])
                unfinished = Answer.parse(await client.read_to_end())

            assert_envelope(whole, 431, "BAD_REQUEST")
            assert_envelope(unfinished, 431, "BAD_REQUEST")

    run(main())


def test_a_header_block_just_under_the_limit_is_served_even_with_a_large_body() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            body = b"y" * 200_000
            head = b"POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nA: " + b"x" * 64_000
            head += b"\r\nContent-Length: %d\r\n\r\n" % len(body)

            answer = await refusal(server, head + body)

            assert (answer.status, answer.body) == (200, body)

    run(main())


@pytest.mark.parametrize(("count", "status"), [(98, 200), (99, 431), (5000, 431)])
def test_more_than_a_hundred_headers_are_refused(count: int, status: int) -> None:
    async def main() -> None:
        async with serving(echo) as server:
            head = b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n" + b"A: b\r\n" * count

            answer = await refusal(server, head + b"\r\n")

            assert answer.status == status

    run(main())


@pytest.mark.parametrize("end", [b" HTTP/1.1\r\nHost: t\r\n\r\n", b""])
def test_a_long_url_is_refused_whether_or_not_it_ends(end: bytes) -> None:
    async def main() -> None:
        async with serving(echo) as server:
            answer = await refusal(server, b"GET /" + b"a" * 20_000 + end)

            assert_envelope(answer, 414, "BAD_REQUEST")

    run(main())


def test_trailers_are_bounded_and_do_not_become_headers() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            head = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            app.allowed.set()
            await client.send(head)
            await client.send(b"1\r\nx\r\n0\r\nX-Admin-Key: sly\r\n\r\n")
            answer = await client.read_answer()
            names = {name for name, _ in app.scope["headers"]}
            await client.send(head + b"1\r\nx\r\n0\r\n")
            await client.send(b"A: " + b"z" * 600_000)  # more than one read of the server
            endless = Answer.parse(await client.read_to_end())

            assert answer.status == 200
            assert names == {b"host", b"transfer-encoding"}
            assert_envelope(endless, 431, "BAD_REQUEST")

    run(main())


# What is too slow


def test_an_unfinished_header_block_is_answered_after_its_time() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            answer = await refusal(server, b"GET / HTTP/1.1\r\nHost: t\r\nA: b")

            assert_envelope(answer, 408, "REQUEST_TIMEOUT")

    run(main())


def test_dripping_headers_does_not_extend_their_time() -> None:
    async def main() -> None:
        async with serving(echo) as server, connected(server) as client:
            started = time.monotonic()
            client.writer.write(b"GET / HTTP/1.1\r\nHost: t\r\n")
            reading = asyncio.create_task(client.read_to_end())
            while not reading.done():
                client.writer.write(b"A: b\r\n")
                await asyncio.wait({reading}, timeout=0.05)

            assert_envelope(Answer.parse(await reading), 408, "REQUEST_TIMEOUT")
            assert time.monotonic() - started < 2.0

    run(main())


def test_dripping_a_body_does_not_extend_its_time_and_tells_the_application() -> None:
    app = Waiting()

    async def main() -> None:
        async with serving(app) as server, connected(server) as client:
            client.writer.write(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n")
            reading = asyncio.create_task(client.read_to_end())
            while not reading.done():
                client.writer.write(b"x")
                await asyncio.wait({reading}, timeout=0.05)
            await soon(app.left)

            assert_envelope(Answer.parse(await reading), 408, "REQUEST_TIMEOUT")
            assert app.scope["extensions"][IS_GONE]()

    run(main())


def test_a_connection_that_never_says_anything_ends_silently() -> None:
    async def main() -> None:
        async with serving(echo) as server:
            assert await exchange(server, b"") == b""
            assert await exchange(server, b"\r\n") == b""

    run(main())


def test_an_idle_connection_ends_silently_after_the_answer() -> None:
    async def main() -> None:
        async with serving(echo) as server, connected(server) as client:
            await client.send(GET)
            answer = await client.read_answer()
            rest = await client.read_to_end()

            assert answer.body == b"/"
            assert rest == b""

    run(main())


def test_a_request_being_worked_on_has_no_deadline_here() -> None:
    app = Waiting()

    async def main() -> None:
        limits = short_limits(
            header_seconds_max=0.05, body_seconds_max=0.05, keep_alive_seconds=0.05
        )
        async with serving(app, limits=limits) as server, connected(server) as client:
            await client.send(GET)
            await soon(app.entered)
            await asyncio.wait({asyncio.ensure_future(app.left.wait())}, timeout=0.3)
            app.allowed.set()

            assert (await client.read_answer()).body == b"/"

    run(main())


def test_a_body_that_the_application_does_not_read_yet_is_not_late() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sleeping.wait()
        body = await read_body(receive)
        await reply(send, b"%d" % len(body or b""))

    sleeping = asyncio.Event()

    async def main() -> None:
        size = 4_000_000
        async with (
            serving(app, limits=short_limits(body_seconds_max=0.1)) as server,
            connected(server) as client,
        ):
            client.writer.write(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % size)
            client.writer.write(b"x" * size)
            reading = asyncio.create_task(client.read_answer())
            await asyncio.wait({reading}, timeout=0.4)
            early = reading.done()
            sleeping.set()

            assert not early
            assert (await reading).body == b"%d" % size

    run(main())


def test_a_stream_whose_client_takes_nothing_is_cut_off() -> None:
    is_over = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not scope["extensions"][IS_GONE]():
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        is_over.set()

    async def main() -> None:
        limits = short_limits(send_seconds_max=0.1)
        async with serving(stream, limits=limits) as server, connected(server) as client:
            await client.send(GET)

            await soon(is_over)

    run(main())


def test_an_answer_that_its_client_does_not_take_does_not_keep_the_connection_open() -> None:
    answered = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"x" * 50_000_000)
        answered.set()

    async def main() -> None:
        limits = short_limits(send_seconds_max=0.1)
        async with (
            serving(app, limits=limits, grace_seconds=PATIENCE_SECONDS * 3) as server,
            connected(server) as client,
        ):
            await client.send(GET)
            await soon(answered)

            async with asyncio.timeout(PATIENCE_SECONDS):
                await server.stop()

    run(main())


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it() -> None:
    size = 30_000_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"x" * size)

    async def main() -> None:
        limits = short_limits(send_seconds_max=0.2, keep_alive_seconds=0.1)
        pause = asyncio.ensure_future(asyncio.Event().wait())
        async with serving(app, limits=limits) as server, connected(server) as client:
            await client.send(GET)
            await client.read_until(b"\r\n\r\n")
            taken = 0
            while taken < size:
                taken += len(await client.reader.read(1_000_000))
                await asyncio.wait({pause}, timeout=0.01)
            pause.cancel()

            after = await client.read_to_end()

            assert taken == size
            assert after == b""  # idle by then, so it has ended

    run(main())


# Many connections


def test_a_connection_over_the_cap_is_told_and_closed_and_the_next_is_served() -> None:
    async def main() -> None:
        limits = short_limits(connection_count_max=16, keep_alive_seconds=30, header_seconds_max=30)
        async with serving(echo, limits=limits) as server:
            held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(16)]
            for _, writer in held:
                writer.write(GET[:-2])  # busy, so that none of them makes room

            over = await refusal(server, GET)
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            after = await refusal(server, GET_AND_CLOSE)

            assert_envelope(over, 503, "SERVICE_UNAVAILABLE")
            assert over.headers["retry-after"] == "1"
            assert over.json["details"] == {"reason": "overloaded"}
            assert after.body == b"/last"

    run(main())


def test_the_connection_cap_leaves_room_for_files() -> None:
    limits = HttpLimits(connection_count_max=10_000)

    assert connection_count_max(limits, file_count_max=1_000_000) == 10_000
    assert connection_count_max(limits, file_count_max=1_024) == 768
    assert connection_count_max(limits, file_count_max=resource.RLIM_INFINITY) == 10_000


def test_the_file_limit_is_raised_to_its_hard_bound() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert raise_file_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.slow
def test_a_thousand_half_open_connections_do_not_slow_another_client() -> None:
    async def usual_seconds(server: HttpServer) -> float:
        async with connected(server) as client:
            taken = []
            for _ in range(300):
                started = time.perf_counter()
                await client.send(GET)
                await client.read_answer()
                taken.append(time.perf_counter() - started)
            return statistics.median(taken)

    async def main() -> None:
        raise_file_limit()
        async with serving(echo, limits=HttpLimits(sweep_seconds=0.05)) as server:
            alone = await usual_seconds(server)
            writers = []
            for n in range(1000):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(b"GET /half HTTP/1.1\r\nHost: t\r\nA: " if n % 2 else b"")
                writers.append(writer)

            crowded = await usual_seconds(server)

            for writer in writers:
                writer.close()
            # A ratio of medians: what a busy machine does to both is no failure of ours.
            assert crowded < 3 * alone

    run(main())
