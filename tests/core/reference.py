"""A small model of the life of jobs, written from the contract alone, to compare the product with.

Contract: jobs, sections 4 to 6, 8 and 10; schedules-workflows-webhooks, section 2.5.
"""

from dataclasses import dataclass, field

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.errors import Conflict, LeaseExpired, NotFound, SpooledError

WAITING = ("pending", "scheduled")
FAILED = ("deadletter", "cancelled")
ENDED = ("completed", *FAILED)


@dataclass
class Job:
    id: str
    queue: str
    priority: int
    created_ms: int
    order: int
    max_retries: int
    scheduled_at: int | None
    expires_at: int | None
    key: str | None
    parent: str | None
    status: str = "pending"
    retry_count: int = 0
    run_at: int | None = None
    met: bool | None = None
    by_parent: bool = False
    worker: str | None = None
    lease: str | None = None
    lease_ends: int | None = None
    settled_by: str | None = None
    kind: str = "job"
    claims: int = 0
    concurrency_key: str | None = None
    topic: str | None = None

    @property
    def claimable(self) -> bool:
        return self.status == "pending" and self.run_at is None and self.met is not False

    def wait(self, *, run_at: int | None = None) -> None:
        self.status, self.run_at, self.scheduled_at = "pending", run_at, run_at
        self.worker = self.lease = self.lease_ends = None

    def end(self, status: str) -> None:
        self.status, self.run_at = status, None
        self.settled_by, self.lease, self.lease_ends = self.lease, None, None


@dataclass
class Reference:
    now_ms: int
    jobs: dict[str, Job] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)

    def in_queue(self, queue: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.queue == queue]

    def with_key(self, key: str | None) -> Job | None:
        found = (job for job in self.jobs.values() if key is not None and job.key == key)
        return next(found, None)

    def add(self, job: Job) -> None:
        if job.scheduled_at is not None and job.scheduled_at > self.now_ms:
            job.status, job.run_at = "scheduled", job.scheduled_at
        if job.parent is not None:
            job.met = self.jobs[job.parent].status == "completed"
        self.jobs[job.id] = job

    # -- claiming ----------------------------------------------------------------------------

    def next_of(self, queue: str, limit: int, kind: str | None = None) -> list[Job]:
        """What a claim has to hand out, in order: of one kind, or whatever there is."""
        if queue in self.paused:
            return []
        self.promote(self.in_queue(queue))
        can = [
            job
            for job in self.in_queue(queue)
            if job.claimable
            and (job.expires_at is None or job.expires_at > self.now_ms)
            and kind in (None, job.kind)
        ]
        return sorted(can, key=lambda job: (-job.priority, job.created_ms, job.order))[:limit]

    def hand_out(self, job: Job, worker: str, lease: str, lease_ends: int) -> None:
        job.status, job.worker, job.lease, job.lease_ends = "processing", worker, lease, lease_ends
        job.settled_by = None
        job.claims += 1

    def is_live(self, job: Job) -> bool:
        return job.lease_ends is not None and job.lease_ends > self.now_ms

    def refusal(self, job_id: str, who: Claimant) -> type[SpooledError] | None:
        """The fencing table, from its first row to its last."""
        job = self.jobs.get(job_id)
        if job is None:
            return NotFound
        if job.status in ENDED:
            same = who.lease_id is None or who.lease_id == job.settled_by
            return Conflict if same else LeaseExpired
        if job.status in WAITING:
            return Conflict if who.lease_id is None else LeaseExpired
        if who.lease_id is not None and who.lease_id != job.lease:
            return LeaseExpired
        if not self.is_live(job):
            return LeaseExpired
        if who.worker_id is not None and who.worker_id != job.worker:
            return Conflict
        return None

    # -- the end of an attempt ---------------------------------------------------------------

    def fail(self, job: Job, *, may_retry: bool) -> None:
        if may_retry and job.retry_count < job.max_retries:
            delay_ms = min(2**job.retry_count, 60) * 1000
            job.retry_count += 1
            job.wait(run_at=self.now_ms + delay_ms)
        else:
            job.end("deadletter")
            job.worker = None

    def retry(self, job: Job, *, starts_over: bool) -> None:
        job.retry_count = 0 if starts_over else job.retry_count + 1
        job.settled_by = None
        job.wait()

    # -- what time does ----------------------------------------------------------------------

    def promote(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.run_at is not None and job.run_at <= self.now_ms:
                job.status, job.run_at = "pending", None

    def reap(self) -> None:
        for job in self.jobs.values():
            if job.status == "processing" and not self.is_live(job):
                if job.retry_count < job.max_retries:
                    job.retry_count += 1
                    job.wait()
                else:
                    job.end("deadletter")
                    job.worker = None

    def expire(self) -> None:
        for job in self.jobs.values():
            past = job.expires_at is not None and job.expires_at <= self.now_ms
            if past and job.status in WAITING:
                job.end("cancelled")

    # -- families ----------------------------------------------------------------------------

    def tell_families(self) -> None:
        """Until nothing changes: every child stands as its parent has it."""
        while any([self._stands(job) for job in self.jobs.values() if job.parent is not None]):
            pass

    def _stands(self, job: Job) -> bool:
        assert job.parent is not None
        parent = self.jobs[job.parent]
        met = parent.status == "completed"
        if job.status == "cancelled" and job.by_parent and parent.status not in FAILED:
            later = job.scheduled_at is not None and job.scheduled_at > self.now_ms
            job.status, job.run_at = ("scheduled", job.scheduled_at) if later else ("pending", None)
            job.met, job.by_parent = met, False
            return True
        if job.status in WAITING and parent.status in FAILED:
            self._cancel_by_parent(job)
            return True
        if job.status in WAITING and job.met != met:
            job.met = met
            return True
        return False

    def _cancel_by_parent(self, job: Job) -> None:
        job.status, job.run_at, job.met, job.by_parent = "cancelled", None, False, True

    def remove(self, gone: list[Job]) -> None:
        names = {job.id for job in gone}
        for name in names:
            del self.jobs[name]
        for job in self.jobs.values():
            if job.parent in names:
                job.parent = None
                if job.status in WAITING and job.met is False:
                    self._cancel_by_parent(job)
                job.by_parent = False  # nobody is left who could bring it back
