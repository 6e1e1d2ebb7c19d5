"""Every statement about tasks."""

from typing import Final

from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.storage.statement import Statement, Value

# Index tasks_by_name. One whose runs are still being deleted has its name until then.
FIND: Final = Statement(
    TaskRow, "SELECT * FROM tasks WHERE org = :org AND name = :name AND deleted_at_ms IS NULL"
)

BACKOFF: Final = Value(
    bytes,
    "SELECT backoff FROM tasks WHERE org = :org AND name = :name AND deleted_at_ms IS NULL",
)

IS_LEAVING: Final = Value(
    int, "SELECT seq FROM tasks WHERE org = :org AND name = :name AND deleted_at_ms IS NOT NULL"
)

COUNT: Final = Value(int, "SELECT count(*) FROM tasks WHERE org = :org")

INSERT: Final = Statement(
    TaskRow,
    """
INSERT INTO tasks (org, name, description, queue_name, condition, max_retries, timeout_ms, backoff,
                   circuit_breaker, max_concurrency, retention_ms, on_fail, revision,
                   created_at_ms, updated_at_ms)
VALUES (:org, :name, :description, :queue_name, :condition, :max_retries, :timeout_ms, :backoff,
        :circuit_breaker, :max_concurrency, :retention_ms, :on_fail, 1, :now_ms, :now_ms)
RETURNING *
""",
)

REPLACE: Final = Statement(
    TaskRow,
    """
UPDATE tasks
   SET description = :description, queue_name = :queue_name, condition = :condition,
       max_retries = :max_retries, timeout_ms = :timeout_ms, backoff = :backoff,
       circuit_breaker = :circuit_breaker, max_concurrency = :max_concurrency,
       retention_ms = :retention_ms, on_fail = :on_fail, revision = revision + 1,
       updated_at_ms = :now_ms
 WHERE seq = :seq
RETURNING *
""",
)

# Index tasks_by_name, from where the last page ended.
PAGE: Final = Statement(
    TaskRow,
    """
SELECT * FROM tasks WHERE org = :org AND deleted_at_ms IS NULL AND name > :after
 ORDER BY name LIMIT :limit
""",
)

MARK_DELETED: Final = """
UPDATE tasks SET deleted_at_ms = :now_ms, updated_at_ms = :now_ms WHERE seq = :seq
"""

# Index tasks_deleted.
NEXT_DELETED: Final = Statement(
    TaskRow, "SELECT * FROM tasks WHERE deleted_at_ms IS NOT NULL ORDER BY seq LIMIT 1"
)

DELETE: Final = "DELETE FROM tasks WHERE seq = :seq"
