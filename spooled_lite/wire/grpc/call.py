"""A call or stream as the methods see it: its caller and what they need to serve it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeVar
from urllib.parse import unquote

from google.protobuf.message import DecodeError

from spooled_lite.call_notes import CallNotes
from spooled_lite.config import Settings
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import RuleBroken, SpooledError, Unauthorized
from spooled_lite.plans import Plans
from spooled_lite.storage.database import Database
from spooled_lite.storage.readers import Reads
from spooled_lite.storage.transaction import Operation
from spooled_lite.wire.caller import Caller
from spooled_lite.wire.grpc.errors import Context, refuse
from spooled_lite.wire.request_id import request_id
from spooled_lite.wire.services import Services
from spooled_lite.wire.waiting import claims as waiting

P = ParamSpec("P")
T = TypeVar("T")


class Endable(Protocol):
    def end(self, reason: SpooledError) -> None: ...


class Call:
    __slots__ = (
        "_headers",
        "caller",
        "context",
        "db",
        "deadline",
        "notes",
        "request",
        "services",
        "settings",
        "stream",
    )

    def __init__(self, services: Services, context: Context, route: str) -> None:
        """`route` is the name of the method, with that of its service."""
        self.services = services
        self.context = context
        self.db: Database = services.db
        self.settings: Settings = services.state.settings
        self._headers, given_id = _credential_and_id(context)
        self.caller: Caller | None = None
        self.notes = CallNotes(request_id(given_id, services.ids))
        self.notes.route = route
        self.deadline = 0.0  # set by the time limit
        self.request: Any = None  # the message, for who stands around the handler
        self.stream: Endable | None = None  # the stream that this call has open

    async def admit(self, word: str, *, is_spared: bool = False) -> None:
        """Check the credential, the rate limit and the permission.

        In this order, so that a call without the permission counts against the limit, too.

        Raises:
            Unauthorized, AccessDenied, RateLimited.

        Contract: grpc, section 2.
        """
        await self.authenticate()
        self.charge(is_spared=is_spared)
        if self.settings.enforce_key_permissions:
            self.admitted.check_may(word)

    async def authenticate(self) -> None:
        """Find the caller by its credential. A stream does this again while it is open.

        Raises:
            Unauthorized, AccessDenied.
        """
        caller = await self.services.callers.authenticate(self._headers)
        if caller.is_in_process:
            raise Unauthorized  # a call over gRPC comes from another process
        self.caller = caller
        self.notes.org_id, self.notes.key_id = caller.org_id, caller.key_id

    def charge(self, *, is_spared: bool = False) -> None:
        """Count one request. Raises RateLimited, unless the request `is_spared`."""
        services = self.services
        now_ms = services.clock.now_ms()
        standing = services.rates.charge(self.admitted, now_ms, is_spared=is_spared)
        if standing is not None:
            standing.check()

    @property
    def peer(self) -> str | None:
        return peer_of(self.context)

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return headers_of(self.context)

    async def off_loop(self, size_bytes: int, convert: Callable[..., T], *arguments: Any) -> T:
        """Convert a message of this size: here, or on a thread beside the loop when it is large."""
        return await self.services.off_loop.run(self.org, size_bytes, convert, *arguments)

    @property
    def admitted(self) -> Caller:
        assert self.caller is not None, "the call must be admitted first"
        return self.caller

    @property
    def org(self) -> int:
        return self.admitted.org

    @property
    def org_id(self) -> str:
        return self.admitted.org_id

    @property
    def scope(self) -> Scope:
        return self.admitted.scope

    @property
    def reads(self) -> Reads:
        """Reads of the database in the turns of this call's organization."""
        return self.db.readers.of(self.org)

    def write(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Write in the turns of this call's organization. See `Database.submit`."""
        return self.db.submit(self.org, operation, *args, **kwargs)

    @property
    def plans(self) -> Plans:
        return self.services.plans

    @property
    def claimer(self) -> waiting.Claimer:
        """What claims need to know of the caller. Its call is cancelled when it leaves."""
        caller = self.admitted
        token_id = None if caller.token is None else caller.token.jti
        return waiting.Claimer(
            caller.org, caller.key, caller.secret_id, self._is_late, None, token_id
        )

    def _is_late(self) -> bool:
        """Whether the deadline of the call has passed, so that its client no longer waits."""
        remaining = self.context.time_remaining()
        return remaining is not None and remaining <= 0


def parsed(kind: Any, raw: bytes) -> Any:
    """The bytes as a message of this class. Raises RuleBroken when they are not one."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise RuleBroken.of("request", "The message is malformed", "malformed") from None


async def read(kind: Any, raw: bytes, context: Context) -> Any:
    """As `parsed`, for services that ask for no credential: malformed bytes end the call."""
    try:
        return parsed(kind, raw)
    except RuleBroken as error:
        await refuse(context, error)


def peer_of(context: Context) -> str | None:
    """The address and port of the client, in the form that HTTP has them."""
    _, _, address = unquote(context.peer()).partition(":")  # cuts off `ipv4:`, `ipv6:`
    return address or None


def headers_of(context: Context) -> Mapping[bytes, bytes]:
    """The metadata of a call in the form of HTTP headers."""
    given = context.invocation_metadata() or ()
    return {name.encode(): _as_bytes(value) for name, value in given}


def _credential_and_id(context: Context) -> tuple[dict[bytes, bytes], bytes | None]:
    """The credential in the form of an HTTP header, where `x-api-key` wins over `authorization`;
    and the request id, if the caller sent one."""
    found: dict[str, str | bytes] = {}
    for name, value in context.invocation_metadata() or ():
        if name in ("x-api-key", "authorization", "x-request-id"):
            found[name] = value
    name = "x-api-key" if "x-api-key" in found else "authorization"
    value = _as_bytes(found.get(name, b""))
    if value.lstrip()[:7].lower() == b"bearer ":
        name = "authorization"  # `x-api-key` may hold `Bearer …`, too. Contract: platform, 2.1
    given_id = found.get("x-request-id")
    return {name.encode("ascii"): value}, None if given_id is None else _as_bytes(given_id)


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value
