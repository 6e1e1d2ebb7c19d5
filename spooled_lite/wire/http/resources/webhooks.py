"""Webhooks: who is told of what, what was sent, and sending by hand."""

from spooled_lite.background.sender import SECONDS_MAX, TEST_SECONDS_MAX
from spooled_lite.core.webhooks.deliveries import find_to_retry, record_retry, trial_call
from spooled_lite.core.webhooks.query import get_webhook, list_deliveries, list_webhooks
from spooled_lite.core.webhooks.records import (
    DELIVERIES_SHOWN_MAX,
    STATUSES,
    Attempt,
    CreateWebhook,
    DeliveryView,
    NewWebhook,
    RetryResult,
    TestResult,
    UpdateWebhook,
    WebhookChanges,
    WebhookView,
)
from spooled_lite.core.webhooks.subscribe import change_webhook, create_webhook, delete_webhook
from spooled_lite.outbound.targets import Policy, check_target
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import Page, page, paged


async def list_all(call: Call) -> Reply:
    rows = await call.reads.read(list_webhooks, call.org)
    return reply([WebhookView.of(row, call.org_id) for row in rows])


async def create(call: Call) -> Reply:
    webhook = NewWebhook.from_wire(await call.body(CreateWebhook))
    _check_url(call, webhook.url)
    row = await call.write(create_webhook, call.org, webhook, admission_of(call).caps)
    return reply(WebhookView.of(row, call.org_id), 201)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_webhook, call.org, call.path("id"))
    return reply(WebhookView.of(row, call.org_id))


async def update(call: Call) -> Reply:
    body = await call.body_or_empty(UpdateWebhook)
    changes = WebhookChanges.from_wire(body)
    if body.url is not None:
        _check_url(call, body.url)
    row = await call.write(
        change_webhook, call.org, call.path("id"), changes, admission_of(call).caps
    )
    return reply(WebhookView.of(row, call.org_id))


async def delete(call: Call) -> Reply:
    await call.write(delete_webhook, call.org, call.path("id"))
    return NO_CONTENT


async def try_out(call: Call) -> Reply:
    """One call, of which nothing is kept. Waiting for the receiver is no time of the handler."""
    webhook = await call.reads.point(get_webhook, call.org, call.path("id"))
    trial = trial_call(webhook, call.org_id, call_id=call.services.ids.new_id(), now_ms=call.now_ms)
    call.allow_seconds(TEST_SECONDS_MAX)
    sender = call.services.sender
    return reply(TestResult.of(await sender.send_by_hand(trial, total_seconds=TEST_SECONDS_MAX)))


async def deliveries(call: Call) -> Reply:
    shown, status = page(call, DELIVERIES_SHOWN_MAX, DELIVERIES_SHOWN_MAX), call.query.get("status")
    rows = await call.reads.read(
        list_deliveries,
        call.org,
        call.path("id"),
        status=status if status in STATUSES else None,
        limit=_fetch(shown),
        offset=shown.offset,
    )
    return paged([DeliveryView.of(row, call.path("id")) for row in rows], shown)


async def retry(call: Call) -> Reply:
    """One more call. If the client leaves, it is made and recorded all the same."""
    found = await call.reads.point(
        find_to_retry, call.org, call.path("id"), call.path("delivery_id")
    )
    call.allow_seconds(SECONDS_MAX)
    attempt: Attempt = await call.services.sender.send_by_hand(found, total_seconds=SECONDS_MAX)
    attempts = await call.write(record_retry, found, attempt)
    return reply(RetryResult.of(attempt, found.id, attempts))


def _fetch(shown: Page) -> int:
    """One more than is shown, to see whether there are more; beyond the last there are none."""
    return max(0, min(shown.fetch, DELIVERIES_SHOWN_MAX - shown.offset))


def _check_url(call: Call, url: str) -> None:
    check_target(url, Policy.of(call.settings))
