"""Random lives of jobs, step by step against the reference."""

import re
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.states import TRANSITIONS, JobStatus
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle import claim_statements, statements
from spooled_lite.core.lifecycle.cancel import cancel
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.renew import renew, report_progress
from spooled_lite.core.lifecycle.retry import retry, retry_dead_letters
from spooled_lite.core.lifecycle.settle import complete, fail, release
from spooled_lite.core.maintenance.remove import (
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.errors import Conflict, NotFound, SpooledError
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.reference import WAITING, Job, Reference
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.factories import a_claim, a_job

QUEUES = st.sampled_from(["a", "b"])
PICKS = st.integers(0, 10**6)  # of a list: this modulo its length
FORMS = st.sampled_from(
    ["right", "right", "lease", "worker", "nobody", "foreign lease", "foreign worker"]
)

ASKED = st.fixed_dictionaries(
    {
        "queue": QUEUES,
        "priority": st.integers(-1, 1),
        "delay": st.sampled_from([None, None, None, None, 0, 5, 60]),
        "expires": st.sampled_from([None, None, None, None, None, None, 0, 10, 100]),
        "max_retries": st.integers(0, 2),
        "key": st.sampled_from([None, None, None, "k", "l"]),
        "parent": st.one_of(st.none(), st.none(), st.none(), PICKS),
    }
)
# The rules are chosen evenly, so what is rare in life shares one.
BY_HAND = st.sampled_from(
    ["pause", "resume", "resume", "purge queue", "delete queue", "purge dead", "retry dead"]
)
LOOPS = st.sampled_from(["promote", "reap", "expire", "all"])

# Every life: created, then attempts; each ends by a release, a retry, or for good. A dead letter
# and a job its parent had cancelled can begin again.
LETTERS: Final = {
    "created": "N",
    "claimed": "L",
    "released": "R",
    "completed": "C",
    "failed": "F",
    "retried": "T",
    "deadlettered": "D",
    "cancelled": "X",
}
LEGAL: Final = re.compile(r"N(L(R|FT|FDT)|XT)*(L(C|FD)?|X)?")

LOOP_OF: Final = {
    "promote": Deadline.PROMOTION,
    "reap": Deadline.LEASE_END,
    "expire": Deadline.EXPIRY,
}
_NEXT: Final = {
    Deadline.PROMOTION: claim_statements.NEXT_PROMOTION,
    Deadline.LEASE_END: statements.NEXT_LEASE_END,
    Deadline.EXPIRY: statements.NEXT_EXPIRY,
}


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = JobStage()
        self.model = Reference(NOW_MS)
        self.begin_books()

    def begin_books(self) -> None:
        self.leases: list[JobRow] = []  # every one ever handed out, the lost ones too
        self.statuses: dict[str, str] = {}  # as the events told them
        self.completions: Counter[str] = Counter()
        self.order = 0

    def teardown(self) -> None:
        for row in self.stage.rows("SELECT * FROM jobs WHERE kind = 'job'"):
            story = "".join(LETTERS[name] for name in self.stage.story(row))
            assert LEGAL.fullmatch(story), story
        self.stage.close()

    # -- callers -----------------------------------------------------------------------------

    @initialize(some=st.lists(ASKED, min_size=1, max_size=4))
    def begin(self, some: list[dict[str, Any]]) -> None:
        self.enqueue(some)

    @rule(some=st.lists(ASKED, min_size=1, max_size=2))
    def enqueue(self, some: list[dict[str, Any]]) -> None:
        for asked in some:
            self._enqueue(**asked)

    def _enqueue(
        self,
        queue: str,
        priority: int,
        delay: int | None,
        expires: int | None,
        max_retries: int,
        key: str | None,
        parent: int | None,
    ) -> None:
        now = self.model.now_ms
        jobs = [job.id for job in self.model.jobs.values() if job.kind == "job"]
        parent_id = jobs[parent % len(jobs)] if parent is not None and jobs else None
        job = a_job(
            queue_name=queue,
            priority=priority,
            delay_ms=None if delay is None else delay * 1000,
            expires_at_ms=None if expires is None else now + expires * 1000,
            max_retries=max_retries,
            idempotency_key=key,
            parent_job_id=parent_id,
        )
        known = self.model.with_key(key)

        enqueued = self.stage.run(enqueue, self.stage.org, job, OPEN, ALL_QUEUES)

        if known is not None:
            assert (enqueued.created, enqueued.row["id"]) == (False, known.id)
            return
        assert enqueued.created
        self.order += 1
        self.model.add(
            Job(
                id=enqueued.row["id"],
                queue=queue,
                priority=priority,
                created_ms=now,
                order=self.order,
                max_retries=max_retries,
                scheduled_at=None if delay is None else now + delay * 1000,
                expires_at=job.expires_at_ms,
                key=key,
                parent=parent_id,
            )
        )
        self._families()

    @rule(worker=st.sampled_from(["w", "v"]))
    def claim_from_both(self, worker: str) -> None:
        for queue in ("a", "b"):
            self.claim(queue, 2, worker)

    @rule(queue=QUEUES, limit=st.integers(1, 3), worker=st.sampled_from(["w", "v"]))
    def claim(self, queue: str, limit: int, worker: str) -> None:
        wanted = a_claim(queue_name=queue, limit=limit, worker_id=worker, lease_ms=20_000)
        expected = self.model.next_of(queue, limit)

        rows = self.stage.run(claim, self.stage.org, wanted)

        assert [row["id"] for row in rows] == [job.id for job in expected]
        assert len({row["lease_id"] for row in rows}) <= 1
        for row, job in zip(rows, expected, strict=True):
            assert not self.model.is_live(job), "two live leases"
            assert not self.completions[job.id], "handed out after it was completed"
            assert row["lease_id"] is not None
            self.model.hand_out(job, worker, row["lease_id"], self.model.now_ms + 20_000)
        self.leases += rows

    @precondition(lambda self: self.leases)
    @rule(pick=PICKS, form=FORMS)
    def complete(self, pick: int, form: str) -> None:
        job_id, who = self._claimant(pick, form)
        job = self._act(complete, job_id, who, b"1", ALL_QUEUES)
        if job is not None:
            job.end("completed")
            self.completions[job_id] += 1
            assert self.completions[job_id] == 1
            self._families()

    @precondition(lambda self: self.leases)
    @rule(pick=PICKS, form=FORMS, may_retry=st.booleans())
    def fail(self, pick: int, form: str, may_retry: bool) -> None:
        job_id, who = self._claimant(pick, form)
        job = self._act(fail, job_id, who, "boom", ALL_QUEUES, may_retry)
        if job is not None:
            self.model.fail(job, may_retry=may_retry)
            self._families()

    @precondition(lambda self: self.leases)
    @rule(pick=PICKS, form=FORMS, seconds=st.sampled_from([5, 30]), reports=st.booleans())
    def speak(self, pick: int, form: str, seconds: int, reports: bool) -> None:
        job_id, who = self._claimant(pick, form)
        if reports:
            self._act(report_progress, job_id, who, 50.0, None, ALL_QUEUES)
            return
        job = self._act(renew, job_id, who, seconds * 1000, ALL_QUEUES)
        if job is not None:
            job.lease_ends = self.model.now_ms + seconds * 1000

    @precondition(lambda self: self.leases)
    @rule(pick=PICKS)
    def release(self, pick: int) -> None:
        row = self.leases[pick % len(self.leases)]
        job = self.model.jobs.get(row["id"])
        held = job is not None and job.lease == row["lease_id"]

        assert self.stage.run(release, [row]) == held

        if held and job is not None:
            scheduled_at = job.scheduled_at
            job.wait()
            job.scheduled_at = scheduled_at
            job.claims -= 1
            self.released()

    def released(self) -> None:
        """For machines in which the loops run by themselves."""

    @precondition(lambda self: self.model.jobs)
    @rule(pick=PICKS, way=st.sampled_from(["cancel", "retry"]))
    def change(self, pick: int, way: str) -> None:
        job = self._job(pick)
        if way == "cancel":
            self._cancel(job)
        else:
            self._retry(job)

    def _cancel(self, job: Job) -> None:
        if job.status not in WAITING:
            self._refused(Conflict, cancel, job.id, ALL_QUEUES)
            return
        self.stage.run(cancel, self.stage.org, job.id, ALL_QUEUES)
        job.end("cancelled")
        self._families()

    def _retry(self, job: Job) -> None:
        if job.status != "deadletter":
            self._refused(Conflict, retry, job.id, ALL_QUEUES, None)
            return
        self.stage.run(retry, self.stage.org, job.id, ALL_QUEUES, None)
        self.model.retry(job, starts_over=False)
        self._families()

    @rule(what=BY_HAND, queue=QUEUES, narrow=st.booleans(), limit=st.integers(1, 3))
    def administer(self, what: str, queue: str, narrow: bool, limit: int) -> None:
        if what == "retry dead":
            self._retry_dead_letters(queue if narrow else None, limit)
        elif what == "purge dead":
            self._purge_dead_letters(queue if narrow else None, limit)
        elif what == "pause":
            self.stage.run(pause, self.stage.org, queue, None, OPEN)
            self.model.paused.add(queue)
        elif not self._knows(queue):
            return
        elif what == "resume":
            self.stage.run(resume, self.stage.org, queue)
            self.model.paused.discard(queue)
        elif what == "purge queue":
            self._purge_queue(queue)
        else:
            self._delete_queue(queue)

    def _retry_dead_letters(self, queue: str | None, limit: int) -> None:
        chosen = self._dead(queue)[:limit]
        wanted = DeadLetters(queue_name=queue, limit=limit)

        retried = self.stage.run(retry_dead_letters, self.stage.org, wanted, ALL_QUEUES, None)

        assert retried.job_ids == [job.id for job in chosen]
        for job in chosen:
            self.model.retry(job, starts_over=True)
        self._families()

    def _purge_dead_letters(self, queue: str | None, limit: int) -> None:
        wanted = DeadLetters(queue_name=queue, limit=limit)
        chosen = self._dead(queue)[:limit]

        purged = self.stage.run(purge_dead_letters_pass, self.stage.org, wanted, ALL_QUEUES)

        assert purged.count == len(chosen)
        self.model.remove(chosen)
        self._families()

    def _purge_queue(self, queue: str) -> None:
        idle = [job for job in self.model.in_queue(queue) if job.status != "processing"]
        purged = self.stage.run(purge_queue_pass, self.stage.org, queue)
        assert purged.count == len(idle)
        self.model.remove(idle)
        self._families()

    def _delete_queue(self, queue: str) -> None:
        self.stage.run(delete_queue, self.stage.org, queue, delete_jobs=True)
        self.stage.run_due(Deadline.DELETION)
        self.model.remove(self.model.in_queue(queue))
        self.model.paused.discard(queue)
        self._families()

    # -- time --------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.001, 1, 2, 5, 19.999, 20, 60]))
    def time_passes(self, seconds: float) -> None:
        self.stage.clock.advance(seconds=seconds)
        self.model.now_ms = self.stage.clock.now_ms()

    @rule(loop=LOOPS)
    def a_loop_runs(self, loop: str) -> None:
        if loop == "all":
            self.stage.run_due()
        else:
            self.stage.run_pass(LOOP_OF[loop])
        if loop in ("promote", "all"):
            self.model.promote(list(self.model.jobs.values()))
        if loop in ("reap", "all"):
            self.model.reap()
        if loop in ("expire", "all"):
            self.model.expire()
        self._families()

    # -- what holds after every step ---------------------------------------------------------

    @invariant()
    def the_rows_are_as_the_reference_has_them(self) -> None:
        rows = {row["id"]: row for row in self.stage.rows("SELECT * FROM jobs")}
        assert rows.keys() == self.model.jobs.keys()
        for job in self.model.jobs.values():
            row = rows[job.id]
            found = (row["status"], row["retry_count"], row["run_at_ms"], row["lease_id"])
            assert found == (job.status, job.retry_count, job.run_at, job.lease)
            assert bool(row["claimable"]) == job.claimable
            assert (row["dependencies_met"], row["claims"]) == (job.met, job.claims)
            assert row["lease_expires_at_ms"] == job.lease_ends
            assert bool(row["cancelled_by_parent"]) == job.by_parent

    @invariant()
    def every_change_of_status_is_a_listed_one(self) -> None:
        for event in self.stage.events:
            if not event.type.startswith("job."):
                continue
            job_id = event.row["id"]
            assert event.was == self.statuses.get(job_id)
            if event.type == "job.deleted":
                del self.statuses[job_id]
                continue
            status = event.row["status"]
            if event.was is not None and event.type != "job.progress":
                assert JobStatus(status) in TRANSITIONS[JobStatus(event.was)]
            self.statuses[job_id] = status
        self.stage.events.clear()

    @invariant()
    def the_books_are_right(self) -> None:
        self.stage.check_books()
        self.stage.check_claimable()

    @invariant()
    def the_safety_sweep_finds_nothing(self) -> None:
        assert self.stage.repaired == []

    @invariant()
    def no_deadline_is_lost(self) -> None:
        for kind, statement in _NEXT.items():
            for row in self.stage.rows(statement.text):
                assert kind in self.stage.due_at_ms, kind
                assert self.stage.due_at_ms[kind] <= row["at_ms"], kind

    # -- helpers -----------------------------------------------------------------------------

    def _families(self) -> None:
        self.stage.run_due(Deadline.DEPENDENTS)
        self.model.tell_families()

    def _job(self, pick: int) -> Job:
        return list(self.model.jobs.values())[pick % len(self.model.jobs)]

    def _dead(self, queue: str | None) -> list[Job]:
        dead = [job for job in self.model.jobs.values() if job.status == "deadletter"]
        chosen = [job for job in dead if queue in (None, job.queue)]
        return sorted(chosen, key=lambda job: (job.created_ms, job.order))

    def _knows(self, queue: str) -> bool:
        found = self.stage.rows(
            "SELECT 1 FROM queues WHERE queue_name = :queue AND deleted_at_ms IS NULL", queue=queue
        )
        return bool(found)

    def _claimant(self, pick: int, form: str) -> tuple[str, Claimant]:
        """Somebody who took a job, most often lately, and how it says so."""
        lease = self.leases[-1 - (pick % len(self.leases)) // 2]
        lease_id: str | None = lease["lease_id"]
        worker_id: str | None = lease["assigned_worker_id"]
        if form in ("worker", "nobody"):
            lease_id = None
        if form in ("lease", "nobody"):
            worker_id = None
        if form == "foreign lease":
            lease_id = "foreign"
        if form == "foreign worker":
            worker_id = "foreign"
        return lease["id"], Claimant(lease_id=lease_id, worker_id=worker_id)

    def _act(self, operation: Any, job_id: str, who: Claimant, *rest: Any) -> Job | None:
        """The job when the holder was heard; None after a look that a refusal is the right one."""
        refusal = self.model.refusal(job_id, who)
        if refusal is not None:
            self._refused(refusal, operation, job_id, who, *rest)
            return None
        self.stage.run(operation, self.stage.org, job_id, who, *rest)
        return self.model.jobs[job_id]

    def _refused(self, refusal: type[SpooledError], operation: Any, *args: Any) -> None:
        with pytest.raises((NotFound, SpooledError)) as error:
            self.stage.run(operation, self.stage.org, *args)
        assert error.type is refusal


def live(
    machine: type[RuleBasedStateMachine], *, examples: int, steps: int, derandomize: bool
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_jobs_live_as_the_contract_says() -> None:
    live(Lives, examples=120, steps=60, derandomize=True)


@pytest.mark.long
def test_jobs_live_as_the_contract_says_for_long() -> None:
    live(Lives, examples=5_000, steps=100, derandomize=False)
