"""Create an organization with its first key, and keys for callers who have none yet."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.issue import issue, issue_with
from spooled_lite.core.keys.records import Grants, IssuedKey, NewKey
from spooled_lite.core.orgs import statements as org_statements
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.create import create, get_by_id
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.errors import Unauthorized
from spooled_lite.plans import OwnLimits, Plans
from spooled_lite.storage.transaction import Tx

INITIAL_KEY: Final = NewKey(name="Initial Admin Key", queues=("*",))
WINDOW_MS: Final = 60 * 60 * 1000  # after it was made
WINDOW_KEYS_MAX: Final = 100  # more than anyone needs before using one of them


class Onboarded(Struct, frozen=True):
    row: OrgRow
    key: IssuedKey


class IssuedFor(Struct, frozen=True):
    """A key, and the id of the organization it was made for."""

    org_id: str
    key: IssuedKey


def onboard(tx: Tx, organization: NewOrganization, *, is_live: bool) -> Onboarded:
    """Create an organization with a webhook token and a first key without limits.

    Raises:
        Conflict: the slug is taken.

    Contract: platform, section 8.2.
    """
    row = create(tx, organization)
    return Onboarded(row, issue(tx, row["seq"], INITIAL_KEY, is_live=is_live))


def issue_by_admin(tx: Tx, org_id: str, key: NewKey, *, is_live: bool) -> IssuedFor:
    """Create a key for any organization, without regard to its plan.

    Raises:
        NotFound: there is no such organization.
        RuleBroken: as `issue`.

    Contract: platform, sections 8.4 and 11.
    """
    organization = get_by_id(tx, org_id)
    return IssuedFor(organization["id"], issue(tx, organization["seq"], key, is_live=is_live))


def issue_in_window(
    tx: Tx, org_id: str, key: NewKey, plans: Plans, *, is_enforced: bool, is_live: bool
) -> IssuedFor:
    """Create a key for a caller without one, soon after the organization was created.

    The window closes after WINDOW_MS, or when any key of the organization is used. The error does
    not tell whether the organization exists.

    Raises:
        Unauthorized: the window is closed, or there is no such organization.
        RuleBroken, QuotaExceeded: as `issue_with`.

    Contract: platform, section 8.4.
    """
    organization = tx.row(org_statements.BY_ID, {"id": org_id})
    if organization is None or not _is_window_open(tx, organization):
        raise Unauthorized
    org, own = organization["seq"], OwnLimits.stored(organization["custom_limits"])
    caps = plans.caps_of(organization["plan_tier"], own, enforced=is_enforced)
    issued = issue_with(tx, org, key, Grants(), caps, is_live=is_live)
    return IssuedFor(organization["id"], issued)


def _is_window_open(tx: Tx, organization: OrgRow) -> bool:
    age_ms = tx.now_ms - organization["created_at_ms"]
    keys = tx.row(statements.COUNT_USED, {"org": organization["seq"]})
    assert keys is not None, "count(*) always yields a row"
    return (
        age_ms < WINDOW_MS
        and bool(organization["is_active"])
        and organization["plan_tier"] != "deleted"
        and keys["used"] == 0
        and keys["count"] < WINDOW_KEYS_MAX
    )
