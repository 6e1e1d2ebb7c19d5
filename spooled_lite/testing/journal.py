"""The journal of a world: what happened, in order. It never has headers or bodies."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from spooled_lite.events import Event
from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.deliveries import DeliveryCall
from spooled_lite.testing.happened import Happening, named
from spooled_lite.testing.newest import Newest
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.shapes.about import a_count, about

T = TypeVar("T")

LINES_MAX: Final = 10_000
BYTES_MAX: Final = 8 * 1024 * 1024  # of all lines as JSON: a test reads them in one answer
TEXT_CHARS_MAX: Final = 500  # of a path or an address: clients choose how long those are

ASKED: Final = "spooled.asked"  # in the extensions of the scope of each request

JournalKind = Literal["request", "event", "step", "delivery", "mail", "fault"]
KINDS: Final[tuple[JournalKind, ...]] = get_args(JournalKind)
# What only shows that somebody is there, and what no caller sees.
_LEFT_OUT: Final = frozenset({"worker.heartbeat", "key.changed", "storage.reopened"})

_encode: Final = msgspec.json.Encoder().encode


class JournalLine(Happening, frozen=True, kw_only=True):
    """One thing that happened."""

    n: Annotated[int, a_count("Its number in this world, from 1; never used again", 7)]
    kind: Annotated[JournalKind, about("What kind of thing it is", "request")]
    method: Annotated[str, about("Of a request", "POST")] | UnsetType = UNSET
    path: Annotated[str, about("Of a request; no query", "/api/v1/jobs")] | UnsetType = UNSET
    url: Annotated[str, about("Where a delivery went")] | UnsetType = UNSET
    to: Annotated[str, about("Whom a mail is for", "ada@example.com")] | UnsetType = UNSET
    subject: Annotated[str, about("Of a mail", "Your sign-in code")] | UnsetType = UNSET


class Noted(Struct):
    """What is known of a request once it was let in."""

    route: str = ""
    org: int | None = None


class Journal:
    """Used on the event loop's thread. The oldest lines make room for the newest."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.kept = Newest[JournalLine](LINES_MAX, BYTES_MAX)

    def lines(
        self, *, after: int = 0, kinds: Collection[JournalKind] = KINDS, org: int | None = None
    ) -> Iterator[JournalLine]:
        """Those after this number, the oldest first: of an organization and of none; or all."""
        return (each for each in self.kept.after(after, org) if each.kind in kinds)

    # -- what is heard ---------------------------------------------------------------------------

    def hear(self, events: Sequence[Event]) -> None:
        at_ms, at = 0, ""  # nearly always the same for all: a batch may have many thousands
        for event in events:
            if event.type in _LEFT_OUT:
                continue
            if event.at_ms != at_ms or not at:
                at_ms, at = event.at_ms, format_ms(event.at_ms)
            self._add("event", event.org, at=at, **named(event))

    def stepped(self, at_ms: int) -> None:
        self._add("step", None, at=format_ms(at_ms), what="step")

    def delivered(self, call: DeliveryCall, answer: ReceiverAnswer) -> None:
        self._add(
            "delivery",
            call.org,
            what="delivery",
            id=call.id,
            attempt=call.attempt,
            url=call.url[:TEXT_CHARS_MAX],
            status_code=answer.status_code,
            error=UNSET if answer.error is None else answer.error,
        )

    def mailed(self, to: str, subject: str) -> None:
        self._add("mail", None, what="mail", to=to[:TEXT_CHARS_MAX], subject=subject)

    def answered(self, method: str, path: str, status: int | None, asked: Noted) -> None:
        """`status` is None when the client got no answer."""
        self._add(
            "request",
            asked.org,
            what=asked.route or f"{method} {path}"[:TEXT_CHARS_MAX],
            method=method,
            path=path[:TEXT_CHARS_MAX],
            status_code=status,
        )

    def struck(self, rule_id: str, what: str) -> None:
        self._add("fault", None, what=what, id=rule_id)

    async def around(self, name: str, call: object, handle: Callable[[], Awaitable[T]]) -> T:
        """Stands around every handler of the world: notes the route, and who was let in."""
        if isinstance(call, Call):
            asked: Noted | None = call.extension(ASKED)
            if asked is not None:
                asked.route, asked.org = name, call.org or None
            return await handle()
        error: str | UnsetType = "failed"
        try:
            answer = await handle()
            error = UNSET
        finally:
            caller = getattr(call, "caller", None)
            org = None if caller is None else caller.org
            self._add("request", org, what=name, method="gRPC", error=error)
        return answer

    def _add(self, kind: JournalKind, org: int | None, **fields: Any) -> None:
        if "at" not in fields:
            fields["at"] = format_ms(self._clock.now_ms())
        line = JournalLine(n=self.kept.last_n + 1, kind=kind, **fields)
        self.kept.add(line, org, len(_encode(line)))
