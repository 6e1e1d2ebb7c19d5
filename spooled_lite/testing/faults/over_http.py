"""Strikes requests over HTTP as the rules say."""

from collections.abc import Awaitable, Callable
from typing import Final

from spooled_lite.testing.faults.answers import answer_of, cut_short, discard
from spooled_lite.testing.faults.http_facts import HttpFacts
from spooled_lite.testing.faults.kinds import LEASED, STREAM_OF
from spooled_lite.testing.faults.leases import LeaseStrikes
from spooled_lite.testing.faults.open_streams import HttpStream
from spooled_lite.testing.faults.pauses import hang, pause
from spooled_lite.testing.faults.rules import Faults, Strike
from spooled_lite.testing.faults.shapes import Do
from spooled_lite.wire.http.call import Call, Reply, StreamReply

STRUCK: Final = "spooled.struck"  # in the extensions of the scope: a list for ids of rules


class HttpStrikes:
    """Used on the event loop's thread."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def around(self, name: str, call: Call, handle: Callable[[], Awaitable[Reply]]) -> Reply:
        if name in STREAM_OF:
            return await self._opened(name, call, handle)
        if name not in LEASED and not self._faults:
            return await handle()
        told: list[str] = call.extension(STRUCK)
        facts = HttpFacts(name, call)
        if name in LEASED:  # also without a rule now: a claim may wait until there is one
            leases = LeaseStrikes(self._faults, name, facts, await facts.json(), told)
            call.db = leases.over(call.db)
        strike = await self._faults.strike(name, facts.hold)
        if strike is None:
            return await handle()
        told += strike.rule_ids
        return await self._answered(call, strike, strike.do, handle)

    async def _opened(self, name: str, call: Call, handle: Callable[[], Awaitable[Reply]]) -> Reply:
        """Opens a stream, which rules may strike that are made later."""
        facts = HttpFacts(name, call)
        strike = await self._faults.strike(name, facts.hold) if self._faults else None
        once_open: Do | None = None
        if strike is None:
            answer = await handle()
        else:
            call.extension(STRUCK).extend(strike.rule_ids)
            do = strike.do
            if do is not None and (do.end_stream or do.mute_ms is not None):
                do, once_open = None, do
            answer = await self._answered(call, strike, do, handle)
        if not isinstance(answer, StreamReply) or answer.finish is None:
            return answer
        return HttpStream(self._faults, name, call, facts, answer).reply(once_open)

    async def _answered(
        self, call: Call, strike: Strike, do: Do | None, handle: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        await pause(self._faults, strike.before_ms, call)
        answer = await self._done(call, do, handle)
        try:
            await pause(self._faults, strike.after_ms, call)
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
            await hang(self._faults, do.hang_ms, call, call.until_gone)
            call.abort()
        answer = await handle()
        if do.truncate is not None:
            part = cut_short(call, answer, do.truncate)
            if part is not None:
                return part
        discard(answer)
        call.abort()
