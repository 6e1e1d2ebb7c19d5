"""Incoming webhooks, which become jobs, and the log of them.

Contract: schedules-workflows-webhooks, section 4. The checks come in the order of 4.2.
"""

from typing import Final, TypeVar

from msgspec import Raw

from spooled_lite.core.ingest import github as of_github
from spooled_lite.core.ingest.columns import IngestStatus
from spooled_lite.core.ingest.log import LogFilter, list_log
from spooled_lite.core.ingest.receive import receive
from spooled_lite.core.ingest.records import Delivery, Receiver
from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.errors import (
    BadRequest,
    NotJson,
    RuleBroken,
    WrongShape,
)
from spooled_lite.wire.admission import StoringFor, admission_of, check_payload_of_plan
from spooled_lite.wire.http.admit_ingest import (
    check_active,
    check_https,
    check_signed,
    scope_of_sender,
)
from spooled_lite.wire.http.body import decode_body
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged, time_ms
from spooled_lite.wire.shapes.ingest import CustomEvent, LogEntry, Received, StripeEvent

T = TypeVar("T")

LOG_STATUSES: Final[dict[str, IngestStatus]] = {"created": "created", "duplicate": "duplicate"}


async def github(call: Call) -> Reply:
    receiver, body = await _opened(call)
    await check_signed(call, receiver, "github", body)
    delivery = of_github.delivery(
        bytes(await call.off_loop(_decoded, Raw, body)),
        event=call.header("x-github-event"),
        delivery_id=call.header("x-github-delivery"),
    )
    return await _stored(call, receiver, delivery, field="body")


async def stripe(call: Call) -> Reply:
    receiver, body = await _opened(call)
    await check_signed(call, receiver, "stripe", body)
    event = await call.off_loop(_decoded, StripeEvent, body)
    return await _stored(call, receiver, event.delivery(), field="data.object")


async def custom(call: Call) -> Reply:
    receiver, body = await _opened(call)
    scope = await scope_of_sender(call, receiver)
    check_active(receiver)
    event = await call.off_loop(decode_body, CustomEvent, body)
    return await _stored(call, receiver, event.delivery(), scope)


async def log(call: Call) -> Reply:
    """An unknown `status` is ignored."""
    shown, query = page(call), call.query
    wanted = LogFilter(
        status=LOG_STATUSES.get(query.get("status", "")),
        since_ms=time_ms(call, "since"),
        queue_name=query.get("queue_name") or query.get("queue") or None,
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_log, call.org, wanted)
    return paged([LogEntry.of(row) for row in rows], shown)


# -- opening it ----------------------------------------------------------------------------------


async def _opened(call: Call) -> tuple[Receiver, bytes]:
    """The organization that the webhook is for, and its body as received.

    Raises:
        BadRequest: it came over plain HTTP, in production.
        PayloadTooLarge: as `read_body`.
        NotFound: there is no such organization.
    """
    check_https(call)
    body = await call.raw_body()
    row = await call.reads.point(get_by_id, call.path("org_id"))
    return Receiver.of(row), body


def _decoded(kind: type[T], body: bytes) -> T:
    """The body of a provider's webhook. Raises BadRequest, whatever is wrong with it."""
    try:
        return decode_body(kind, body)
    except (NotJson, WrongShape, RuleBroken) as error:
        raise BadRequest(error.message) from None


# -- storing -------------------------------------------------------------------------------------


async def _stored(
    call: Call,
    receiver: Receiver,
    delivery: Delivery,
    scope: Scope = ALL_QUEUES,
    *,
    field: str = "payload",
) -> Reply:
    """Store the job. Raises what `receive` raises, and PayloadTooLarge, which names `field`."""
    storing = StoringFor(call.settings, call.plans, receiver)
    await call.off_loop(_check_size, storing, delivery.job.payload, field)
    org = receiver.org
    # In the turn of the receiving organization: the caller belongs to none.
    stored = await call.db.submit(org, receive, org, delivery, admission_of(storing), scope)
    return reply(Received.of(stored))


def _check_size(storing: StoringFor, payload: bytes, field: str) -> None:
    check_json_size(payload, storing.settings.queue_max_payload_size_bytes, field)
    check_payload_of_plan(storing, payload, field)
