"""Statements of exports and imports. Most are made from the members of a kind of line."""

from collections.abc import Mapping, Sequence
from typing import Final

from spooled_lite.storage.statement import Value

# Which organizations are exported: all, or the one that was asked for. One that is being removed
# for good is in no export.
CHOSEN: Final = """SELECT seq FROM organizations
 WHERE deleted_at_ms IS NULL AND (:organization IS NULL OR id = :organization)"""


def select(table: str, columns: Sequence[str], *, org: str, where: str, order: str) -> str:
    """All rows in the order in which they were stored.

    By the table itself and not by an index: there may be many millions of them, which are never
    sorted.
    """
    more = f" AND {where}" if where else ""
    chosen = f"{org} IN ({CHOSEN})" if org else "1"
    order = ", ".join(f"each.{column}" for column in order.split())
    return f"""SELECT {", ".join(columns)}
  FROM {table} AS each NOT INDEXED
 WHERE {chosen}{more}
 ORDER BY {order}"""


def insert(table: str, columns: Mapping[str, str | None]) -> str:
    """`columns`: the SQL of each of them."""
    values = ", ".join(str(value) for value in columns.values())
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"


def id_of(table: str, column: str) -> str:
    """Of the row that a column numbers."""
    return f"(SELECT id FROM {table} WHERE seq = each.{column})"


def number_of(table: str, name: str) -> str:
    """Of the row of the same organization whose id is this parameter."""
    return f"(SELECT seq FROM {table} WHERE id = :{name} AND org = :org)"


def body(which: str) -> str:
    """The payload or result of a job. Large ones have rows of their own."""
    return f"""iif(each.{which}_bytes IS NULL, each.{which},
    (SELECT body FROM job_bodies WHERE job = each.seq AND which = '{which}'))"""


def body_of_workflow(which: str) -> str:
    """The input, the headers or the output of a workflow."""
    return f"(SELECT body FROM workflow_bodies WHERE workflow = each.seq AND which = '{which}')"


def checksum(which: str) -> str:
    """Of a body that has a row of its own."""
    return f"""iif(each.{which}_bytes IS NULL, NULL,
    (SELECT checksum FROM job_bodies WHERE job = each.seq AND which = '{which}'))"""


IS_THERE: Final = Value(
    int, "SELECT seq FROM organizations WHERE id = :id AND deleted_at_ms IS NULL"
)

DROP_UP_TO: Final = """
UPDATE webhooks SET drop_to = :seq
 WHERE id = :webhook_id AND org = :org AND drop_to IS NOT NULL
"""
