"""The inboxes of a world, as a test reads them. What is on its way is waited for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from spooled_lite.testing.public.link import Link
from spooled_lite.testing.public.told import told

EVENT_HEADER = "X-Spooled-Event"


@dataclass(frozen=True, kw_only=True)
class ReceivedWebhook:
    """One call of a webhook whose address is `https://inbox.test/NAME`."""

    n: int  # from 1 in each inbox, never used again
    at: datetime  # by the clock of the world
    name: str  # what follows the host in the address
    headers: Mapping[str, str]
    body: Any
    attempt: int
    delivery_id: str  # the same on every attempt
    signature: Literal["good", "bad", "none"]  # `none`: it was not signed

    @property
    def event(self) -> str | None:
        """What it tells, such as `job.completed`."""
        return self.headers.get(EVENT_HEADER)


@dataclass(frozen=True, kw_only=True)
class ReceivedMail:
    """One mail. None has left."""

    n: int
    at: datetime
    to: str
    subject: str
    text: str
    code: str | None  # the one in its text, to sign in with


class WebhookInbox:
    """Calls of webhooks to `inbox.test`: the newest 1,000, up to 16 MiB."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def received(
        self, name: str | None = None, *, event: str | None = None, after: int = 0
    ) -> list[ReceivedWebhook]:
        """The calls at an inbox or at all of them, of an event or of all, in order; only those
        with a number above `after`.

        Raises:
            ClockStopped: another call is moving the clock.
        """
        query = {"after": after} if name is None else {"after": after, "name": name}
        found = self._link.call("GET", f"/test/inbox/webhooks?{urlencode(query)}")["webhooks"]
        calls = (told(ReceivedWebhook, each) for each in found)
        return [each for each in calls if event in (None, each.event)]

    def clear(self) -> None:
        self._link.call("DELETE", "/test/inbox/webhooks")

    def __getitem__(self, name: str) -> list[ReceivedWebhook]:
        """`webhooks["shop"]`: all calls at `https://inbox.test/shop`."""
        return self.received(name)

    def __iter__(self) -> Iterator[ReceivedWebhook]:
        return iter(self.received())


class MailInbox:
    """Mails of a world: the newest 1,000, up to 4 MiB."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def to(self, address: str, *, after: int = 0) -> list[ReceivedMail]:
        """Those for an address, in order; only those with a number above `after`.

        Raises:
            ClockStopped: another call is moving the clock.
        """
        return self._read({"after": after, "to": address})

    def received(self, *, after: int = 0) -> list[ReceivedMail]:
        """Those for everybody. Raises ClockStopped, as `to`."""
        return self._read({"after": after})

    def clear(self) -> None:
        self._link.call("DELETE", "/test/inbox/mails")

    def __iter__(self) -> Iterator[ReceivedMail]:
        return iter(self.received())

    def _read(self, query: Mapping[str, object]) -> list[ReceivedMail]:
        found = self._link.call("GET", f"/test/inbox/mails?{urlencode(query)}")["mails"]
        return [told(ReceivedMail, each) for each in found]
