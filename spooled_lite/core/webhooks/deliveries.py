"""Which deliveries are due, and recording the result of each attempt."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.columns import OutgoingRow, WebhookRow
from spooled_lite.core.webhooks.hold import held_since_ms
from spooled_lite.core.webhooks.outbox import Envelope, forget_subscriptions
from spooled_lite.core.webhooks.query import get_webhook
from spooled_lite.core.webhooks.records import Attempt, Outgoing, endpoint_of
from spooled_lite.core.webhooks.subscribe import drop_what_is_owed
from spooled_lite.errors import NotFound
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Params, Reading, Tx
from spooled_lite.times import format_ms

FIRST_WAIT_MS: Final = 1_000  # doubled after each attempt: 1, 2, 4, 8 seconds
RETRY_AFTER_SECONDS_MAX: Final = 60.0
FAILURES_MAX: Final = 20  # failed deliveries in a row, then the webhook is switched off
CALLS_PER_ENDPOINT_MAX: Final = 4  # at once: contract schedules-workflows-webhooks, section 3.5
FIRST_ENDPOINT: Final = ""  # before every endpoint
LAST_ENDPOINT: Final = "\U0010ffff"  # behind every endpoint
TEST_EVENT: Final = "webhook.test"
TEST_MESSAGE: Final = "This is a test of a webhook. Nothing happened."


class OwedDelivery(Struct, frozen=True):
    """A delivery that is owed, now or later."""

    org: int
    endpoint: str
    seq: int
    at_ms: int
    last_seconds: float | None  # how long the last call to its endpoint took; None: not known


class OwedPage(Struct, frozen=True):
    """The first deliveries of some endpoints, and the last endpoint of these; None: no more."""

    owed: list[OwedDelivery]
    after: str | None
    is_held: bool = False  # all calls are held, so none was looked for


# -- what is due -----------------------------------------------------------------------------


def find_owed(tx: Reading, after: str, last: str, endpoints_max: int) -> OwedPage:
    """The first deliveries of each endpoint behind `after` up to `last`, `endpoints_max` at most.

    Read endpoint by endpoint, so ten thousand owed to one do not hide those of the others. Of an
    endpoint with something due these are enough to fill all its places although others are under
    way already, and one more, which says when to look again.
    """
    if held_since_ms(tx) is not None:
        return OwedPage([], None, is_held=True)
    owed: list[OwedDelivery] = []
    for _ in range(endpoints_max):
        first = tx.row(statements.NEXT_ENDPOINT, {"after": after})
        if first is None or first["endpoint"] > last:
            return OwedPage(owed, None)
        after = first["endpoint"]
        if first["is_cleared"]:
            continue
        limit = 1 if first["next_attempt_at_ms"] > tx.now_ms else 2 * CALLS_PER_ENDPOINT_MAX + 1
        rows = tx.rows(statements.FIRST_OF_ENDPOINT, {"endpoint": after, "limit": limit})
        last_ms = first["last_call_ms"]
        last_seconds = None if last_ms is None else last_ms / 1000
        owed += [
            OwedDelivery(first["org"], after, row["seq"], row["next_attempt_at_ms"], last_seconds)
            for row in rows
        ]
    return OwedPage(owed, after)


def load(tx: Reading, seq: int) -> Outgoing | None:
    """A delivery with what is needed to send it; None when it is not owed any more."""
    row = tx.row(statements.OWED, {"seq": seq})
    if row is None or row["status"] != "pending" or row["is_dropped"]:
        return None
    return _outgoing(row)


def _outgoing(row: OutgoingRow) -> Outgoing:
    return Outgoing(
        seq=row["seq"],
        id=row["id"],
        event=row["event"],
        endpoint=row["endpoint"],
        url=row["url"],
        secret=row["secret"],
        format=row["format"],
        attempt=row["attempts"] + 1,
        body=row["body"],
    )


# -- recording -------------------------------------------------------------------------------


@in_lane(Lane.SETTLE)
def record(tx: Tx, sent: Outgoing, attempt: Attempt, attempts_max: int) -> str | None:
    """Record one attempt, and give the status that the delivery has now: `success`, `pending` when
    it is tried again later, or `failed`.

    None: the delivery has been decided otherwise since, or this attempt is recorded already.
    After a crash before the commit the attempt is made again, under the same number.

    Contract: schedules-workflows-webhooks, section 3.5.
    """
    if attempt.succeeded:
        status, next_at_ms = "success", None
    elif sent.attempt < attempts_max:
        status, next_at_ms = "pending", tx.now_ms + _wait_ms(sent.attempt, attempt)
    else:
        status, next_at_ms = "failed", None
    params = _attempt_params(tx, sent, attempt, status, next_at_ms)
    row = tx.row(statements.RECORD, {**params, "attempts": sent.attempt - 1})
    if row is None:
        return None
    if row["webhook"] is not None:
        _note(tx, row["webhook"], status, attempt)
    return status


def _wait_ms(number: int, attempt: Attempt) -> int:
    asked_seconds = min(attempt.retry_after_seconds or 0, RETRY_AFTER_SECONDS_MAX)
    wait_ms: int = FIRST_WAIT_MS * 2 ** (number - 1)
    return max(wait_ms, round(asked_seconds * 1000))


def _attempt_params(
    tx: Tx, sent: Outgoing, attempt: Attempt, status: str, next_at_ms: int | None
) -> dict[str, Any]:
    return {
        "seq": sent.seq,
        "status": status,
        "next_attempt_at_ms": next_at_ms,
        "status_code": attempt.status_code,
        "response_body": attempt.response_body,
        "error": attempt.error,
        "duration_ms": attempt.duration_ms,
        "delivered_at_ms": tx.now_ms if status == "success" else None,
    }


def _note(
    tx: Tx,
    webhook: int,
    status: str,
    attempt: Attempt,
    *,
    is_by_hand: bool = False,
    counts: bool = True,
) -> None:
    """Record the attempt in the row of the webhook; FAILURES_MAX in a row switch it off."""
    params: Params = {
        "webhook": webhook,
        "now_ms": tx.now_ms,
        "duration_ms": attempt.duration_ms,
        "is_by_hand": is_by_hand,
    }
    if status == "pending":
        tx.execute(statements.ATTEMPTED, params)
    elif status == "success":
        tx.execute(statements.SUCCEEDED, params)
    else:
        row = tx.row(statements.FAILED, {**params, "more": int(counts)})
        if row is not None and row["enabled"] and row["failure_count"] >= FAILURES_MAX:
            tx.execute(statements.SWITCH_OFF, params)
            drop_what_is_owed(tx, webhook)
            forget_subscriptions(tx, row["org"])


# -- by hand ---------------------------------------------------------------------------------


def find_to_retry(tx: Reading, org: int, webhook_id: str, delivery_id: str) -> Outgoing:
    """A delivery with what is needed to send it, whatever its status and that of its webhook.

    Raises:
        NotFound: no such webhook here, or no such delivery of it.

    Contract: schedules-workflows-webhooks, 3.3, route 28.
    """
    webhook = get_webhook(tx, org, webhook_id)
    seq = tx.value(statements.FIND_DELIVERY, {"id": delivery_id, "webhook": webhook["seq"]})
    row = None if seq is None else tx.row(statements.OWED, {"seq": seq})
    if row is None:
        raise NotFound.thing("Delivery")
    return _outgoing(row)


def find_completion_to_retry(
    tx: Reading, org: int, job_id: str, delivery_id: str, scope: Scope
) -> Outgoing:
    """A call of a job's completion webhook with what is needed to make it again.

    Raises:
        NotFound, AccessDenied: as `get_job`; or no such call of it.
    """
    get_job(tx, org, job_id, scope)
    asked = {"job_id": job_id, "org": org, "id": delivery_id}
    seq = tx.value(statements.FIND_COMPLETION_DELIVERY, asked)
    row = None if seq is None else tx.row(statements.OWED, {"seq": seq})
    if row is None:
        raise NotFound.thing("Delivery")
    return _outgoing(row)


@in_lane(Lane.SETTLE)
def record_retry(tx: Tx, sent: Outgoing, attempt: Attempt) -> int:
    """Record an attempt made by hand, whose result is final. Returns the number of attempts.

    A failure counts for the webhook unless the delivery had failed already. Success does not
    switch the webhook on again.

    Raises:
        NotFound: the delivery has been deleted since.
    """
    before = tx.value(statements.DELIVERY, {"seq": sent.seq})
    if before is None:
        raise NotFound.thing("Delivery")
    status = "success" if attempt.succeeded else "failed"
    row = tx.row(statements.RECORD_RETRY, _attempt_params(tx, sent, attempt, status, None))
    assert row is not None, "the delivery was found in this operation"
    if row["webhook"] is not None:  # else that of a job's completion
        counts = before != "failed"
        _note(tx, row["webhook"], status, attempt, is_by_hand=True, counts=counts)
    return row["attempts"]


def trial_call(webhook: WebhookRow, org_id: str, *, call_id: str, now_ms: int) -> Outgoing:
    """A test call. Contract: schedules-workflows-webhooks, 3.3, route 26."""
    at = format_ms(now_ms)
    told = {"message": TEST_MESSAGE, "webhook_id": webhook["id"], "test": True}
    envelope = Envelope(
        call_id,
        TEST_EVENT,
        TEST_EVENT,
        at,
        at,
        org_id,
        webhook["id"],
        Raw(msgspec.json.encode(told)),
    )
    # Older receivers look for these beside the envelope's own.
    flat = {**msgspec.structs.asdict(envelope), "test": True, "message": TEST_MESSAGE}
    return Outgoing(
        id=call_id,
        event=TEST_EVENT,
        endpoint=endpoint_of(webhook["seq"]),
        url=webhook["url"],
        secret=webhook["secret"],
        format=webhook["format"],
        attempt=1,
        body=msgspec.json.encode(flat),
    )
