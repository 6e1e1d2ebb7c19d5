"""How an administrator changes an organization and its keys. Contract: platform, section 11."""

from spooled_lite.core.keys import statements
from spooled_lite.core.orgs import admin_statements
from spooled_lite.core.orgs.admin_query import DELETED
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from spooled_lite.storage.counters import DAY_MS, day_name
from spooled_lite.storage.transaction import Tx


def change_organization(tx: Tx, org_id: str, changes: OrganizationChanges) -> OrgRow:
    """Change any organization.

    Giving a tier to one that was closed opens it again, with the keys that the closing had switched
    off.

    Raises:
        NotFound: there is no organization with this id.
    """
    before = get_by_id(tx, org_id)
    changed = update(tx, before["seq"], changes)
    if before["plan_tier"] == DELETED != changed["plan_tier"]:
        tx.execute(statements.SWITCH_ON_WITH_ORG, {"org": before["seq"], "now_ms": tx.now_ms})
    return changed


def soft_delete(tx: Tx, org_id: str) -> None:
    """Close an organization: its keys and tokens are refused, its data is kept.

    Closing it again changes nothing. Raises NotFound: there is no organization with this id.
    """
    organization = get_by_id(tx, org_id)
    if organization["plan_tier"] == DELETED:
        return
    org = organization["seq"]
    tx.execute(statements.SWITCH_OFF_WITH_ORG, {"org": org, "now_ms": tx.now_ms})
    update(tx, org, OrganizationChanges({"plan_tier": DELETED}))


def reset_usage(tx: Tx, org_id: str) -> None:
    """Set the count of today's jobs to 0; the counts of the month and of all time stay.

    Raises:
        NotFound: there is no organization with this id.
    """
    org, today = get_by_id(tx, org_id)["seq"], day_name(tx.now_ms // DAY_MS)
    tx.execute(admin_statements.RESET_TODAY, {"org": org, "today": today})
