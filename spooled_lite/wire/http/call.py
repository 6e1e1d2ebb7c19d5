"""A request as handlers see it, and the answers they give."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, ParamSpec, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from spooled_lite.call_notes import CallNotes
from spooled_lite.core.answers.keep import KeyedCall
from spooled_lite.core.auth.verify import ShownCredential, while_valid
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.keys.records import Scope as QueueScope
from spooled_lite.errors import BadRequest, OutageReason
from spooled_lite.plans import Plans
from spooled_lite.storage.readers import Reads
from spooled_lite.storage.transaction import Operation
from spooled_lite.storage.turns import OUTSIDE
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.body import (
    ClientGone,
    check_coding,
    decode_body,
    decode_body_or_empty,
    read_body,
)
from spooled_lite.wire.http.server.scope import ABORT, IS_GONE
from spooled_lite.wire.identity import Identity
from spooled_lite.wire.live.tokens import TopicGrant
from spooled_lite.wire.off_loop import ON_LOOP_BYTES_MAX
from spooled_lite.wire.realtime.ends import End
from spooled_lite.wire.request_id import request_id
from spooled_lite.wire.services import Services

P = ParamSpec("P")
T = TypeVar("T")

QUERY_FIELDS_MAX: Final = 100
JSON: Final = b"application/json"
HTML: Final = b"text/html; charset=utf-8"

_LEAVES: Final = ("http.disconnect", "websocket.disconnect")
_encode: Final = msgspec.json.Encoder().encode


class Reply:
    """A complete answer. `api.py` and `pages.py` add the headers that every answer has."""

    __slots__ = ("body", "headers", "media", "policy", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Sequence[Header] = (),
        *,
        media: bytes = JSON,
        policy: bytes | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.media = media
        self.policy = policy  # the Content-Security-Policy of a page; None: that of the API


class StreamReply(Reply):
    """An answer that goes on: after its head, `run` writes until the stream ends.

    Status 101 is a WebSocket. Who calls the handler must call `close` in the end, also after an
    error.
    """

    __slots__ = ("close", "finish", "run")

    def __init__(
        self,
        status: int,
        headers: Sequence[Header] = (),
        *,
        media: bytes = JSON,
        run: Callable[[Receive, Send], Awaitable[None]],
        close: Callable[[], None],
        finish: Callable[[End], None] | None = None,
    ) -> None:
        super().__init__(status, headers=headers, media=media)
        self.run = run
        self.close = close
        self.finish = finish  # ends a stream of events early, for this reason


def reply(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> Reply:
    return Reply(status, _encode(value), headers)


NO_CONTENT: Final = Reply(204)


class Call:
    """One request, with everything that a handler may use to answer it."""

    __slots__ = (
        "_admitted_in",
        "_asgi",
        "_body_bytes",
        "_parameters",
        "_query",
        "caller",
        "check_rights",
        "db",
        "deadline",
        "grant",
        "headers",
        "identity",
        "is_admin",
        "is_api",
        "is_upgrade",
        "keyed",
        "method",
        "notes",
        "org",
        "org_id",
        "rate_headers",
        "receive",
        "request_id",
        "scope",
        "services",
        "settings",
        "trouble",
    )

    def __init__(self, services: Services, asgi: Scope, receive: Receive, *, is_api: bool) -> None:
        self.services = services
        self.db = services.db
        self.settings = services.state.settings
        self.receive = receive
        self.headers: dict[bytes, bytes] = dict(asgi["headers"])
        self.method: str = asgi["method"]
        self.request_id = request_id(self.headers.get(b"x-request-id"), services.ids)
        self.notes = CallNotes(self.request_id)
        self.is_api = is_api
        self.is_upgrade = asgi["type"] == "websocket"
        self.caller: Caller | None = None
        self.check_rights: Callable[[Caller], None] = _needs_none  # replaced by `admit`
        self.keyed: KeyedCall | None = None  # set by `run_once`: the answer is to be kept
        self.identity: Identity | None = None  # the credential of a caller that opens a stream
        self.grant: TopicGrant | None = None  # of a caller that shows a token for topics
        # Whether the caller showed the key of the server; set where others may call, too.
        self.is_admin = False
        self.org = 0  # no organization has this number
        self.org_id = ""
        self.scope: QueueScope = ALL_QUEUES
        self.rate_headers: Sequence[Header] | None = None  # None: the caller has no rate limit
        self.trouble: OutageReason | None = None  # the reason when the answer is 503
        self.deadline = 0.0  # on the loop's clock: see wire/time_limit.py
        self._admitted_in = 0  # the generation of `Callers` when this caller was admitted
        self._asgi = asgi
        self._body_bytes = 0
        self._parameters: Mapping[str, str] = {}
        self._query: list[tuple[str, str]] | None = None

    def matched(self, route: str, parameters: Mapping[str, str]) -> None:
        """Note the path of the route, a template, and the values of its parameters."""
        self.notes.route = route
        self._parameters = parameters

    def admit(self, caller: Caller) -> None:
        self._admitted_in = self.services.callers.generation
        self.caller = caller
        self.org = caller.org
        self.org_id = self.notes.org_id = caller.org_id
        self.notes.key_id = caller.key_id
        self.scope = caller.scope

    @property
    def plans(self) -> Plans:
        return self.services.plans

    @property
    def owner(self) -> int:
        """The owner in whose turns this call reads and writes.

        That is its organization, or OUTSIDE for all calls without one.
        """
        return self.org or OUTSIDE

    @property
    def reads(self) -> Reads:
        """Reads of the database in the turns of this call's owner."""
        return self.db.readers.of(self.owner)

    def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Write in the turns of this call's owner. See `Database.submit`."""
        return self.db.submit(self.org or OUTSIDE, operation, *args, **kwargs)

    def write_while_valid(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """As `write`, for operations that grant rights.

        The credential is checked again in the transaction of the operation.
        """
        caller = self.caller
        if caller is None:
            return self.write(operation, *args, **kwargs)
        token_id = None if caller.token is None else caller.token.jti
        shown = ShownCredential(caller.key, caller.secret_id, token_id)
        return self.write(while_valid, shown, lambda tx: operation(tx, *args, **kwargs))

    @property
    def now_ms(self) -> int:
        return self.services.clock.now_ms()

    @property
    def peer(self) -> str | None:
        """The address at the other end of the connection; see `rate_limit.client_address`."""
        client = self._asgi.get("client")
        return None if client is None else str(client[0])

    @property
    def scheme(self) -> str:
        """`http` or `https`, of the connection itself."""
        return str(self._asgi.get("scheme", "http"))

    @property
    def base_url(self) -> str:
        """The URL of this server: the setting `public_url`, else taken from the Host header."""
        if self.settings.public_url is not None:
            return self.settings.public_url
        host = self.headers.get(b"host", b"").decode("ascii", "replace")
        return f"{self.scheme}://{host or self.settings.host}"

    def path(self, name: str) -> str:
        """A segment of the path, percent-decoded; never empty."""
        return self._parameters[name]

    def header(self, name: str) -> str | None:
        """The text of a header, read as UTF-8 when it is valid UTF-8, else as Latin-1."""
        value = self.headers.get(name.lower().encode("ascii"))
        if value is None:
            return None
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")

    @property
    def parameters(self) -> Mapping[str, str]:
        """Those of the path, by name."""
        return self._parameters

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; the last one when a name is repeated."""
        return dict(self._pairs())

    def query_all(self, name: str) -> list[str]:
        """Every value of a parameter that may be repeated."""
        return [value for key, value in self._pairs() if key == name]

    async def body(self, kind: type[T]) -> T:
        """The body as a value of this type.

        Raises:
            What `read_body`, `check_coding` and `decode_body` raise.
            Unauthorized, AccessDenied: the caller lost its rights while the body came.
        """
        return await self._decoded(decode_body, kind)

    async def body_or_empty(self, kind: type[T]) -> T:
        """As `body`, for a type that requires no field: no body, `null` and `[]` count as `{}`."""
        return await self._decoded(decode_body_or_empty, kind)

    async def raw_body(self) -> bytes:
        """The bytes of the body. Raises: as `check_coding` and `read_body`."""
        check_coding(self.headers.get(b"content-encoding"))
        raw = await read_body(self.receive, self.headers.get(b"content-length"))
        self._body_bytes = len(raw)
        return raw

    async def off_loop(self, work: Callable[..., T], *arguments: Any) -> T:
        """Work on the body or a part of it, on a thread beside the loop when the body is large."""
        if self._body_bytes <= ON_LOOP_BYTES_MAX:
            return work(*arguments)  # nearly always; `OffLoop.run` would only add a call
        owner = self.peer if self.caller is None else self.org
        return await self.services.off_loop.run(owner, self._body_bytes, work, *arguments)

    async def _decoded(self, decode: Callable[[type[T], bytes], T], kind: type[T]) -> T:
        """Read and decode the body, then check the caller again: the body may have come slowly.

        Nothing is checked when no key or token has changed meanwhile.
        """
        value = await self.off_loop(decode, kind, await self.raw_body())
        if self._admitted_in != self.services.callers.generation:
            await self.admit_again()
        return value

    async def check_still_admitted(self) -> None:
        """As `admit_again`, unless no key and no token has changed since."""
        if self._admitted_in != self.services.callers.generation:
            await self.admit_again()

    async def admit_again(self) -> None:
        """Check after a wait that the caller, if there is one, still has its rights.

        Raises:
            Unauthorized, AccessDenied: it has lost them.
        """
        if self.caller is not None:
            self.admit(await self.services.callers.again(self.caller))
            self.check_rights(self.caller)

    def extension(self, name: str) -> Any:
        """The extension of this name, which the server or a wrapper added to the scope."""
        return self._asgi.get("extensions", {}).get(name)

    def is_gone(self) -> bool:
        """Whether the client has left, as far as the loop knows. Returns at once."""
        look: Callable[[], bool] | None = self.extension(IS_GONE)
        return False if look is None else look()

    def abort(self) -> NoReturn:
        """Cut the connection without an answer. Raises ClientGone."""
        cut: Callable[[], None] | None = self.extension(ABORT)
        if cut is not None:
            cut()
        raise ClientGone

    async def until_gone(self) -> None:
        """Return when the client has left. Use it once the body was read, or when there is none."""
        while (await self.receive())["type"] not in _LEAVES:
            pass

    def allow_seconds(self, extra: float) -> None:
        """Extend the time limit, for a wait that the caller asked for."""
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


def _needs_none(caller: Caller) -> None:
    """The check of rights for a route that requires no permission."""
