"""One request as a handler sees it, and the answer a handler gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope

from spooled_lite.clock import Clock
from spooled_lite.config import Settings
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.keys.records import Scope as QueueScope
from spooled_lite.errors import BadRequest
from spooled_lite.events import EventBus
from spooled_lite.ids import Ids
from spooled_lite.storage.database import Database
from spooled_lite.wire.caller import Caller, Callers
from spooled_lite.wire.http.body import check_text, decode, is_nothing, read_body
from spooled_lite.wire.http.middleware.rate_limit import RateLimits
from spooled_lite.wire.http.middleware.request_id import request_id
from spooled_lite.wire.waiting import Waiting

T = TypeVar("T")
Header = tuple[bytes, bytes]

QUERY_FIELDS_MAX: Final = 100
IS_GONE: Final = "spooled.is_gone"  # what our server adds to the scope
JSON: Final = b"application/json"

_encode: Final = msgspec.json.Encoder().encode


class Reply:
    """A whole answer. The boundary adds the headers that every answer has."""

    __slots__ = ("body", "headers", "media", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Sequence[Header] = (),
        *,
        media: bytes = JSON,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.media = media


def reply(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> Reply:
    return Reply(status, _encode(value), headers)


NO_CONTENT: Final = Reply(204)


class ServerState:
    """What is true of the running server, for `/health`."""

    __slots__ = ("is_stopping", "started_at_ms")

    def __init__(self, started_at_ms: int) -> None:
        self.started_at_ms = started_at_ms
        self.is_stopping = False


class Services(Struct, frozen=True, kw_only=True):
    """The parts of the application that handlers and the boundary work with."""

    db: Database
    settings: Settings
    clock: Clock
    bus: EventBus
    waiting: Waiting
    callers: Callers
    rates: RateLimits
    ids: Ids  # for request ids; the writing thread has its own
    state: ServerState

    @classmethod
    def over(
        cls,
        db: Database,
        settings: Settings,
        *,
        clock: Clock,
        bus: EventBus,
        waiting: Waiting,
        ids: Ids | None = None,
    ) -> Self:
        return cls(
            db=db,
            settings=settings,
            clock=clock,
            bus=bus,
            waiting=waiting,
            callers=Callers(db, clock=clock, bus=bus),
            rates=RateLimits(settings),
            ids=ids or Ids(),
            state=ServerState(clock.now_ms()),
        )


class Call:
    """One request. Everything a handler may ask of it."""

    __slots__ = (
        "_asgi",
        "_parameters",
        "_query",
        "caller",
        "db",
        "deadline",
        "headers",
        "is_api",
        "method",
        "org",
        "org_id",
        "rate_headers",
        "receive",
        "request_id",
        "scope",
        "services",
        "settings",
    )

    def __init__(self, services: Services, asgi: Scope, receive: Receive, *, is_api: bool) -> None:
        self.services = services
        self.db = services.db
        self.settings = services.settings
        self.receive = receive
        self.headers: dict[bytes, bytes] = dict(asgi["headers"])
        self.method: str = asgi["method"]
        self.request_id = request_id(self.headers.get(b"x-request-id"), services.ids)
        self.is_api = is_api
        self.caller: Caller | None = None
        self.org = 0  # no organization has this number
        self.org_id = ""
        self.scope: QueueScope = ALL_QUEUES
        self.rate_headers: Sequence[Header] = ()
        self.deadline = 0.0  # on the loop's clock: see middleware/time_limit.py
        self._asgi = asgi
        self._parameters: Mapping[str, str] = {}
        self._query: list[tuple[str, str]] | None = None

    def matched(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    def admit(self, caller: Caller) -> None:
        self.caller = caller
        self.org = caller.org
        self.org_id = caller.org_id
        self.scope = caller.scope

    @property
    def now_ms(self) -> int:
        return self.services.clock.now_ms()

    def path(self, name: str) -> str:
        """A segment of the path, percent-decoded; never empty."""
        return self._parameters[name]

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.lower().encode("ascii"))
        return None if value is None else value.decode("latin-1")

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; the last one when a name is repeated."""
        return dict(self._pairs())

    def query_all(self, name: str) -> list[str]:
        """Every value of a parameter that may be repeated."""
        return [value for key, value in self._pairs() if key == name]

    async def body(self, kind: type[T]) -> T:
        """The body as a value of this type; see `body.decode` for what it raises."""
        raw = await read_body(self.receive, self.headers.get(b"content-length"))
        check_text(raw)
        return decode(kind, raw)

    async def body_or_empty(self, kind: type[T]) -> T:
        """As `body`, for a type that requires no field: nothing and `[]` count as `{}`."""
        raw = await read_body(self.receive, self.headers.get(b"content-length"))
        if is_nothing(raw):
            raw = b"{}"
        check_text(raw)
        return decode(kind, raw)

    def is_gone(self) -> bool:
        """Whether the client has left, as far as the loop knows. A look, no wait."""
        look: Callable[[], bool] | None = self._asgi.get("extensions", {}).get(IS_GONE)
        return False if look is None else look()

    def allow_seconds(self, extra: float) -> None:
        """Waiting that the caller asked for does not count as handler time."""
        self.deadline += extra

    def _pairs(self) -> list[tuple[str, str]]:
        if self._query is None:
            text = self._asgi["query_string"].decode("utf-8", "replace")
            try:
                self._query = parse_qsl(
                    text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX
                )
            except ValueError:
                raise BadRequest(f"The query has more than {QUERY_FIELDS_MAX} parameters") from None
        return self._query
