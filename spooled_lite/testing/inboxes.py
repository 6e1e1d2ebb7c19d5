"""The receiver and the mailbox of a world: what is sent there is kept for tests to read."""

import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.outbound.mail import Message
from spooled_lite.outbound.signatures import sign
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.newest import Newest
from spooled_lite.testing.senders import DeliverySender
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

HOST: Final = "inbox.test"  # a name that is reserved for tests: nobody can have it
WEBHOOKS_MAX: Final = 1_000
WEBHOOK_BYTES_MAX: Final = 16 * 1024 * 1024
MAILS_MAX: Final = 1_000
MAIL_BYTES_MAX: Final = 4 * 1024 * 1024
ROOM_BYTES: Final = 1_000  # what one takes beside its text and headers, roughly

SignatureFound = Literal["good", "bad", "none"]

_SIGNATURE: Final = "X-Spooled-Signature"
_TIMESTAMP: Final = "X-Spooled-Timestamp"
# At the end of a line of our mails. A slug in them has no spaces, so it cannot look like this.
_CODE: Final = re.compile(r"\bcode\b.* is ([0-9]{4,10})$", re.MULTILINE)

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
Number = Annotated[int, a_count("Its number in this inbox, from 1; never used again", 1)]
ReceivedAt = Annotated[str, a_time("When, by the clock of the world", "2030-01-01T00:00:00.000Z")]
InboxName = Annotated[str, about("What follows `https://inbox.test/` in the address", "shop")]
HeadersOf = Annotated[Mapping[str, str], about("As they were sent", {"X-Spooled-Event": "job.completed"})]
BodyOf = Annotated[msgspec.Raw, about("The JSON that was sent", {"event": "job.completed"})]
SignatureOf = Annotated[SignatureFound, about("Whether the signature is the one of the webhook's secret; `none`: there was none", "good")]
CodeOf = Annotated[str, about("The code in its text", "123456")]
# fmt: on


class WebhookReceived(Struct, frozen=True, kw_only=True):
    """One call of a webhook."""

    n: Number
    at: ReceivedAt
    name: InboxName
    headers: HeadersOf
    body: BodyOf
    attempt: Annotated[int, a_count("The number of the attempt", 1)]
    delivery_id: Annotated[str, about("The same on every attempt", AN_ID)]
    signature: SignatureOf


class MailReceived(Struct, frozen=True, kw_only=True):
    """One mail."""

    n: Number
    at: ReceivedAt
    to: Annotated[str, about("Whom it is for", "ada@example.com")]
    subject: Annotated[str, about("Its subject", "Your sign-in code")]
    text: Annotated[str, about("All of it")]
    code: CodeOf | None


class WebhookInbox:
    """Answers every call with 200. Used on the event loop's thread."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.kept = Newest[WebhookReceived](WEBHOOKS_MAX, WEBHOOK_BYTES_MAX)

    def receive(
        self,
        name: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        delivery_id: str,
        attempt: int,
        senders: Sequence[DeliverySender],
    ) -> ReceiverAnswer:
        """`senders`: those one of whom has made this call."""
        received = WebhookReceived(
            n=self.kept.last_n + 1,
            at=format_ms(self._clock.now_ms()),
            name=name,
            headers=dict(headers),
            body=msgspec.Raw(body),
            attempt=attempt,
            delivery_id=delivery_id,
            signature=_signature(body, headers, senders),
        )
        org = senders[0].org if senders else None
        self.kept.add(received, org, len(body) + ROOM_BYTES)
        return ReceiverAnswer(status_code=200, reason="OK", duration_ms=0)

    def read(self, *, name: str | None, after: int, org: int | None) -> Iterator[WebhookReceived]:
        """The calls with a higher number, the oldest first; those of one name, or all."""
        return (each for each in self.kept.after(after, org) if name in (None, each.name))


class MailInbox:
    """Takes the place of the mail server: no mail leaves a world."""

    def __init__(self, clock: VirtualClock, told: Callable[[str, str], None]) -> None:
        """`told` is called with the recipient and the subject of each mail."""
        self._clock = clock
        self._told = told
        self.kept = Newest[MailReceived](MAILS_MAX, MAIL_BYTES_MAX)

    async def carry(self, message: Message) -> None:
        found = _CODE.search(message.text)
        received = MailReceived(
            n=self.kept.last_n + 1,
            at=format_ms(self._clock.now_ms()),
            to=message.to,
            subject=message.subject,
            text=message.text,
            code=None if found is None else found.group(1),
        )
        self.kept.add(received, None, len(message.text) * 4 + ROOM_BYTES)
        self._told(message.to, message.subject)

    def read(self, *, to: str | None, after: int) -> Iterator[MailReceived]:
        """The mails with a higher number, the oldest first; those to one address, or all."""
        return (each for each in self.kept.after(after, None) if to in (None, each.to))


def inbox_name(url: str) -> str | None:
    """The name of the inbox that a webhook leads to; None: it leads elsewhere."""
    try:
        parts = urlsplit(url)
        is_ours = parts.scheme == "https" and parts.netloc.lower() == HOST
    except ValueError:
        return None
    return unquote(parts.path.strip("/")) if is_ours else None


def _signature(
    body: bytes, headers: Mapping[str, str], senders: Sequence[DeliverySender]
) -> SignatureFound:
    given = headers.get(_SIGNATURE)
    if given is None:
        return "none"
    timestamp = int(headers.get(_TIMESTAMP, "0"))
    matches = [
        hmac.compare_digest(sign(each.secret, timestamp, body), given)
        for each in senders
        if each.secret
    ]
    return "good" if any(matches) else "bad"
