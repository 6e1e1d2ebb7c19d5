"""Lines of organizations, and of what they have used of their limits."""

from typing import Any, Final

from spooled_lite.core.export.fields import (
    flag,
    json,
    number,
    organization,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind, LineParams
from spooled_lite.core.orgs.create import new_webhook_token
from spooled_lite.storage.transaction import Tx


def _store(tx: Tx, statement: str, params: LineParams) -> None:
    """Without its secrets an organization gets a new token for incoming webhooks."""
    if params["webhook_token"] is None:
        params["webhook_token"] = new_webhook_token(tx)
    tx.execute(statement, params)


ORGANIZATION: Final = LineKind(
    name="organization",
    table="organizations",
    org="each.seq",
    fields=(
        text("id"),
        text("name"),
        text("slug"),
        text("plan_tier"),
        text("billing_email", may_lack=True),
        time("billing_email_verified_at", may_lack=True),
        time("billing_email_asked_at", may_lack=True),
        text("description", may_lack=True),
        text("logo_url", may_lack=True),
        json("settings", dict[str, Any]),
        json("custom_limits", dict[str, Any], may_lack=True),
        text("webhook_token", is_secret=True),
        time("webhook_token_created_at"),
        text("github_webhook_secret", may_lack=True, is_secret=True),
        text("stripe_webhook_secret", may_lack=True, is_secret=True),
        text("stripe_customer_id", may_lack=True),
        text("stripe_subscription_id", may_lack=True),
        text("stripe_subscription_status", may_lack=True),
        flag("is_active"),
        time("created_at"),
        time("updated_at"),
    ),
    left_out={
        "seq": "a number in the file",
        "deleted_at_ms": "one that is being removed is in no line",
        "emptied_at_ms": "likewise",
    },
    store=_store,
)

USAGE: Final = LineKind(
    name="usage",
    table="usage_counters",
    order="org period name",
    # How many jobs are active now is counted anew.
    where="name <> 'active_jobs'",
    fields=(organization(), text("period"), text("name"), number("value")),
)
