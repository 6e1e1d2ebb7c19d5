"""How a request is let in: who may call a route, how that is proved, and how often.

Each section is one kind of proof. The route table says which one a route asks for. Two stand
elsewhere: incoming webhooks prove where they come from once their body is read
(`admit_ingest.py`), and gRPC asks for a key on every call, by the same rules as here
(`wire/grpc/call.py`, `Call.admit`): who is calling, how often, and may they, in this order, so
that refused calls count as well.

Contract: README, section 8.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final, Protocol

from spooled_lite.errors import (
    AccessDenied,
    AdminNotConfigured,
    InvalidAdminHeader,
    InvalidAdminKey,
    MissingAdminKey,
    RateLimited,
    SpooledError,
    Unauthorized,
)
from spooled_lite.wire.access_log import ADMIN_KEY_ID
from spooled_lite.wire.caller import Caller, credential_of
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.headers import versions
from spooled_lite.wire.http.server.scope import ABORT
from spooled_lite.wire.identity import INVALID, MISSING
from spooled_lite.wire.rates.rate_limit import client_address, rate_headers


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"  # no credential; one that is present is ignored
    KEY = "key"  # an API key; its queue scope applies
    STREAM = "stream"  # as KEY; the credential may stand in the query, too
    # A token that grants topics, in the query: what it grants is `call.grant`. The key that made it
    # must still be able to make such tokens.
    TOPIC_TOKEN = "rt-token"
    UNSCOPED = "unscoped"  # an API key without a queue restriction
    # Public, the admin key only, or always refused: as the setting `registration` says.
    REGISTRATION = "registration"
    BOOTSTRAP = "bootstrap"  # an unscoped key, the admin key, or neither: the handler decides
    UNSCOPED_OR_ADMIN = "unscoped-or-admin"  # as UNSCOPED, or the admin key
    ADMIN = "admin"  # the admin key, in a header of its own; any other credential is ignored
    METRICS = "metrics"  # public, or the metrics token when there is one
    # The metrics token or the admin key shows the whole server. Where no metrics token is set, an
    # API key shows its own organization.
    OWN_METRICS = "own metrics"
    # As PUBLIC; then the handler asks for a proof: see `admit_ingest.py`.
    HOOK_TOKEN = "hook-token"  # the webhook token, or a key
    SIGNATURE = "signature"  # a provider's signature
    NONE = "none"  # always refused, before any look at a credential

    # That of `Enum` is a function of Python. Each is equal to itself.
    __hash__ = object.__hash__


class AccessRule(Protocol):
    """What the route table says of who may call a route."""

    @property
    def access(self) -> Access: ...
    @property
    def words(self) -> tuple[str, ...]:
        """Permissions, any one of which is enough; empty: none is needed."""
        ...

    @property
    def is_unlimited(self) -> bool:
        """For watchers of the server: no limit per address. Contract: platform, section 4."""
        ...

    @property
    def is_spared(self) -> bool:
        """The rate limit counts the call and never refuses it. Contract: amendments, G15."""
        ...


UNSCOPED: Final = frozenset({Access.UNSCOPED, Access.BOOTSTRAP, Access.UNSCOPED_OR_ADMIN})


async def admit(call: Call, rule: AccessRule) -> None:
    """Let the call in, or raise the error that refuses it."""
    access = rule.access
    if access is Access.NONE:
        return
    if call.is_api:
        versions.check_version(call.headers.get(b"x-api-version"))
    match access:
        case Access.KEY | Access.UNSCOPED:
            await _admit_key(call, rule)
        case Access.STREAM:
            identities = call.services.identities
            identity = await identities.of(call.headers, call.query_all, now_ms=call.now_ms)
            call.identity = identity
            _let_in(call, rule, identity.caller)
        case Access.TOPIC_TOKEN:
            await _admit_topic_token(call, rule)
        case Access.PUBLIC | Access.HOOK_TOKEN | Access.SIGNATURE:
            _admit_address(call, rule)
        case Access.METRICS:
            check_metrics_token(call)
        case Access.OWN_METRICS:
            await _admit_scraper(call, rule)
        case Access.ADMIN:
            call.rate_headers = ()  # a caller with the admin key is not limited
            await check_admin_key(call)
        case Access.REGISTRATION:
            _admit_address(call, rule)
            await _check_registration(call)
        case Access.BOOTSTRAP:
            await _admit_bootstrap(call, rule)
        case Access.UNSCOPED_OR_ADMIN if _ADMIN_KEY in call.headers:
            call.rate_headers = ()
            await check_admin_key(call)
            call.is_admin = True
        case Access.UNSCOPED_OR_ADMIN:
            await _admit_key(call, rule)


# -- a key, or a token made from one -------------------------------------------------------------


async def _admit_key(call: Call, rule: AccessRule) -> None:
    _let_in(call, rule, await call.services.callers.authenticate(call.headers))


def _let_in(call: Call, rule: AccessRule, caller: Caller) -> None:
    """Who is calling, how often, and may they: in this order, so that refusals count too."""
    if caller.is_in_process:
        check_came_from_here(call)
    call.admit(caller)
    now_ms = call.now_ms
    standing = call.services.rates.charge(caller, now_ms, is_spared=rule.is_spared)
    call.rate_headers = rate_headers(standing, now_ms)
    if standing is not None:
        standing.check()
    call.check_rights = partial(_check_rights, rule, call.settings.enforce_key_permissions)
    call.check_rights(caller)


def check_came_from_here(call: Call) -> None:
    """Refuse the key of the process where a listener of ours has taken the call.

    Raises:
        Unauthorized: it has left the process.
    """
    if call.extension(ABORT) is not None:
        raise Unauthorized


def _check_rights(rule: AccessRule, is_enforced: bool, caller: Caller) -> None:
    if is_enforced and rule.words:
        caller.check_may(*rule.words)
    if rule.access in UNSCOPED and not caller.scope.is_unrestricted:
        raise AccessDenied("This call needs a key without a queue restriction")


# -- a token for topics ---------------------------------------------------------------------------


async def _admit_topic_token(call: Call, rule: AccessRule) -> None:
    """Let in the holder of a token for topics, in the name of the key that made it.

    Holders are many and far from the key: they count for their address, not for the key.

    Raises:
        Unauthorized: there is no token, it is not valid, or its key may not make it any more.
        AccessDenied: the organization is suspended.
    """
    _admit_address(call, rule)
    token = call.query.get("token")
    if not token:
        raise Unauthorized(MISSING)
    grant = call.services.topic_tokens.read(token, now_ms=call.now_ms)
    if grant is None:
        raise Unauthorized(INVALID)
    call.admit(await call.services.hub.rights.of_grant(grant))
    call.grant = grant


# -- no credential -------------------------------------------------------------------------------


def _admit_address(call: Call, rule: AccessRule) -> None:
    """Count the call for its address, on a route that needs no credential. Raises RateLimited."""
    if rule.is_unlimited:
        return
    now_ms = call.now_ms
    standing = call.services.rates.charge_address(client_address(call), now_ms)
    call.rate_headers = rate_headers(standing, now_ms)
    standing.check()


async def _check_registration(call: Call) -> None:
    """Raises AccessDenied: registration is closed, or by invitation, which is not built yet."""
    if await may_register(call):
        return
    if call.settings.registration_mode == "closed":
        raise AccessDenied("Registration is closed; it needs the admin key")
    raise AccessDenied("Registration is by invitation only")


async def may_register(call: Call) -> bool:
    """Whether this call may create an organization. Contract: platform, section 8.2."""
    match call.settings.registration_mode:
        case "open":
            return True
        case "closed":
            return await has_admin_key(call)
        case "invite":
            return False


async def _admit_bootstrap(call: Call, rule: AccessRule) -> None:
    """A credential that is sent has to be right. Without one the call gets through where
    registration is open, and the handler decides. Contract: platform, section 8.4.
    """
    shows_key = b"authorization" in call.headers or b"x-api-key" in call.headers
    if shows_key and not await has_admin_key(call):
        await _admit_key(call, rule)
    elif shows_key or b"x-admin-key" in call.headers:
        await check_admin_key(call)
        call.is_admin, call.rate_headers = True, ()
    else:
        _admit_address(call, rule)
        if call.settings.registration_mode != "open":
            raise Unauthorized


# -- the admin key. Contract: platform, section 11 -----------------------------------------------

_ADMIN_KEY: Final = b"x-admin-key"
_PRINTABLE: Final = frozenset((*range(0x20, 0x7F), 0x09))


async def check_admin_key(call: Call) -> None:
    """Let the call through if it shows the admin key.

    After too many failures of an address its keys are not compared any more until the minute is
    over: the right key among thousands of guesses is refused like the others. A call with a wrong
    key waits for its answer, behind the other such calls of its address.

    Raises:
        RateLimited: too many failures from this address lately.
        AdminNotConfigured: the server has none.
        MissingAdminKey, InvalidAdminHeader, InvalidAdminKey: what is wrong with the key sent.
    """
    failures, address = call.services.admin_failures, client_address(call)
    failures.check(address, call.now_ms)
    refused = _what_is_wrong_with_admin_key(call)
    if refused is None:
        call.notes.key_id = ADMIN_KEY_ID
        return
    failures.fail(address, call.now_ms)
    if isinstance(refused, InvalidAdminKey):
        await failures.wait_turn(address)
    raise refused


async def has_admin_key(call: Call) -> bool:
    """Whether the call shows the admin key, on a route that can be called without it as well.

    A wrong key counts as a failure, a missing one does not: guessing keys here is no cheaper than
    elsewhere.

    Raises:
        RateLimited: as `check_admin_key`.
    """
    if _ADMIN_KEY not in call.headers:
        return False
    try:
        await check_admin_key(call)
    except RateLimited:
        raise
    except SpooledError:
        return False
    return True


def _what_is_wrong_with_admin_key(call: Call) -> SpooledError | None:
    wanted, shown = call.settings.admin_key, call.headers.get(_ADMIN_KEY)
    if wanted is None:
        return AdminNotConfigured()
    if shown is None:
        return MissingAdminKey()
    if not _PRINTABLE.issuperset(shown):
        return InvalidAdminHeader()
    return None if _is_same(shown, wanted.encode("utf-8")) else InvalidAdminKey()


def _is_same(shown: bytes, wanted: bytes) -> bool:
    """Compare in a time that reveals neither how much of it is right nor how long it should be."""
    digests = (hashlib.sha256(each).digest() for each in (shown, wanted))
    return hmac.compare_digest(*digests)


# -- scrapers of metrics. Contract: platform, section 14 -----------------------------------------


async def _admit_scraper(call: Call, rule: AccessRule) -> None:
    """Let in a scraper of the whole server, or a key that sees its own organization."""
    if _ADMIN_KEY in call.headers:
        await check_admin_key(call)
    elif call.settings.metrics_token is not None:
        check_metrics_token(call)
    else:
        await _admit_key(call, rule)
        return
    call.is_admin = True


def check_metrics_token(call: Call) -> None:
    """Let the call through if it shows the metrics token, or there is none.

    Raises:
        Unauthorized: it shows another one, or none.
        RateLimited: its address has failed too often; then tokens are not compared any more.
    """
    token = call.settings.metrics_token
    if token is None:
        return
    failures, address = call.services.metrics_failures, client_address(call)
    failures.check(address, call.now_ms)
    if not may_scrape(call.headers, token):
        failures.fail(address, call.now_ms)
        raise Unauthorized("A valid metrics token is required")


def may_scrape(headers: Mapping[bytes, bytes], token: str | None) -> bool:
    """Whether the bearer credential is the metrics token. Where none is set, every caller may."""
    if token is None:
        return True
    shown = credential_of(headers) if b"authorization" in headers else None
    return _is_same((shown or "").encode(), token.encode())
