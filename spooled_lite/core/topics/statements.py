"""Every statement about bindings."""

from typing import Final, Literal, TypedDict

from spooled_lite.storage.statement import Statement, Value

TargetType = Literal["queue", "task", "flow"]


class BindingRow(TypedDict):
    """A whole row of `bindings`."""

    seq: int
    id: str
    org: int
    target_type: TargetType
    target_name: str
    pattern: str
    created_at_ms: int


# Unique index bindings_of_target.
INSERT: Final = Statement(
    BindingRow,
    """
INSERT INTO bindings (id, org, target_type, target_name, pattern, created_at_ms)
VALUES (:id, :org, :target_type, :target_name, :pattern, :now_ms)
    ON CONFLICT (org, target_type, target_name, pattern) DO NOTHING
RETURNING *
""",
)

FIND: Final = Statement(
    BindingRow,
    """
SELECT * FROM bindings
 WHERE org = :org AND target_type = :target_type AND target_name = :target_name
   AND pattern = :pattern
""",
)

DELETE: Final = "DELETE FROM bindings WHERE seq = :seq"
DELETE_BY_ID: Final = "DELETE FROM bindings WHERE id = :id AND org = :org"
DELETE_OF_TARGET: Final = """
DELETE FROM bindings
 WHERE org = :org AND target_type = :target_type AND target_name = :target_name
"""

COUNT: Final = Value(int, "SELECT count(*) FROM bindings WHERE org = :org")

# Index bindings_newest: at most BINDINGS_MAX rows.
ALL: Final = Statement(
    BindingRow, "SELECT * FROM bindings WHERE org = :org ORDER BY created_at_ms DESC, seq DESC"
)

CHANGE: Final = Value(str, "SELECT change FROM binding_changes WHERE org = :org")
NOTE_CHANGE: Final = """
INSERT INTO binding_changes (org, change) VALUES (:org, :change)
    ON CONFLICT (org) DO UPDATE SET change = excluded.change
"""
