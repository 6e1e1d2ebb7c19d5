"""Every statement by which `spooled-lite check` looks at items: these look at every one."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class FoundItemsRow(TypedDict):
    """What a step with items says of them, and what is found."""

    id: str
    has_ended: int
    items_total: int | None
    items_stored: int
    items_released: int
    items_open: int
    items_done: int
    items_failed: int
    found: int
    done_found: int
    open_found: int
    failed_found: int


# Index items_of_step.
ALL_WITH_ITEMS: Final = Statement(
    FoundItemsRow,
    """
SELECT steps.id, steps.status IN ('completed', 'failed', 'deadletter', 'cancelled') AS has_ended,
       items_total, items_stored, items_released, items_open, items_done, items_failed,
       count(*) AS found,
       sum(items.status IN ('completed', 'failed', 'deadletter', 'cancelled')) AS done_found,
       sum(items.status IN ('pending', 'scheduled', 'processing')
           AND items.dependencies_met = 1) AS open_found,
       sum(items.status IN ('failed', 'deadletter', 'cancelled')) AS failed_found
  FROM step_states CROSS JOIN jobs AS steps ON steps.seq = step_states.job
                   CROSS JOIN jobs AS items ON items.step_job = step_states.job
                     AND items.queue NOT IN
                         (SELECT seq FROM queues WHERE deleted_at_ms IS NOT NULL)
 WHERE items_stored > 0
 GROUP BY step_states.job
""",
)

WITHOUT_STEP: Final = Value(
    int,
    """
SELECT count(*) FROM jobs AS items
 WHERE step_job IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM jobs AS steps WHERE steps.seq = items.step_job)
""",
)
