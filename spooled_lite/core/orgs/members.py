"""Who belongs to an organization: its active API keys, because there are no accounts of people."""

from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.keys import statements as key_statements
from spooled_lite.core.keys.columns import MemberRow
from spooled_lite.core.keys.records import Scope, queues_of
from spooled_lite.core.orgs.create import get_organization
from spooled_lite.storage.transaction import Reading

MEMBERS_MAX: Final = 100


class ActiveKey(Struct, frozen=True):
    row: MemberRow
    role: Literal["owner", "member"]  # an owner may use all queues


class ActiveKeys(Struct, frozen=True):
    org_id: str
    email: str  # of the organization; empty without one
    keys: list[ActiveKey]


def list_members(tx: Reading, org: int) -> ActiveKeys:
    """The oldest active keys, at most MEMBERS_MAX.

    Raises:
        NotFound: the organization was deleted.

    Contract: platform, section 8.3.
    """
    organization = get_organization(tx, org)
    rows = tx.rows(key_statements.OLDEST_ACTIVE, {"org": org, "limit": MEMBERS_MAX})
    return ActiveKeys(
        org_id=organization["id"],
        email=organization["billing_email"] or "",
        keys=[
            ActiveKey(row, "owner" if Scope(queues_of(row["queues"])).is_unrestricted else "member")
            for row in rows
        ],
    )
