"""Open streams over HTTP as faults see them: ended as they really end, or silent for a while."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import Message, Receive, Send

from spooled_lite.testing.faults.pauses import silence
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.wire.http.call import Call, StreamReply
from spooled_lite.wire.http.server.scope import HOLD

if TYPE_CHECKING:
    from spooled_lite.testing.faults.http_facts import HttpFacts
    from spooled_lite.testing.faults.shapes import Do, On


class HttpStream:
    """Used on the event loop's thread, while the stream is open."""

    def __init__(
        self, faults: Faults, name: str, call: Call, facts: "HttpFacts", answer: StreamReply
    ) -> None:
        self.what = name
        self._faults = faults
        self._call = call
        self._facts = facts
        self._answer = answer
        self._muted_until = 0.0  # on the loop's clock
        self._resume: asyncio.TimerHandle | None = None

    def reply(self, first: "Do | None") -> StreamReply:
        """The answer, which is struck with `first` once its client knows that it is open, and later
        by other rules."""
        answer = self._answer

        async def run(receive: Receive, send: Send) -> None:
            is_opened = False

            async def send_unless_muted(message: Message) -> None:
                nonlocal is_opened
                await self._until_heard()
                await send(message)
                if not is_opened and first is not None:
                    self.struck(first)
                is_opened = True

            with self._faults.open_stream(self):
                try:
                    await answer.run(receive, send_unless_muted)
                finally:
                    if self._resume is not None:
                        self._resume.cancel()

        return StreamReply(
            answer.status,
            answer.headers,
            media=answer.media,
            run=run,
            close=answer.close,
            finish=answer.finish,
        )

    async def holds(self, on: "On") -> bool:
        return not self._call.is_gone() and await self._facts.hold(on)

    def struck(self, do: "Do") -> None:
        if do.end_stream is not None:
            assert self._answer.finish is not None, "only streams that go on are struck"
            self._answer.finish(do.end_stream)
        elif do.mute_ms:
            self._mute(do.mute_ms / 1000)

    def _mute(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        hold: Callable[[bool], None] | None = self._call.extension(HOLD)
        if hold is None:
            self._muted_until = loop.time() + seconds
            return
        # A WebSocket is silent below the application, which would go on to answer pings.
        if self._resume is not None:
            self._resume.cancel()
        hold(True)
        self._resume = loop.call_later(seconds, hold, False)

    async def _until_heard(self) -> None:
        while (left := self._muted_until - asyncio.get_running_loop().time()) > 0:
            if not await silence(self._faults, left, self._call.until_gone):
                return
