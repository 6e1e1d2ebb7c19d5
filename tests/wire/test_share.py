"""A share of the loop's time: what is asked for without end leaves the rest to others."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from spooled_lite.wire import share
from spooled_lite.wire.share import Share

PIECE_SECONDS = 0.001


def work() -> None:
    until = time.monotonic() + PIECE_SECONDS
    while time.monotonic() < until:
        pass


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(test(), 30))


def test_what_is_asked_for_now_and_then_is_done_at_once() -> None:
    async def test() -> None:
        done: list[int] = []

        Share(0.5).call(lambda: done.append(1))

        assert done == [1]

    run(test)


def test_work_without_end_takes_its_part_and_no_more() -> None:
    async def test() -> None:
        it, done = Share(0.25), asyncio.Event()
        for _ in range(40):
            it.call(work)
        it.call(done.set)
        began = time.monotonic()

        await done.wait()

        # What was done at once before is part of it.
        assert time.monotonic() - began > 30 * PIECE_SECONDS / 0.25 - share.AT_ONCE_SECONDS

    run(test)


def test_others_have_their_turn_between_two_pieces() -> None:
    async def test() -> None:
        it, turns, done = Share(0.5), 0, asyncio.Event()
        for _ in range(40):
            it.call(work)
        it.call(done.set)

        while not done.is_set():
            await asyncio.sleep(0)
            turns += 1

        assert turns > 10

    run(test)


def test_results_come_in_the_order_they_were_asked_for_and_failures_with_them() -> None:
    async def test() -> None:
        it, order = Share(0.5), []

        async def ask(n: int) -> None:
            def do() -> int:
                work()
                order.append(n)
                return 1 // (n - 3)

            if n == 3:
                with pytest.raises(ZeroDivisionError):
                    await it.run(do)
            else:
                assert await it.run(do) == 1 // (n - 3)

        await asyncio.gather(*(ask(n) for n in range(10)))

        assert order == list(range(10))

    run(test)


def test_who_is_cancelled_has_it_left_undone() -> None:
    async def test() -> None:
        it, done = Share(0.5), []
        for _ in range(10):
            it.call(work)
        asking = asyncio.create_task(it.run(lambda: done.append("cancelled")))
        await asyncio.sleep(0)

        asking.cancel()
        await it.run(lambda: done.append("next"))

        assert done == ["next"]

    run(test)


def test_a_piece_that_fails_is_logged_and_the_next_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        it, done = Share(0.5), []

        def fail() -> None:
            raise ArithmeticError("a bug")

        it.call(fail)
        it.call(lambda: done.append(1))

        assert done == [1]

    run(test)
    assert [record.message for record in caplog.records] == ["a piece of work failed"]
