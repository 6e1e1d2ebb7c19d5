"""Random lives of runs of a task beside jobs in the same queues, against the reference."""

from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from spooled_lite.core.batch.run import BatchStep
from spooled_lite.core.batch.then import settle_and_then
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.policy import Backoff, OnFail, stored
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import Cancelling
from spooled_lite.core.lifecycle.retry import retry, retry_dead_letters
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.tasks.define import create_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import cancel_run, run_task
from spooled_lite.errors import Conflict, NotFound
from tests.core.job_stage import JobStage
from tests.core.reference import Job
from tests.core.run_reference import ACTIVE, Following, Run, RunReference
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.core.test_model import FORMS, PICKS, Lives, live

TASK: Final = "charge"
RETRIES_OF_FOLLOWING: Final = 1
DEFINITION: Final = TaskDefinition(
    queue_name="a",
    condition="input.amount gt 0",
    max_retries=1,
    timeout_ms=0,
    on_fail=stored(
        OnFail(
            queue_name="b",
            max_retries=RETRIES_OF_FOLLOWING,
            backoff=Backoff(strategy="fixed", base_delay_ms=1000),  # as that of a first retry
        )
    ),
)
ASKED_RUN = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([1, 1, 1, 0]),
        "key": st.sampled_from([None, "k", "k", "l"]),
        "priority": st.integers(-1, 2),
        "delay": st.sampled_from([None, None, None, None, 0, 5]),
        "expires": st.sampled_from([None, None, None, 1, 10]),
        "retries": st.sampled_from([None, None, 0, 2]),
    }
)


class LivesOfRuns(Lives):
    model: RunReference

    def __init__(self) -> None:
        super(Lives, self).__init__()
        self.stage = JobStage()
        self.model = RunReference(NOW_MS)
        self.begin_books()
        self.stage.run(create_task, self.stage.org, TASK, DEFINITION, ALL_QUEUES)

    # -- making runs -------------------------------------------------------------------------

    @initialize(some=st.lists(ASKED_RUN, min_size=1, max_size=3))
    def begin_with_runs(self, some: list[dict[str, Any]]) -> None:
        for asked in some:
            self.run(asked)

    @rule(asked=ASKED_RUN)
    def run(self, asked: dict[str, Any]) -> None:
        new = self._new(**asked)
        made = self.stage.run(run_task, self.stage.org, TASK, new, OPEN, ALL_QUEUES)
        self._made(new, made, asked)

    @precondition(lambda self: self.leases)
    @rule(pick=PICKS, form=FORMS, asked=ASKED_RUN, is_refused=st.booleans())
    def complete_and_then_run(
        self, pick: int, form: str, asked: dict[str, Any], is_refused: bool
    ) -> None:
        job_id, who = self._claimant(pick, form)
        new, org = self._new(**asked), self.stage.org
        names = [TASK, "unknown"] if is_refused else [TASK]
        steps = [
            BatchStep(f"then[{at}]", run_task, (org, name, new, OPEN, ALL_QUEUES))
            for at, name in enumerate(names)
        ]
        settle = (complete, (org, job_id, who, b"1", ALL_QUEUES))
        refusal = self.model.refusal(job_id, who) or (NotFound if is_refused else None)
        if refusal is not None:
            with pytest.raises(refusal):
                self.stage.run(settle_and_then, settle, steps)
            return
        _, [made] = self.stage.run(settle_and_then, settle, steps)
        self.model.jobs[job_id].end("completed")
        self.completions[job_id] += 1
        self._made(new, made, asked)
        self._families()

    # -- ending them -------------------------------------------------------------------------

    @rule(worker=st.sampled_from(["w", "v"]))
    def claim_and_bury(self, worker: str) -> None:
        """The last one that is handed out fails for good."""
        known = len(self.leases)
        self.claim("a", 1, worker)
        if len(self.leases) > known:
            self.fail(0, "right", may_retry=False)

    @precondition(lambda self: self.model.runs())
    @rule(pick=PICKS)
    def cancel_a_run(self, pick: int) -> None:
        runs = self.model.runs()
        self._cancel(runs[pick % len(runs)])

    @precondition(lambda self: self._dead(None))
    @rule(pick=PICKS)
    def retry_a_dead_letter(self, pick: int) -> None:
        dead = self._dead(None)
        self._retry(dead[pick % len(dead)])

    def _cancel(self, job: Job) -> None:
        if not isinstance(job, Run):
            if isinstance(job, Following) and job.status == "processing":
                return  # as a job, by `cancel`
            super()._cancel(job)
            return
        asked = (TASK, job.id, Cancelling(reason="why"), ALL_QUEUES)
        cancelled = self.stage.run(cancel_run, self.stage.org, *asked)
        assert cancelled.was_applied is (job.status in ACTIVE)
        if job.status in ACTIVE:
            self.model.cancel(job)
        self._families()

    def _retry(self, job: Job) -> None:
        if isinstance(job, Run) and job.status == "deadletter" and self.model.keeps_out(job):
            self._refused(Conflict, retry, job.id, ALL_QUEUES, None)
        else:
            super()._retry(job)

    def _retry_dead_letters(self, queue: str | None, limit: int) -> None:
        wanted = DeadLetters(queue_name=queue, limit=limit)
        retried = self.stage.run(retry_dead_letters, self.stage.org, wanted, ALL_QUEUES, None)
        kept, begun = [], []
        for job in self._dead(queue)[:limit]:
            if isinstance(job, Run) and self.model.keeps_out(job):
                kept.append(job.id)
            else:
                self.model.retry(job, starts_over=True)
                begun.append(job.id)
        assert (retried.job_ids, retried.skipped) == (begun, kept)
        self._families()

    # -- what holds after every step ---------------------------------------------------------

    @invariant()
    def runs_stand_as_the_reference_has_them(self) -> None:
        rows = self.stage.rows("SELECT * FROM jobs WHERE kind = 'task_run'")
        names = ("id", "concurrency_key", "expires_at_ms", "max_retries")
        found = {(*(row[name] for name in names), state_of(dict(row))) for row in rows}  # type: ignore[arg-type]
        assert found == {
            (run.id, run.concurrency_key, run.expires_at, run.max_retries, run.state)
            for run in self.model.runs()
        }

    @invariant()
    def no_two_runs_have_one_concurrency_key(self) -> None:
        active = (run for run in self.model.runs() if run.status in ACTIVE)
        held = Counter(run.concurrency_key for run in active if run.concurrency_key is not None)
        assert set(held.values()) <= {1}

    # -- helpers -----------------------------------------------------------------------------

    def _families(self) -> None:
        self._get_to_know_what_follows()
        super()._families()

    def _get_to_know_what_follows(self) -> None:
        """A job follows each failure of a run, and nothing else is new."""
        rows = self.stage.rows("SELECT * FROM jobs WHERE kind = 'on_fail' ORDER BY seq")
        new = [row for row in rows if row["id"] not in self.model.jobs]
        assert Counter(row["on_fail_of"] for row in new) == Counter(self.model.owed)
        self.model.owed.clear()
        for row in new:
            failed = self.model.jobs[row["on_fail_of"]]
            assert (row["queue_name"], row["task_name"]) == ("b", TASK)
            self.order += 1
            self.model.add(
                Following(
                    id=row["id"],
                    queue="b",
                    priority=failed.priority,
                    created_ms=self.model.now_ms,
                    order=self.order,
                    max_retries=RETRIES_OF_FOLLOWING,
                    scheduled_at=None,
                    expires_at=None,
                    key=None,
                    parent=None,
                    follows=failed.id,
                )
            )

    def _new(
        self,
        amount: int,
        key: str | None,
        priority: int,
        delay: int | None,
        expires: int | None,
        retries: int | None,
    ) -> NewTaskRun:
        return NewTaskRun(
            input=b'{"amount":%d}' % amount,
            concurrency_key=key,
            priority=priority,
            delay_ms=None if delay is None else delay * 1000,
            expires_in_ms=None if expires is None else expires * 1000,
            max_retries=retries,
        )

    def _made(self, new: NewTaskRun, made: Any, asked: dict[str, Any]) -> None:
        holder = self.model.holder(new.concurrency_key)
        if holder is not None:
            assert (made.created, made.row["id"]) == (False, holder.id)
            return
        assert made.created
        now_ms = self.model.now_ms
        self.order += 1
        run = Run(
            id=made.row["id"],
            queue=DEFINITION.queue_name,
            priority=new.priority,
            created_ms=now_ms,
            order=self.order,
            max_retries=DEFINITION.max_retries if new.max_retries is None else new.max_retries,
            scheduled_at=None if new.delay_ms is None else now_ms + new.delay_ms,
            expires_at=None if new.expires_in_ms is None else now_ms + new.expires_in_ms,
            key=None,
            parent=None,
            concurrency_key=new.concurrency_key,
            is_skipped=asked["amount"] == 0,
        )
        self.model.add(run)
        if run.is_skipped:
            run.end("completed")
        self._families()


@pytest.mark.slow
def test_runs_live_as_the_contract_says_beside_jobs() -> None:
    live(LivesOfRuns, examples=15, steps=50, derandomize=True)


@pytest.mark.long
def test_runs_live_as_the_contract_says_beside_jobs_for_long() -> None:
    live(LivesOfRuns, examples=1_000, steps=100, derandomize=False)
