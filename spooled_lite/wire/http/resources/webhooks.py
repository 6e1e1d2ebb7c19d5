"""Outgoing webhooks and their deliveries. Contract: schedules-workflows-webhooks, section 3."""

from spooled_lite.background.sender import SECONDS_MAX, TEST_SECONDS_MAX
from spooled_lite.config import Settings
from spooled_lite.core.webhooks.deliveries import (
    find_completion_to_retry,
    find_to_retry,
    record_retry,
    trial_call,
)
from spooled_lite.core.webhooks.query import (
    DeliveriesAsked,
    get_webhook,
    list_deliveries,
    list_deliveries_of_job,
    list_webhooks,
)
from spooled_lite.core.webhooks.records import (
    DELIVERIES_SHOWN_MAX,
    DELIVERY_STATUSES,
    NewWebhook,
    Outgoing,
)
from spooled_lite.core.webhooks.subscribe import change_webhook, create_webhook, delete_webhook
from spooled_lite.outbound.targets import Policy, check_target
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import Page, page, paged
from spooled_lite.wire.shapes.webhooks import (
    CreateWebhook,
    DeliveryView,
    JobDelivery,
    RetryResult,
    TestResult,
    UpdateWebhook,
    WebhookView,
)


async def list_all(call: Call) -> Reply:
    rows = await call.reads.read(list_webhooks, call.org)
    return reply([WebhookView.of(row, call.org_id) for row in rows])


async def create(call: Call) -> Reply:
    webhook = new_webhook(call.settings, await call.body(CreateWebhook))
    row = await Acting(call, "webhook", "create", made=lambda row: row["id"]).write(
        create_webhook, call.org, webhook, admission_of(call).caps
    )
    return reply(WebhookView.of(row, call.org_id), 201)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_webhook, call.org, call.path("id"))
    return reply(WebhookView.of(row, call.org_id))


async def update(call: Call) -> Reply:
    body = await call.body_or_empty(UpdateWebhook)
    changes = body.changes()
    if body.url is not None:
        check_target(body.url, Policy.of(call.settings))
    row = await Acting(call, "webhook", "change", call.path("id")).write(
        change_webhook, call.org, call.path("id"), changes, admission_of(call).caps
    )
    return reply(WebhookView.of(row, call.org_id))


async def delete(call: Call) -> Reply:
    await Acting(call, "webhook", "delete", call.path("id")).write(
        delete_webhook, call.org, call.path("id")
    )
    return NO_CONTENT


async def try_out(call: Call) -> Reply:
    """Make one test call; nothing of it is stored. The time limit leaves room for the receiver."""
    webhook = await call.reads.point(get_webhook, call.org, call.path("id"))
    trial = trial_call(webhook, call.org_id, call_id=call.services.ids.new_id(), now_ms=call.now_ms)
    call.allow_seconds(TEST_SECONDS_MAX)
    sender = call.services.sender
    return reply(TestResult.of(await sender.send_by_hand(trial, total_seconds=TEST_SECONDS_MAX)))


async def deliveries(call: Call) -> Reply:
    shown = _page(call)
    rows = await call.reads.read(list_deliveries, call.org, call.path("id"), _asked(call, shown))
    return paged([DeliveryView.of(row, call.path("id")) for row in rows], shown)


async def deliveries_of_job(call: Call) -> Reply:
    shown = _page(call)
    found = await call.reads.read(
        list_deliveries_of_job, call.org, call.path("id"), call.scope, _asked(call, shown)
    )
    return paged([JobDelivery.of(row, webhook_id) for row, webhook_id in found], shown)


async def retry(call: Call) -> Reply:
    """Send a delivery again. If the client leaves, the call is still made and recorded."""
    found = await call.reads.point(
        find_to_retry, call.org, call.path("id"), call.path("delivery_id")
    )
    return await _sent_again(call, found, Acting(call, "webhook", "resend", call.path("id")))


async def retry_of_job(call: Call) -> Reply:
    """Call the completion webhook of a job again. As `retry`."""
    found = await call.reads.point(
        find_completion_to_retry, call.org, call.path("id"), call.path("delivery_id"), call.scope
    )
    return await _sent_again(call, found, Acting(call, "job", "resend", call.path("id")))


async def _sent_again(call: Call, found: Outgoing, acting: Acting) -> Reply:
    call.allow_seconds(SECONDS_MAX)
    attempt = await call.services.sender.send_by_hand(found, total_seconds=SECONDS_MAX)
    attempts = await acting.write(record_retry, found, attempt)
    return reply(RetryResult.of(attempt, found.id, attempts))


def _page(call: Call) -> Page:
    return page(call, DELIVERIES_SHOWN_MAX, DELIVERIES_SHOWN_MAX)


def _asked(call: Call, shown: Page) -> DeliveriesAsked:
    """One more than is shown, which tells whether there are more, but none beyond the newest
    DELIVERIES_SHOWN_MAX."""
    status = call.query.get("status")
    return DeliveriesAsked(
        status=status if status in DELIVERY_STATUSES else None,
        limit=max(0, min(shown.fetch, DELIVERIES_SHOWN_MAX - shown.offset)),
        offset=shown.offset,
    )


def new_webhook(settings: Settings, body: CreateWebhook) -> NewWebhook:
    """What core is to store. Raises: as `CreateWebhook.webhook` and `check_target`."""
    webhook = body.webhook()
    check_target(webhook.url, Policy.of(settings))
    return webhook
