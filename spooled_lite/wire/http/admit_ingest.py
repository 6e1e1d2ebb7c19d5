"""How an incoming webhook is let in: its token, its signature, and whether it came over HTTPS.

`admit.py` lets the call in as far as its address, before the body is read. What is here needs the
receiving organization, and mostly the body as well, so the handlers call it themselves.

Contract: schedules-workflows-webhooks, section 4.2.
"""

import logging
from typing import Final, NoReturn

from spooled_lite.config import PROVIDER_SECRET_CHARS_MIN
from spooled_lite.core.ingest.columns import Provider
from spooled_lite.core.ingest.records import Receiver
from spooled_lite.core.ingest.verify import (
    SECRET_SETTINGS,
    Signing,
    is_signed,
    is_token_of,
    secret_for,
)
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadRequest,
    SecretMissing,
    Unauthorized,
)
from spooled_lite.wire.http.admit import check_came_from_here
from spooled_lite.wire.http.call import Call

logger = logging.getLogger(__name__)

_TOKEN: Final = b"x-webhook-token"
_SIGNATURES: Final[dict[Signing, str]] = {
    "github": "X-Hub-Signature-256",
    "stripe": "Stripe-Signature",
}
_PERMISSION: Final = "jobs:write"  # of a key that takes the place of the token


def check_https(call: Call) -> None:
    """Refuse a webhook that came over plain HTTP in production. Raises BadRequest."""
    if call.settings.environment != "production" or call.scheme == "https":
        return
    # Each proxy adds the protocol it was called with; the first is the one nearest to the sender.
    said = call.headers.get(b"x-forwarded-proto", b"").partition(b",")[0]
    if said.strip().lower() != b"https":
        raise BadRequest("HTTPS is required for webhooks in production")


async def check_signed(call: Call, receiver: Receiver, provider: Signing, body: bytes) -> None:
    """Let a provider's webhook through if its body is signed. A token is optional, but a wrong
    one is refused.

    Raises:
        AuthenticationFailed: a wrong token, or a signature that is missing, wrong or too old.
        SecretMissing: there is no secret to check the signature with.
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
            getattr(settings, SECRET_SETTINGS[provider]),
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
    """The queues that the sender may use: all of them with the token, otherwise those of its key.

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
        if caller.is_in_process:
            check_came_from_here(call)
    except Unauthorized:
        _refuse(call, receiver, "custom", "no token and no key")
    except AccessDenied:
        # The key's organization is suspended. Only a key of the receiver is told so: to others
        # it must not matter whether the receiver is suspended.
        if receiver.is_active:
            _refuse(call, receiver, "custom", "key of another organization")
        raise
    if caller.org != receiver.org:
        _refuse(call, receiver, "custom", "key of another organization")
    if call.settings.enforce_key_permissions:
        caller.check_may(_PERMISSION)
    return caller.scope


def _shown_token(call: Call) -> bytes:
    return call.headers.get(_TOKEN, b"").strip()


def check_active(receiver: Receiver) -> None:
    """Refuse a suspended organization. Called after the proof: strangers must not learn of it."""
    if not receiver.is_active:
        raise AccessDenied("This organization is suspended")


def _refuse(call: Call, receiver: Receiver, provider: Provider, why: str) -> NoReturn:
    """Log why, and raise AuthenticationFailed, which does not say why."""
    _note_refusal(call, receiver, provider, why)
    raise AuthenticationFailed("The webhook could not be verified")


def _note_refusal(call: Call, receiver: Receiver, provider: Provider, why: str) -> None:
    """Count and log a refusal. Nothing that the sender wrote gets into the log: it may hold
    secrets, or forged lines."""
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
