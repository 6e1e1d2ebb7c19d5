"""What takes the loop too long is done beside it, in turns."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from spooled_lite.wire.off_loop import ON_LOOP_BYTES_MAX, OffLoop

LARGE = ON_LOOP_BYTES_MAX + 1
PATIENCE_SECONDS = 20.0


def play(script: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await script

    asyncio.run(main())


def test_what_is_small_is_done_at_once_and_what_is_large_on_a_thread() -> None:
    async def script() -> None:
        off_loop, here = OffLoop(), threading.get_ident()

        assert await off_loop.run(1, ON_LOOP_BYTES_MAX, threading.get_ident) == here
        assert await off_loop.run(1, LARGE, threading.get_ident) != here
        off_loop.close()

    play(script())


def test_owners_take_turns_however_much_one_of_them_asks_for() -> None:
    async def script() -> None:
        off_loop, begun, order = OffLoop(), threading.Event(), list[str]()
        first = asyncio.create_task(off_loop.run("many", LARGE, begun.wait))
        many = [asyncio.create_task(off_loop.run("many", LARGE, order.append, "many"))
                for _ in range(5)]  # fmt: skip
        await asyncio.sleep(0)
        one = asyncio.create_task(off_loop.run("one", LARGE, order.append, "one"))
        await asyncio.sleep(0)

        begun.set()
        await asyncio.gather(first, *many, one)

        assert order.index("one") <= 1
        off_loop.close()

    play(script())


def test_whoever_leaves_or_fails_holds_up_nobody() -> None:
    def fail() -> None:
        raise ValueError("it failed")

    async def script() -> None:
        off_loop, begun, order = OffLoop(), threading.Event(), list[str]()
        running = asyncio.create_task(off_loop.run("a", LARGE, begun.wait))
        waiting = [asyncio.create_task(off_loop.run(owner, LARGE, order.append, owner))
                   for owner in "abc"]  # fmt: skip
        failing = asyncio.create_task(off_loop.run("d", LARGE, fail))
        await asyncio.sleep(0)

        running.cancel()
        waiting[1].cancel()
        begun.set()
        with pytest.raises(ValueError, match="it failed"):
            await failing
        await asyncio.gather(running, *waiting, return_exceptions=True)

        assert sorted(order) == ["a", "c"]
        assert await off_loop.run("e", LARGE, lambda: "still there") == "still there"
        off_loop.close()

    play(script())
