"""Webhook calls as they pass: which ones are under way, and what came of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.outbound.http_client import Poster, ReceiverAnswer
from spooled_lite.storage.database import Database
from spooled_lite.storage.readers import Readers
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


class Sent(Struct, frozen=True, kw_only=True):
    """An attempt with all that is sent."""

    call: DeliveryCall
    body: bytes
    headers: Mapping[str, str]
    job_id: str | None
    is_for_inbox: bool
    total_seconds: float


Made = Callable[[], Awaitable[ReceiverAnswer]]
# Called instead of making a call, with what makes it.
AroundDelivery = Callable[[Sent, Readers, Made], Awaitable[ReceiverAnswer]]
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
        self.around: AroundDelivery | None = None
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
        sender = senders[0] if senders else None
        org = None if sender is None else sender.org
        call = DeliveryCall(delivery_id, int(headers.get(_ATTEMPT, "1")), url, org)
        name = inbox_name(url)

        async def made() -> ReceiverAnswer:
            if name is None:
                return await self._inner.post(url, body, headers, total_seconds=total_seconds)
            return self.inbox.receive(
                name, body, headers, delivery_id=call.id, attempt=call.attempt, senders=senders
            )

        self._number += 1
        number = self._number
        self._under_way[number] = call
        try:
            if self.around is None:
                answer = await made()
            else:
                sent = Sent(
                    call=call,
                    body=body,
                    headers=headers,
                    job_id=None if sender is None else sender.job_id,
                    is_for_inbox=name is not None,
                    total_seconds=total_seconds,
                )
                answer = await self.around(sent, self._readers, made)
        finally:
            del self._under_way[number]
        for listener in self._listeners:
            listener(call, answer)
        return answer

    async def close(self) -> None:
        await self._inner.close()

    async def _senders_of(self, delivery_id: str, url: str) -> Sequence[DeliverySender]:
        return await self._readers.read(senders_of, delivery_id, url)

    @property
    def _readers(self) -> Readers:
        assert self._database is not None, "it was attached before anything is sent"
        return self._database.readers
