"""The routes of billing and dashboard data, and those that are always refused."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import JSON, Doc
from spooled_lite.wire.http.resources import billing, dashboard, metrics, stubs

_TEXT: Final = "text/plain"

PLATFORM: Final[Mapping[Handler, Doc]] = {
    metrics.scrape: Doc(
        summary="Everything that is measured, for Prometheus", answer=str, media=(_TEXT,)
    ),
    metrics.prometheus: Doc(
        summary="What is measured, below the API",
        about="Of the whole server with the metrics token or the admin key. A key sees the figures "
        "of its own organization, and nothing once the server has a metrics token. As one JSON "
        "text for clients that accept JSON.",
        answer=str,
        media=(_TEXT, JSON),
    ),
    metrics.overview: Doc(summary="What is measured, in short", answer=metrics.MetricsView),
    billing.status: Doc(
        summary="What an administrator has written down of a subscription",
        answer=billing.BillingStatus,
        errors=(NotFound,),
    ),
    dashboard.get: Doc(summary="The figures of a home page", answer=dashboard.Dashboard),
}


def _refused(what: str, kind: type[NotFound | BadRequest] = NotFound) -> Doc:
    return Doc(
        summary=f"Always refused: {what}",
        about="Known to clients, not offered here.",
        statuses=(),
        errors=(kind,),
    )


STUBS: Final[Mapping[Handler, Doc]] = {
    stubs.no_passwords: _refused("there are no passwords"),
    stubs.no_invitations: _refused("the members of an organization are its keys"),
    stubs.no_payments: _refused("there is no payment provider"),
    stubs.no_charts: _refused("there are no charts"),
    stubs.not_by_admin: _refused("the admin key does not open this"),
    stubs.no_remote_configuration: _refused("the server is configured where it is started"),
    stubs.keep_webhook_token: _refused("the webhook token cannot be cleared"),
    stubs.keep_webhook_token_of: _refused("the webhook token cannot be cleared"),
    stubs.no_portal: _refused("there is no billing portal", BadRequest),
}
