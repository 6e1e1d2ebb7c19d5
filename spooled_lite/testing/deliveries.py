"""Webhook calls as they pass: which ones are under way, and what came of them."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from spooled_lite.outbound.http_client import Poster, ReceiverAnswer

_ID: Final = "X-Spooled-Delivery-ID"
_ATTEMPT: Final = "X-Spooled-Delivery-Attempt"


class DeliveryCall(Struct, frozen=True):
    """One attempt."""

    id: str
    attempt: int
    url: str


Told = Callable[[DeliveryCall, ReceiverAnswer], None]


class WatchedPoster:
    """Stands in front of the client that calls receivers. Used on the event loop's thread."""

    def __init__(self, inner: Poster) -> None:
        self._inner = inner
        self._under_way: dict[int, DeliveryCall] = {}
        self._number = 0
        self._listeners: list[Told] = []

    def listen(self, listener: Told) -> None:
        """Call `listener` after each call, before its result is recorded."""
        self._listeners.append(listener)

    def under_way(self) -> list[DeliveryCall]:
        """The calls that receivers have not answered yet, the oldest first."""
        return list(self._under_way.values())

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        call = DeliveryCall(headers.get(_ID, ""), int(headers.get(_ATTEMPT, "1")), url)
        self._number += 1
        number = self._number
        self._under_way[number] = call
        try:
            answer = await self._inner.post(url, body, headers, total_seconds=total_seconds)
        finally:
            del self._under_way[number]
        for listener in self._listeners:
            listener(call, answer)
        return answer

    async def close(self) -> None:
        await self._inner.close()
