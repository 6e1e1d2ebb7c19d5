"""The routes of incoming webhooks."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import AccessDenied, PayloadTooLarge, QuotaExceeded, UnsupportedMediaType
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import TIME, Doc, Parameter, paging
from spooled_lite.wire.http.resources import ingest
from spooled_lite.wire.shapes import ingest as shapes

_TOKEN: Final = Parameter(
    "X-Webhook-Token", "The webhook token of the organization", place="header"
)
_SIGNED: Final = (
    "The body is stored as received. {} must have signed it with the organization's setting "
    "`{}` or else the server's. A repeated delivery creates no second job. In production only "
    "over HTTPS. `X-Webhook-Token` is not needed; if sent, it must be right."
)
_REFUSED: Final = (AccessDenied, PayloadTooLarge, UnsupportedMediaType, QuotaExceeded)


def _header(name: str, about: str, example: str) -> Parameter:
    return Parameter(name, about, place="header", example=example)


INGEST: Final[Mapping[Handler, Doc]] = {
    ingest.custom: Doc(
        summary="Create a job with the webhook token",
        about="For senders that can set a header. In place of the token, a key or an "
        "access token of the organization works too. In production only over HTTPS.",
        body=shapes.CustomEvent,
        needs=("queue_name", "queue"),
        example={
            "queue_name": "orders",
            "event_type": "order.created",
            "payload": {"order": 7},
            "idempotency_key": "order-7",
        },
        parameters=(_TOKEN,),
        answer=shapes.Received,
        errors=_REFUSED,
    ),
    ingest.github: Doc(
        summary="Receive a webhook from GitHub",
        about=_SIGNED.format("GitHub", "github_webhook_secret")
        + " Its queue is `github-` and the event. It has to be sent as `application/json`.",
        parameters=(
            _TOKEN,
            _header(
                "X-Hub-Signature-256",
                "The signature of the body",
                "sha256=db539951c5d3dd236b4782e25aae21137f9783432a6a203ad7d95fb7cf1a80cf",
            ),
            _header("X-GitHub-Event", "The event; without it `unknown`", "push"),
            _header("X-GitHub-Delivery", "The id of the delivery", "72d3162e-cc78"),
        ),
        answer=shapes.Received,
        errors=_REFUSED,
    ),
    ingest.stripe: Doc(
        summary="Receive a webhook from Stripe",
        about=_SIGNED.format("Stripe", "stripe_webhook_secret")
        + " The payload is `data.object` of the event, the queue `stripe-` and its type.",
        parameters=(
            _TOKEN,
            _header(
                "Stripe-Signature",
                "The time and the signature",
                "t=1767225600,v1=7840e550067002ab7f924f182e3fed4c02ceba507ef61dfb4f754a6c66db5ce1",
            ),
        ),
        answer=shapes.Received,
        errors=_REFUSED,
    ),
    ingest.log: Doc(
        summary="List incoming webhooks, newest first",
        about="Only accepted ones; their payloads and signatures are not kept.",
        parameters=(
            Parameter(
                "status",
                "Only those that are created or duplicate; other words are ignored",
                example="duplicate",
            ),
            Parameter(
                "since",
                "Only those since this time",
                TIME,
                example="2026-10-01T09:00:00Z",
            ),
            Parameter("queue_name", "Only rows of this queue", example="orders"),
            *paging(),
        ),
        answer=list[shapes.LogEntry],
        is_paged=True,
    ),
}
