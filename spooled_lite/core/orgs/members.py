"""Who belongs to an organization: its active API keys, for there are no people here."""

from typing import Final, Literal

from spooled_lite.core.keys import statements as key_statements
from spooled_lite.core.keys.records import Scope, queues_of
from spooled_lite.core.orgs.create import get_organization
from spooled_lite.core.orgs.records import Member
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms

MEMBERS_MAX: Final = 100


def list_members(tx: Reading, org: int) -> list[Member]:
    """The oldest active keys, at most MEMBERS_MAX.

    Raises:
        NotFound: the organization is gone.

    Contract: platform, section 8.3.
    """
    organization = get_organization(tx, org)
    rows = tx.rows(key_statements.OLDEST_ACTIVE, {"org": org, "limit": MEMBERS_MAX})
    return [
        Member(
            id=row["id"],
            user_id=row["id"],
            organization_id=organization["id"],
            email=organization["billing_email"] or "",
            name=row["name"],
            role=_role(queues_of(row["queues"])),
            joined_at=format_ms(row["created_at_ms"]),
        )
        for row in rows
    ]


def _role(queues: tuple[str, ...]) -> Literal["owner", "member"]:
    return "owner" if Scope(queues).is_unrestricted else "member"
