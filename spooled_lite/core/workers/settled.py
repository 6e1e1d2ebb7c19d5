"""Count completed jobs and failed attempts per worker, and note when it last had one."""

from collections.abc import Sequence

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import EVENTS, Event


def settled_rows(events: Sequence[Event]) -> list[tuple[int, int, int, str, int]]:
    """The parameters of `statements.COUNT_JOBS` for the events of a batch, one row per worker.

    A failed attempt counts once, whether the job is retried or becomes a dead letter.

    Contract: jobs, section 12.1 (`jobs_processed`, `jobs_failed`).
    """
    settled: dict[tuple[str, int], list[int]] = {}
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
            of_worker = settled.setdefault((worker_id, event.org), [0, 0, 0])
            of_worker[position] += 1
            of_worker[2] = event.at_ms
    return [
        (processed, failed, at_ms, worker_id, org)
        for (worker_id, org), (processed, failed, at_ms) in settled.items()
    ]
