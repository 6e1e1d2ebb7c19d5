"""Making an organization, and finding the one that is meant."""

import sqlite3

from spooled_lite.core.orgs import statements
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.storage.transaction import Reading, Tx


def create(tx: Tx, organization: NewOrganization) -> sqlite3.Row:
    """Store a new organization and announce it.

    Raises:
        Conflict: the slug is taken (storage says so, by the unique index).
    """
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "name": organization.name,
            "slug": organization.slug,
            "plan_tier": organization.tier,
            "billing_email": organization.billing_email,
            "now_ms": tx.now_ms,
        },
    )
    assert row is not None, "INSERT ... RETURNING always yields a row"
    tx.emit("org.changed", row["seq"], row=row)
    return row


def find_first(tx: Reading) -> sqlite3.Row | None:
    """The oldest organization; None in a new file."""
    return tx.row(statements.FIRST)


def find_by_name(tx: Reading, name: str) -> sqlite3.Row | None:
    """The organization with this id or slug."""
    return tx.row(statements.BY_NAME, {"name": name})
