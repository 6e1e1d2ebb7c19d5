"""Failed attempts and dead letters by error, counted with each change of a job."""

from typing import Final

from spooled_lite.core.jobs import error_statements as statements
from spooled_lite.core.jobs.errors import OTHERS, OTHERS_TITLE, error_key, title_of
from spooled_lite.events import Event
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Tx

GROUPS_MAX: Final = 1_000  # of a queue; errors beyond them are counted together
ERRORS: Final = "e"  # the kind of their counts in minute_histograms

_FAILING: Final = frozenset({"job.retrying", "job.deadlettered"})


def key_for(tx: Tx, queue: int, error: str) -> int:
    """Under which key an error of a queue is counted."""
    key = error_key(error)
    if tx.value(statements.IS_KNOWN, {"queue": queue, "error_key": key}):
        return key
    count = tx.value(statements.COUNT_OF_QUEUE, {"queue": queue, "limit": GROUPS_MAX}) or 0
    return key if count < GROUPS_MAX else OTHERS


def count_error(tx: Tx, event: Event) -> None:
    """Called with every event, in the transaction of the change."""
    if event.type in _FAILING:
        _count_failure(tx, event)
    elif event.type == "job.completed":
        row = event.row
        # Its error was cleared when it was retried by hand, and the key stays.
        if row["error_key"] is not None and row["last_error"] is None:
            tx.execute(statements.COUNT_COMPLETED, _group_of(event))
    elif event.was == "deadletter":
        retried = int(event.type == "job.retried")
        tx.execute(statements.COUNT_LEFT, {**_group_of(event), "retried": retried})


def _count_failure(tx: Tx, event: Event) -> None:
    row = event.row
    key, error = row["error_key"], row["last_error"]
    tx.execute(
        statements.COUNT_FAILURE,
        {
            **_group_of(event),
            "title": OTHERS_TITLE if key == OTHERS else title_of(error),
            "dead": int(event.type == "job.deadlettered"),
            "job_id": row["id"],
            "job_type": row["job_type"],
            "now_ms": tx.now_ms,
        },
    )
    tx.count_in(row["queue"], ERRORS, key, 1, minute=tx.now_ms // MINUTE_MS)


def _group_of(event: Event) -> dict[str, int]:
    return {"queue": event.row["queue"], "error_key": event.row["error_key"]}
