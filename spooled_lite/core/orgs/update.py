"""Changing an organization."""

from typing import Final

from spooled_lite.core.orgs import statements
from spooled_lite.core.orgs.admin_query import DELETED
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.create import get_organization, new_webhook_token
from spooled_lite.core.orgs.records import WEBHOOK_TOKEN, OrganizationChanges
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

_COLUMNS: Final = (
    "name",
    "plan_tier",
    "billing_email",
    "billing_email_verified_at_ms",
    "billing_email_asked_at_ms",
    "description",
    "logo_url",
    "settings",
    "custom_limits",
    "webhook_token",
    "webhook_token_created_at_ms",
    "github_webhook_secret",
    "stripe_webhook_secret",
    "stripe_customer_id",
    "stripe_subscription_id",
    "stripe_subscription_status",
    "is_active",
)


def update(tx: Tx, org: int, changes: OrganizationChanges) -> OrgRow:
    """Change an organization; columns that the change does not name are kept.

    The change applies to its keys at once: callers in memory are dropped. A new address is not
    confirmed, so neither it nor the old one can sign in by mail. When the organization is opened
    again, its schedules are due at once: they may have missed slots.

    Raises:
        NotFound: it was deleted.

    Contract: platform, sections 8.3 and 11.
    """
    row = get_organization(tx, org)
    values = {name: row[name] for name in _COLUMNS} | dict(changes.columns)
    if values[WEBHOOK_TOKEN] != row[WEBHOOK_TOKEN]:
        values["webhook_token_created_at_ms"] = tx.now_ms
    if _in_small(values["billing_email"]) != _in_small(row["billing_email"]):
        values["billing_email_verified_at_ms"] = values["billing_email_asked_at_ms"] = None
    changed = tx.row(statements.UPDATE, {"org": org, "now_ms": tx.now_ms, **values})
    assert changed is not None, "the organization was found in this operation"
    tx.emit("org.changed", org, row=changed)
    if _is_open(changed) and not _is_open(row):
        tx.due(Deadline.SLOT, tx.now_ms)  # its schedules have not fired
    return changed


def regenerate_webhook_token(tx: Tx, org: int) -> OrgRow:
    """Replace the webhook token; the old one stops at once. Raises NotFound: it was deleted."""
    return update(tx, org, OrganizationChanges({WEBHOOK_TOKEN: new_webhook_token(tx)}))


def _in_small(address: str | None) -> str | None:
    """Addresses are compared in lower case."""
    return None if address is None else address.lower()


def _is_open(row: OrgRow) -> bool:
    return bool(row["is_active"]) and row["plan_tier"] != DELETED
