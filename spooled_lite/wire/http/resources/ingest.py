"""Webhooks that come in become jobs, and the log of them.

Contract: schedules-workflows-webhooks, section 4. The checks stand in the order of 4.2.
"""

import logging
from typing import Any, Final, NoReturn

from msgspec import Raw, Struct

from spooled_lite.config import PROVIDER_SECRET_CHARS_MIN, Settings
from spooled_lite.core.ingest import custom as of_custom
from spooled_lite.core.ingest import github as of_github
from spooled_lite.core.ingest import stripe as of_stripe
from spooled_lite.core.ingest.log import LogFilter, list_log
from spooled_lite.core.ingest.receive import receive
from spooled_lite.core.ingest.records import Delivery, LogEntry, Outcome, Provider, Receiver
from spooled_lite.core.ingest.verify import SETTINGS, Signing, is_signed, is_token_of, secret_for
from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadRequest,
    NotJson,
    RuleBroken,
    SecretMissing,
    Unauthorized,
    WrongShape,
)
from spooled_lite.plans import Plans
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.http.body import decode_body
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged, time_ms

logger = logging.getLogger(__name__)

TOKEN: Final = b"x-webhook-token"
SIGNATURES: Final[dict[Signing, str]] = {
    "github": "X-Hub-Signature-256",
    "stripe": "Stripe-Signature",
}
OUTCOMES: Final[dict[str, Outcome]] = {"created": "created", "duplicate": "duplicate"}
NEEDED_WORD: Final = "jobs:write"  # of a key that takes the place of the token


class _Storing(Struct, frozen=True):
    """What `admission` asks: the organization stands where a caller would."""

    settings: Settings
    plans: Plans
    caller: Receiver


async def github(call: Call) -> Reply:
    receiver, body = await _opened(call)
    await _check_signed(call, receiver, "github", body)
    delivery = of_github.delivery(
        bytes(await call.off_loop(_decoded, Raw, body)),
        event=call.header("x-github-event"),
        delivery_id=call.header("x-github-delivery"),
    )
    return await _stored(call, receiver, delivery, field="body")


async def stripe(call: Call) -> Reply:
    receiver, body = await _opened(call)
    await _check_signed(call, receiver, "stripe", body)
    event = await call.off_loop(_decoded, of_stripe.StripeEvent, body)
    delivery = of_stripe.delivery(event)
    return await _stored(call, receiver, delivery, field="data.object")


async def custom(call: Call) -> Reply:
    receiver, body = await _opened(call)
    scope = await _scope_of_sender(call, receiver)
    _check_active(receiver)
    delivery = of_custom.delivery(await call.off_loop(decode_body, of_custom.CustomEvent, body))
    return await _stored(call, receiver, delivery, scope)


async def log(call: Call) -> Reply:
    """Words that `status` does not have are ignored."""
    shown, query = page(call), call.query
    wanted = LogFilter(
        status=OUTCOMES.get(query.get("status", "")),
        since_ms=time_ms(call, "since"),
        queue_name=query.get("queue_name") or query.get("queue") or None,
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_log, call.org, wanted)
    return paged([LogEntry.of(row) for row in rows], shown)


# -- the checks ----------------------------------------------------------------------------------


async def _opened(call: Call) -> tuple[Receiver, bytes]:
    """Whom the webhook is for, and its bytes as they came.

    Raises:
        BadRequest: it came over plain HTTP, in production.
        PayloadTooLarge: as `read_body`.
        NotFound: there is no such organization.
    """
    _check_https(call)
    body = await call.raw_body()
    row = await call.reads.point(get_by_id, call.path("org_id"))
    return Receiver.of(row), body


def _check_https(call: Call) -> None:
    if call.settings.environment != "production" or call.scheme == "https":
        return
    # Each proxy adds what it saw; the first one is the nearest to the sender.
    said = call.headers.get(b"x-forwarded-proto", b"").partition(b",")[0]
    if said.strip().lower() != b"https":
        raise BadRequest("HTTPS is required for webhooks in production")


async def _check_signed(call: Call, receiver: Receiver, provider: Signing, body: bytes) -> None:
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
    signature = call.header(SIGNATURES[provider])
    now_ms = call.now_ms
    if not await call.off_loop(lambda: is_signed(provider, secret, signature, body, now_ms=now_ms)):
        why = "no signature" if signature is None else "wrong or outdated signature"
        _refuse(call, receiver, provider, why)
    _check_active(receiver)


async def _scope_of_sender(call: Call, receiver: Receiver) -> Scope:
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
    if call.settings.enforce_key_permissions and not caller.may(NEEDED_WORD):
        raise AccessDenied(f"This key lacks the permission `{NEEDED_WORD}`")
    return caller.scope


def _shown_token(call: Call) -> bytes:
    return call.headers.get(TOKEN, b"").strip()


def _check_active(receiver: Receiver) -> None:
    """After the proof: whether an organization is suspended is nobody else's business."""
    if not receiver.is_active:
        raise AccessDenied("This organization is suspended")


def _decoded(kind: Any, body: bytes) -> Any:
    """The body of a provider. Raises BadRequest, whatever is wrong with it."""
    try:
        return decode_body(kind, body)
    except (NotJson, WrongShape, RuleBroken) as error:
        raise BadRequest(error.message) from None


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


# -- storing -------------------------------------------------------------------------------------


async def _stored(
    call: Call,
    receiver: Receiver,
    delivery: Delivery,
    scope: Scope = ALL_QUEUES,
    *,
    field: str = "payload",
) -> Reply:
    """Raises PayloadTooLarge, with the name of the `field` that is, and as `receive`."""
    storing = _Storing(call.settings, call.plans, receiver)
    await call.off_loop(_check_size, storing, delivery.job.payload, field)
    org = receiver.org
    # In the turn of the organization that receives: the caller belongs to none.
    received = await call.db.submit(org, receive, org, delivery, admission_of(storing), scope)
    return reply(received)


def _check_size(storing: _Storing, payload: bytes, field: str) -> None:
    check_json_size(payload, storing.settings.queue_max_payload_size_bytes, field)
    check_payload_of_plan(storing, payload, field)
