"""How a request is let in: who may call a route, how that is proved, and how often.

Each section is one kind of proof. The route table says which one a route asks for. gRPC asks for
a key on every call, by the same rules (`wire/grpc/call.py`, `Call.admit`): who is calling, how
often, and may they, in this order, so that refusals count as well.

Contract: README, section 8.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Final, NoReturn, Protocol

from spooled_lite.config import PROVIDER_SECRET_CHARS_MIN
from spooled_lite.core.ingest.records import Provider, Receiver
from spooled_lite.core.ingest.verify import SETTINGS, Signing, is_signed, is_token_of, secret_for
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.errors import (
    AccessDenied,
    AdminNotConfigured,
    AuthenticationFailed,
    BadRequest,
    InvalidAdminHeader,
    InvalidAdminKey,
    MissingAdminKey,
    RateLimited,
    SecretMissing,
    SpooledError,
    Unauthorized,
)
from spooled_lite.wire.caller import Caller, credential_of
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.headers import versions
from spooled_lite.wire.rates.rate_limit import client_address, rate_headers

logger = logging.getLogger(__name__)


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"  # no credential; one that is present is ignored
    KEY = "key"  # an API key; its queue scope applies
    STREAM = "stream"  # as KEY; the credential may stand in the query, too
    UNSCOPED = "unscoped"  # an API key without a queue restriction
    REGISTRATION = "registration"  # public, or the admin key, or nobody: as registration is set
    BOOTSTRAP = "bootstrap"  # an unscoped key, the admin key, or neither: the handler decides
    ADMIN = "admin"  # the admin key, in a header of its own; any other credential is ignored
    METRICS = "metrics"  # public, or the metrics token when there is one
    # The metrics token or the admin key: of the whole server. A key, without a token: of its own.
    OWN_METRICS = "own metrics"
    HOOK_TOKEN = "hook-token"  # as PUBLIC; the handler asks for the webhook token or a key
    SIGNATURE = "signature"  # as PUBLIC; the handler asks for a provider's signature
    NONE = "none"  # always refused, before any look at a credential


class Rule(Protocol):
    """What the route table says of who may call a route."""

    @property
    def access(self) -> Access: ...
    @property
    def words(self) -> tuple[str, ...]:
        """Permissions, any of which will do; none: not asked for."""
        ...

    @property
    def is_unlimited(self) -> bool:
        """For watchers of the server: no limit per address. Contract: platform, section 4."""
        ...


_UNSCOPED: Final = frozenset({Access.UNSCOPED, Access.BOOTSTRAP})


async def admit(call: Call, rule: Rule) -> None:
    """Raises whatever keeps the call out."""
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
        case Access.PUBLIC | Access.HOOK_TOKEN | Access.SIGNATURE:
            _admit_address(call, rule)
        case Access.METRICS:
            check_metrics_token(call)
        case Access.OWN_METRICS:
            await _admit_scraper(call, rule)
        case Access.ADMIN:
            call.rate_headers = ()  # whoever has the admin key is not limited
            await check_admin_key(call)
        case Access.REGISTRATION:
            _admit_address(call, rule)
            await _check_registration(call)
        case Access.BOOTSTRAP:
            await _admit_bootstrap(call, rule)


# -- a key, or a token made from one -------------------------------------------------------------


async def _admit_key(call: Call, rule: Rule) -> None:
    _let_in(call, rule, await call.services.callers.authenticate(call.headers))


def _let_in(call: Call, rule: Rule, caller: Caller) -> None:
    """Who is calling, how often, and may they: in this order, so that refusals count too."""
    call.admit(caller)
    now_ms = call.now_ms
    standing = call.services.rates.charge(caller, now_ms)
    call.rate_headers = rate_headers(standing, now_ms)
    if standing is not None:
        standing.check()
    call.check_rights = partial(_check_rights, rule, call.settings.enforce_key_permissions)
    call.check_rights(caller)


def _check_rights(rule: Rule, is_enforced: bool, caller: Caller) -> None:
    if is_enforced and rule.words:
        caller.check_may(*rule.words)
    if rule.access in _UNSCOPED and not caller.scope.is_unrestricted:
        raise AccessDenied("This call needs a key without a queue restriction")


# -- no credential -------------------------------------------------------------------------------


def _admit_address(call: Call, rule: Rule) -> None:
    """How often this address calls, where nobody has to say who is calling."""
    if rule.is_unlimited:
        return
    now_ms = call.now_ms
    standing = call.services.rates.charge_address(client_address(call), now_ms)
    call.rate_headers = rate_headers(standing, now_ms)
    standing.check()


async def _check_registration(call: Call) -> None:
    """Raises AccessDenied: registration is closed, or by an invitation that does not exist yet."""
    if await may_register(call):
        return
    if call.settings.registration_mode == "closed":
        raise AccessDenied("Registration is closed; it needs the admin key")
    raise AccessDenied("Registration is by invitation only")


async def may_register(call: Call) -> bool:
    """Who may make an organization. Contract: platform, section 8.2."""
    match call.settings.registration_mode:
        case "open":
            return True
        case "closed":
            return await has_admin_key(call)
        case "invite":
            return False


async def _admit_bootstrap(call: Call, rule: Rule) -> None:
    """A credential that is shown has to be right. Without one the handler decides, where
    registration is open. Contract: platform, section 8.4.
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

    After too many failures of an address nothing that comes from it is compared until the minute
    is over: the right key among thousands of guesses is refused like the others. A wrong key waits
    for its answer, behind the other wrong ones of its address.

    Raises:
        RateLimited: too many failures from this address lately.
        AdminNotConfigured: the server has none.
        MissingAdminKey, InvalidAdminHeader, InvalidAdminKey: what is wrong with the one shown.
    """
    failures, address = call.services.admin_failures, client_address(call)
    failures.check(address, call.now_ms)
    refused = _what_is_wrong_with_admin_key(call)
    if refused is None:
        return
    failures.fail(address, call.now_ms)
    if isinstance(refused, InvalidAdminKey):
        await failures.wait_turn(address)
    raise refused


async def has_admin_key(call: Call) -> bool:
    """Whether the call shows the admin key, where something else may open the door as well.

    A wrong one counts as a failure, none does not: trying keys here is no cheaper than elsewhere.

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
    """In a time that tells neither how much of it is right nor how long it should be."""
    digests = (hashlib.sha256(each).digest() for each in (shown, wanted))
    return hmac.compare_digest(*digests)


# -- scrapers of metrics. Contract: platform, section 14 -----------------------------------------


async def _admit_scraper(call: Call, rule: Rule) -> None:
    """A scraper of the whole server, or a key that looks at its own organization."""
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
        RateLimited: its address has failed too often; then nothing is compared any more.
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
    """Whether the bearer is the token; anybody may when there is none."""
    if token is None:
        return True
    shown = credential_of(headers) if b"authorization" in headers else None
    return _is_same((shown or "").encode(), token.encode())


# -- webhooks that come in. Contract: schedules-workflows-webhooks, section 4.2 -------------------
# Their handlers ask for these proofs, once they have the body.

_TOKEN: Final = b"x-webhook-token"
_SIGNATURES: Final[dict[Signing, str]] = {
    "github": "X-Hub-Signature-256",
    "stripe": "Stripe-Signature",
}
_SENDERS_WORD: Final = "jobs:write"  # of a key that takes the place of the token


def check_https(call: Call) -> None:
    """Raises BadRequest: a webhook came over plain HTTP, in production."""
    if call.settings.environment != "production" or call.scheme == "https":
        return
    # Each proxy adds what it saw; the first one is the nearest to the sender.
    said = call.headers.get(b"x-forwarded-proto", b"").partition(b",")[0]
    if said.strip().lower() != b"https":
        raise BadRequest("HTTPS is required for webhooks in production")


async def check_signed(call: Call, receiver: Receiver, provider: Signing, body: bytes) -> None:
    """A token need not be shown, but one that is has to be the right one.

    Raises:
        AuthenticationFailed: a wrong token, or a signature that is missing, wrong or too old.
        SecretMissing: nothing can be checked.
        AccessDenied: the organization is suspended.
    """
    if _shown_token(call) and not is_token_of(receiver, _shown_token(call)):
        _refuse(call, receiver, provider, "wrong token")
    settings = call.settings
    is_strict = settings.environment != "development"  # as for the server's own secrets
    try:
        secret = secret_for(
            receiver,
            provider,
            getattr(settings, SETTINGS[provider]),
            chars_min=PROVIDER_SECRET_CHARS_MIN if is_strict else 1,
        )
    except SecretMissing:
        _note_refusal(call, receiver, provider, "no usable secret")
        raise
    signature = call.header(_SIGNATURES[provider])
    now_ms = call.now_ms
    if not await call.off_loop(lambda: is_signed(provider, secret, signature, body, now_ms=now_ms)):
        why = "no signature" if signature is None else "wrong or outdated signature"
        _refuse(call, receiver, provider, why)
    check_active(receiver)


async def scope_of_sender(call: Call, receiver: Receiver) -> Scope:
    """The queues that the sender may use: all of them with the token, those of a key without.

    Raises:
        AuthenticationFailed: a wrong token; or none, and no credential of this organization.
        AccessDenied: the key may not make jobs, or the organization is suspended.
    """
    token = _shown_token(call)
    if token:
        if not is_token_of(receiver, token):
            _refuse(call, receiver, "custom", "wrong token")
        return ALL_QUEUES
    try:
        caller = await call.services.callers.authenticate(call.headers)
    except Unauthorized:
        _refuse(call, receiver, "custom", "no token and no key")
    except AccessDenied:
        # Of a suspended organization: this one's own is told so, a stranger nothing.
        if receiver.is_active:
            _refuse(call, receiver, "custom", "key of another organization")
        raise
    if caller.org != receiver.org:
        _refuse(call, receiver, "custom", "key of another organization")
    if call.settings.enforce_key_permissions:
        caller.check_may(_SENDERS_WORD)
    return caller.scope


def _shown_token(call: Call) -> bytes:
    return call.headers.get(_TOKEN, b"").strip()


def check_active(receiver: Receiver) -> None:
    """After the proof: whether an organization is suspended is nobody else's business."""
    if not receiver.is_active:
        raise AccessDenied("This organization is suspended")


def _refuse(call: Call, receiver: Receiver, provider: Provider, why: str) -> NoReturn:
    """Raises AuthenticationFailed, which does not say why: the log does."""
    _note_refusal(call, receiver, provider, why)
    raise AuthenticationFailed("The webhook could not be verified")


def _note_refusal(call: Call, receiver: Receiver, provider: Provider, why: str) -> None:
    """Nothing of what was sent gets into the log: it may hold secrets, or lines made up."""
    call.services.metrics.count("spooled_inbound_refused_total")
    call.services.counted.log(
        logger,
        logging.WARNING,
        f"{provider} webhooks for {receiver.org_id} refused: {why}",
        "%s webhook for %s refused: %s",
        provider,
        receiver.org_id,
        why,
    )
