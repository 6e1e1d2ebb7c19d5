"""The routes of outgoing webhooks."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.background.sender import SECONDS_MAX, TEST_SECONDS_MAX
from spooled_lite.core.webhooks import records
from spooled_lite.core.webhooks.deliveries import FAILURES_MAX
from spooled_lite.core.webhooks.subscribe import WEBHOOKS_MAX
from spooled_lite.errors import Conflict, NotFound, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.resources import webhooks
from spooled_lite.wire.shapes import webhooks as shapes

_ADDRESS: Final = (
    "The address must be https; outside production also http to this machine. Addresses of "
    "private networks are refused, here and before every call, unless the server allows them."
)
_EXAMPLE: Final = {
    "name": "Failures to the team",
    "url": "https://hooks.example.org/spooled",
    "events": ["job.failed", "job.deadlettered"],
    "secret": "keep-me-secret",
}

_DELIVERIES: Final = (
    Parameter(
        "status",
        f"Only those that are {', '.join(records.DELIVERY_STATUSES)}; other words are ignored",
        example="failed",
    ),
    *paging(records.DELIVERIES_SHOWN_MAX, records.DELIVERIES_SHOWN_MAX),
)

WEBHOOKS: Final[Mapping[Handler, Doc]] = {
    webhooks.list_all: Doc(
        summary="List the newest 100 webhooks, newest first", answer=list[shapes.WebhookView]
    ),
    webhooks.create: Doc(
        summary="Create a webhook",
        about=f"{_ADDRESS} An organization has at most {WEBHOOKS_MAX} webhooks.",
        body=shapes.CreateWebhook,
        example=_EXAMPLE,
        answer=shapes.WebhookView,
        statuses=(201,),
        errors=(Conflict, QuotaExceeded),
    ),
    webhooks.get: Doc(summary="Show one webhook", answer=shapes.WebhookView),
    webhooks.update: Doc(
        summary="Change a webhook",
        about="Fields that are left out do not change; null removes the secret. Switching off "
        "gives up pending deliveries; switching on resets failures. "
        f"After {FAILURES_MAX} failed deliveries in a row the server switches it off.",
        body=shapes.UpdateWebhook,
        example={"events": ["job.failed"], "enabled": True},
        answer=shapes.WebhookView,
        errors=(QuotaExceeded,),
    ),
    webhooks.delete: Doc(
        summary="Delete a webhook and its deliveries", statuses=(204,), errors=(NotFound,)
    ),
    webhooks.try_out: Doc(
        summary="Call a webhook once with the event `webhook.test`",
        about=f"Within {TEST_SECONDS_MAX:g} seconds, also when it is switched off. Always 200, "
        "with the result in the body; nothing is stored.",
        answer=shapes.TestResult,
    ),
    webhooks.deliveries: Doc(
        summary="List the deliveries of a webhook, newest first",
        about=f"Only the newest {records.DELIVERIES_SHOWN_MAX} can be read.",
        parameters=_DELIVERIES,
        answer=list[shapes.DeliveryView],
        is_paged=True,
    ),
    webhooks.deliveries_of_job: Doc(
        summary="List the deliveries that a job caused, newest first",
        about="Those of its completion webhook are among them, with `webhook_id` null. "
        f"Only the newest {records.DELIVERIES_SHOWN_MAX} can be read.",
        parameters=_DELIVERIES,
        answer=list[shapes.JobDelivery],
        is_paged=True,
    ),
    webhooks.retry_of_job: Doc(
        summary="Call the completion webhook of a job again, now",
        about=f"Within {SECONDS_MAX:g} seconds, whatever its status. Always 200, with the result "
        "in the body. Deliveries of webhooks are sent again by their webhook.",
        answer=shapes.RetryResult,
    ),
    webhooks.retry: Doc(
        summary="Send a delivery again, now",
        about=f"Within {SECONDS_MAX:g} seconds, whatever its status, and also when the webhook "
        "is switched off. Always 200, with the result in the body.",
        answer=shapes.RetryResult,
    ),
}
