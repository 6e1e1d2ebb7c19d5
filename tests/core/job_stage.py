"""The stage with everything the application adds to a transaction, and its loops, run by hand."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from spooled_lite.app import hooks
from spooled_lite.background.loops import loops
from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue_bulk
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.cancel import cancel
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.retry import retry
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.maintenance.safety import SafetySweep
from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.records import Admission, QueueChanges
from spooled_lite.errors import RuleBroken
from spooled_lite.events import Deadline
from tests.core.stage import OPEN, Stage
from tests.core.store import Store
from tests.factories import a_claim

PASSES_MAX: Final = 10_000  # a loop that never is through is a failure and no hang
STATUSES: Final = (
    "pending",
    "scheduled",
    "processing",
    "completed",
    "failed",
    "deadletter",
    "cancelled",
)


class JobStage(Stage):
    """`due_at_ms` is what the loops know: when each of them has to run next."""

    def __init__(self, retention: Retention | None = None) -> None:
        self.fed = set()
        self.repaired: list[int] = []
        Store.__init__(self, hooks())
        safety = SafetySweep(self.repaired.append)
        self._loops = {each.deadline: each for each in loops(retention or Retention(), safety)}
        for kind in self._loops:  # as a server does when it starts
            self.run_pass(kind)
        self.run_due()

    # -- the loops ---------------------------------------------------------------------------

    def run_pass(self, kind: Deadline) -> int:
        """One pass of a loop; how much it did."""
        self.due_at_ms.pop(kind, None)
        done = self.run(self._loops[kind].run_once)
        if done.due_again_ms is not None:
            known = self.due_at_ms.get(kind, done.due_again_ms)
            self.due_at_ms[kind] = min(done.due_again_ms, known)
        return done.done

    def run_due(self, *kinds: Deadline) -> None:
        """Run the loops, or those of some kinds, as long as one of them knows of something due."""
        for _ in range(PASSES_MAX):
            now_ms = self.clock.now_ms()
            due = [
                kind
                for kind in kinds or tuple(self._loops)
                if self.due_at_ms.get(kind, now_ms + 1) <= now_ms
            ]
            if not due:
                return
            for kind in due:
                self.run_pass(kind)
        raise AssertionError(f"the loops do not come to rest: {due}")

    def wait(self, *, seconds: float) -> None:
        """Time passes and the loops do what is due then."""
        self.clock.advance(seconds=seconds)
        self.run_due()

    # -- the life of a job, in short ---------------------------------------------------------

    def bulk(
        self, *jobs: NewJob, admission: Admission = OPEN, scope: Scope = ALL_QUEUES
    ) -> list[Enqueued | RuleBroken]:
        return self.run(enqueue_bulk, self.org, jobs, admission, scope)

    def configure(self, queue_name: str = "emails", **columns: Any) -> None:
        self.run(configure, self.org, queue_name, QueueChanges(columns), OPEN)

    def take(self, queue_name: str = "emails", **asked: Any) -> JobRow:
        """Claim the one job that is there."""
        [job] = self.run(claim, self.org, a_claim(queue_name=queue_name, **asked))
        return job

    def dead_letter(self, queue_name: str = "emails", **fields: Any) -> JobRow:
        """A job that has failed for good."""
        job = self.enqueue(queue_name, **{"priority": 100, **fields})
        self.fail(self.take(queue_name), may_retry=False)
        return self.job(job["id"])

    def completed(self, queue_name: str = "emails", **fields: Any) -> JobRow:
        job = self.enqueue(queue_name, **{"priority": 100, **fields})
        self.complete(self.take(queue_name))
        return self.job(job["id"])

    def cancel(self, job: JobRow) -> None:
        self.run(cancel, self.org, job["id"], ALL_QUEUES)

    def retry(self, job: JobRow) -> JobRow:
        return self.run(retry, self.org, job["id"], ALL_QUEUES, None)

    def job(self, job_id: str) -> JobRow:
        return self.read(get_job, self.org, job_id, ALL_QUEUES)

    def history(self, job: JobRow) -> list[tuple[str, str | None, dict[str, Any]]]:
        """What is written down about a job: event, worker, details."""
        rows = self.rows(
            "SELECT event_type, worker_id, details FROM job_history WHERE job = :seq ORDER BY seq",
            seq=job["seq"],
        )
        return [(row[0], row[1], json.loads(row[2])) for row in rows]

    def story(self, job: JobRow) -> list[str]:
        return [line[0] for line in self.history(job)]

    # -- the books ---------------------------------------------------------------------------

    def counter(self, name: str, queue_name: str = "emails", *, minute: int = 0) -> int:
        rows = self.rows(
            "SELECT value FROM queue_counters JOIN queues ON queues.seq = queue"
            " WHERE queue_name = :queue_name AND name = :name AND minute = :minute",
            queue_name=queue_name,
            name=name,
            minute=minute,
        )
        return sum(row[0] for row in rows)

    def usage(self, name: str, period: str = "") -> int:
        rows = self.rows(
            "SELECT value FROM usage_counters WHERE org = :org AND name = :name AND period = :at",
            org=self.org,
            name=name,
            at=period,
        )
        return sum(row[0] for row in rows)

    def check_books(self) -> None:
        """What is counted is what is there, in every queue that was not deleted."""
        live = self.rows("SELECT * FROM queues WHERE deleted_at_ms IS NULL")
        active = 0
        for queue in live:
            counted = {
                row["name"]: row["value"]
                for row in self.rows(
                    "SELECT name, value FROM queue_counters WHERE queue = :queue AND minute = 0",
                    queue=queue["seq"],
                )
            }
            found = {
                row["status"]: row["n"]
                for row in self.rows(
                    "SELECT status, count(*) AS n FROM jobs WHERE queue = :queue GROUP BY status",
                    queue=queue["seq"],
                )
            }
            for status in STATUSES:
                assert counted.get(f"status.{status}", 0) == found.get(status, 0), status
            stored = counted.get("created", 0) - counted.get("removed", 0)
            assert stored == sum(found.values())
            active += sum(found.get(each, 0) for each in ("pending", "scheduled", "processing"))
        assert self.usage("active_jobs") == active

    def check_claimable(self) -> None:
        """`claimable` says exactly what the rule says."""
        wrong = self.rows(
            "SELECT id FROM jobs WHERE claimable <>"
            " (status = 'pending' AND run_at_ms IS NULL AND dependencies_met IS NOT 0)"
        )
        assert wrong == []


def holder(job: JobRow) -> Claimant:
    """What a worker says that took this job."""
    return Claimant(lease_id=job["lease_id"], worker_id=job["assigned_worker_id"])


def rows_of(enqueued: Sequence[Enqueued | RuleBroken]) -> list[Any]:
    """The stored jobs of a bulk call that went well."""
    assert all(isinstance(each, Enqueued) for each in enqueued), enqueued
    return [each.row for each in enqueued if isinstance(each, Enqueued)]


def a_job_stage() -> Iterator[JobStage]:
    """The body of the fixtures that hand one out."""
    stage = JobStage()
    try:
        yield stage
    finally:
        stage.close()
