"""Strikes requests as the rules say: called instead of every handler of a world."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

from spooled_lite.testing.faults.answers import answer_of, cut_short, discard
from spooled_lite.testing.faults.checks import ROUTE_NAMES
from spooled_lite.testing.faults.http_facts import HttpFacts
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import Do
from spooled_lite.wire.http.call import Call, Reply

T = TypeVar("T")

STRUCK: Final = "spooled.struck"  # in the extensions of the scope: a list for ids of rules


class Strikes:
    """Used on the event loop's thread."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def around(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        if not self._faults:
            return await handle()
        if isinstance(call, Call) and name in ROUTE_NAMES:
            work = cast("Callable[[], Awaitable[Reply]]", handle)
            return cast("T", await self._over_http(name, call, work))
        return await handle()

    async def _over_http(
        self, name: str, call: Call, handle: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        strike = await self._faults.strike(name, HttpFacts(name, call).hold)
        if strike is None:
            return await handle()
        told: list[str] | None = call.extension(STRUCK)
        if told is not None:
            told += strike.rule_ids
        await self._pause(call, strike.before_ms)
        answer = await self._done(call, strike.do, handle)
        try:
            await self._pause(call, strike.after_ms)
        except BaseException:
            discard(answer)
            raise
        return answer

    async def _done(
        self, call: Call, do: Do | None, handle: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        """Raises: ClientGone where the connection is cut; otherwise as the handler."""
        if do is None:
            return await handle()
        if do.error is not None:
            return answer_of(do.error, call.services.clock)
        if do.drop == "before":
            call.abort()
        if do.hang_ms is not None:
            await self._hang(call, do.hang_ms)
            call.abort()
        answer = await handle()
        if do.truncate is not None:
            part = cut_short(call, answer, do.truncate)
            if part is not None:
                return part
        discard(answer)
        call.abort()

    async def _pause(self, call: Any, milliseconds: int) -> None:
        """Wait in real time, or until the world ends."""
        if milliseconds:
            call.deadline += milliseconds / 1000
            with suppress(TimeoutError):
                await asyncio.wait_for(self._faults.over.wait(), milliseconds / 1000)

    async def _hang(self, call: Call, milliseconds: int) -> None:
        """As `_pause`, and no longer than the client is there."""
        pause = asyncio.create_task(self._pause(call, milliseconds), name="fault hangs")
        left = asyncio.create_task(call.until_gone(), name="fault's client leaves")
        try:
            await asyncio.wait((pause, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pause, left):
                task.cancel()
            await asyncio.gather(pause, left, return_exceptions=True)
