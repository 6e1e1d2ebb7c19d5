"""Whom the link that a server prints when it starts signs in."""

from typing import Final

from spooled_lite.core.auth import link_statements as statements
from spooled_lite.core.auth.records import Subject
from spooled_lite.core.keys.records import Grants, permissions_of, queues_of
from spooled_lite.storage.transaction import Reading

KEYS_MAX: Final = 1_000  # looked at


def subject_of_link(tx: Reading, org_id: str) -> Subject | None:
    """The oldest key of the organization that may do everything; None: it has none that is good."""
    asked = {"org_id": org_id, "now_ms": tx.now_ms, "limit": KEYS_MAX}
    for row in tx.rows(statements.GOOD_KEYS, asked):
        queues = queues_of(row["queues"])
        if Grants.of(queues, permissions_of(row["permissions"])).is_unlimited:
            return Subject(
                org_id=org_id, key_id=row["id"], secret_id=row["secret_id"], queues=queues or ["*"]
            )
    return None
