"""What the end of an attempt adds to the counts of the worker that made it."""

from collections.abc import Sequence

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import EVENTS, Event


def settled_rows(events: Sequence[Event]) -> list[tuple[int, int, str, int]]:
    """Of the events of a batch, one row per worker for `statements.COUNT_JOBS`.

    A failure counts once per attempt, whether a retry or the dead letters come of it.

    Contract: jobs, section 12.1 (`jobs_processed`, `jobs_failed`).
    """
    counts: dict[tuple[str, int], list[int]] = {}
    for event in events:
        usage = EVENTS[event.type].usage
        if usage == "jobs_completed":
            job: JobRow = event.row
            worker_id, position = job["assigned_worker_id"], 0
        elif usage == "jobs_failed":
            worker_id, position = event.facts.get("worker_id"), 1
        else:
            continue
        if worker_id is not None:
            counts.setdefault((worker_id, event.org), [0, 0])[position] += 1
    return [
        (processed, failed, worker_id, org)
        for (worker_id, org), (processed, failed) in counts.items()
    ]
