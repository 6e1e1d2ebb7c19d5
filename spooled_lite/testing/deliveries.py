"""Webhook calls as they pass: which ones are under way, and what came of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.outbound.http_client import Poster, ReceiverAnswer
from spooled_lite.storage.database import Database
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.inboxes import WebhookInbox, inbox_name
from spooled_lite.testing.senders import DeliverySender, senders_of

_ID: Final = "X-Spooled-Delivery-ID"
_ATTEMPT: Final = "X-Spooled-Delivery-Attempt"


class DeliveryCall(Struct, frozen=True):
    """One attempt."""

    id: str
    attempt: int
    url: str
    org: int | None  # None: its webhook is gone


Told = Callable[[DeliveryCall, ReceiverAnswer], None]


class WatchedPoster:
    """Stands in front of the client that calls receivers: calls of the inbox do not reach it.

    Used on the event loop's thread.
    """

    def __init__(self, inner: Poster, clock: VirtualClock) -> None:
        self._inner = inner
        self.inbox = WebhookInbox(clock)
        self._under_way: dict[int, DeliveryCall] = {}
        self._number = 0
        self._listeners: list[Told] = []
        self._database: Database | None = None
        self._turn = asyncio.Lock()  # calls begin in the order in which they were asked for

    def attach(self, database: Database) -> None:
        """Learn where the webhooks are whose calls pass."""
        self._database = database

    def listen(self, listener: Told) -> None:
        """Call `listener` after each call, before its result is recorded."""
        self._listeners.append(listener)

    def under_way(self) -> list[DeliveryCall]:
        """The calls that receivers have not answered yet, the oldest first."""
        return list(self._under_way.values())

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, total_seconds: float
    ) -> ReceiverAnswer:
        delivery_id = headers.get(_ID, "")
        async with self._turn:
            senders = await self._senders_of(delivery_id, url)
        org = senders[0].org if senders else None
        call = DeliveryCall(delivery_id, int(headers.get(_ATTEMPT, "1")), url, org)
        self._number += 1
        number = self._number
        self._under_way[number] = call
        try:
            name = inbox_name(url)
            if name is None:
                answer = await self._inner.post(url, body, headers, total_seconds=total_seconds)
            else:
                answer = self.inbox.receive(
                    name, body, headers, delivery_id=call.id, attempt=call.attempt, senders=senders
                )
        finally:
            del self._under_way[number]
        for listener in self._listeners:
            listener(call, answer)
        return answer

    async def close(self) -> None:
        await self._inner.close()

    async def _senders_of(self, delivery_id: str, url: str) -> Sequence[DeliverySender]:
        assert self._database is not None, "it was attached before anything is sent"
        return await self._database.readers.read(senders_of, delivery_id, url)
