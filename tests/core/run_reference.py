"""What the reference of jobs has to know of runs of a task, from the contract alone.

Contract: catbird-capabilities, section 6.
"""

from dataclasses import dataclass, field

from tests.core.reference import WAITING, Job, Reference

ACTIVE = (*WAITING, "processing")


@dataclass
class Run(Job):
    kind: str = "task_run"
    is_skipped: bool = False
    is_over: bool = False  # it was cancelled when its time was over

    @property
    def state(self) -> str:
        if self.status in WAITING:
            return "started" if self.retry_count else "queued"
        return {
            "processing": "started",
            "completed": "skipped" if self.is_skipped else "completed",
            "cancelled": "expired" if self.is_over else "canceled",
            "deadletter": "failed",
        }[self.status]


@dataclass
class Following(Job):
    kind: str = "on_fail"
    follows: str = ""


@dataclass
class RunReference(Reference):
    owed: list[str] = field(default_factory=list)  # failed runs whose following job is not known

    def runs(self) -> list[Run]:
        return [job for job in self.jobs.values() if isinstance(job, Run)]

    # -- one run with a key at a time --------------------------------------------------------

    def holder(self, key: str | None) -> Run | None:
        """The unfinished run with this key. One whose time is over ends now."""
        for each in self._with(key):
            if not self._is_late(each):
                return each
            self.cancel(each)
        return None

    def keeps_out(self, run: Run) -> bool:
        """Whether a dead letter cannot be retried, since another one has its key."""
        return any(not self._is_late(each) for each in self._with(run.concurrency_key))

    def _with(self, key: str | None) -> list[Run]:
        return [
            each
            for each in self.runs()
            if key is not None and each.concurrency_key == key and each.status in ACTIVE
        ]

    def _is_late(self, job: Job) -> bool:
        return job.expires_at is not None and job.expires_at <= self.now_ms

    # -- how runs end ------------------------------------------------------------------------

    def cancel(self, run: Run) -> None:
        """At once, whoever has it; the lease of its worker settled nothing."""
        run.end("cancelled")
        run.settled_by = run.worker = None
        run.is_over = self._is_late(run)

    def fail(self, job: Job, *, may_retry: bool) -> None:
        dead = self._dead()
        super().fail(job, may_retry=may_retry)
        self._follow(dead)

    def reap(self) -> None:
        dead = self._dead()
        super().reap()
        self._follow(dead)

    def expire(self) -> None:
        for run in self.runs():
            if run.status in ACTIVE and self._is_late(run):
                self.cancel(run)
        super().expire()

    def retry(self, job: Job, *, starts_over: bool) -> None:
        """What follows the failure is taken back, if nobody has begun with it."""
        if isinstance(job, Run) and self._with(job.concurrency_key):
            job.concurrency_key = None
        super().retry(job, starts_over=starts_over)
        for each in self.jobs.values():
            is_its = isinstance(each, Following) and each.follows == job.id
            if is_its and each.status == "pending" and each.retry_count == 0:
                each.end("cancelled")

    def _dead(self) -> set[str]:
        return {run.id for run in self.runs() if run.status == "deadletter"}

    def _follow(self, before: set[str]) -> None:
        self.owed += sorted(self._dead() - before)
