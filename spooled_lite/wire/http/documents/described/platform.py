"""The routes of billing and dashboard data, and those that are always refused."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import JSON, Doc
from spooled_lite.wire.http.resources import billing, dashboard, metrics, stubs
from spooled_lite.wire.shapes.billing import BillingStatus
from spooled_lite.wire.shapes.dashboard import Dashboard
from spooled_lite.wire.shapes.metrics import MetricsView

_TEXT: Final = "text/plain"

PLATFORM: Final[Mapping[Handler, Doc]] = {
    metrics.scrape: Doc(summary="Show all metrics for Prometheus", answer=str, media=(_TEXT,)),
    metrics.prometheus: Doc(
        summary="Show metrics under the path of the API",
        about="Those of the whole server with the metrics token or the admin key. A key sees those "
        "of its own organization, and none when the server has a metrics token. As one JSON "
        "text for clients that accept JSON.",
        answer=str,
        media=(_TEXT, JSON),
    ),
    metrics.overview: Doc(summary="Show a summary of the metrics", answer=MetricsView),
    billing.status: Doc(
        summary="Show the plan and the subscription an administrator entered",
        answer=BillingStatus,
        errors=(NotFound,),
    ),
    dashboard.get: Doc(summary="Show the figures of a dashboard", answer=Dashboard),
}


def _refused(what: str, kind: type[NotFound | BadRequest] = NotFound) -> Doc:
    return Doc(
        summary=f"Always refused: {what}",
        about="Some clients know this route; this server does not offer it.",
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
