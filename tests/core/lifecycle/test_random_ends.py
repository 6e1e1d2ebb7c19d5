"""Runs of documents that are signalled, ended early, cancelled and retried in any order.

Whatever happens, the books agree, a run that has ended has nothing that can be claimed, and of the
signals of a step and the early ends of a run the first alone is taken.
"""

import contextlib
import random
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import OnFail
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.end_run import (
    EarlyEnd,
    complete_and_cancel_run,
    complete_early,
    complete_with_run,
)
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.core.lifecycle.rerun import rerun_workflow
from spooled_lite.core.lifecycle.settle import hand_back
from spooled_lite.core.lifecycle.workflow import cancel_workflow
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.errors import SpooledError
from tests.core.job_stage import JobStage, holder
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_document, a_node, started
from tests.factories import a_claim

ACTS: Final = 60
KEYS: Final = ("gate", "each", "sum", "side", "last")
QUEUES: Final = (*KEYS, "items")
OPEN_JOBS: Final = """
SELECT count(*) FROM jobs WHERE kind <> 'on_fail' AND (claimable = 1 OR lease_id IS NOT NULL)
"""


def begun(stage: JobStage, chance: random.Random) -> Run:
    document = a_document(
        a_node("gate", signal=True),
        a_node("each", "gate", type="mapper", source="input", item_queue_name="items"),
        a_node("sum", "each", type="reducer", source="each"),
        a_node("side", signal=True, condition="signal", max_retries=0),
        a_node("last", "sum", "side", optional_deps=("side",)),
        on_fail=OnFail(),
        failure_policy=chance.choice(["fail_fast", "continue"]),
    )
    return started(stage, document=document, flow_name="orders", input=[1] * chance.randint(0, 4))


class Walk:
    """Does one thing after the other. What is refused changes nothing, which the stage sees to."""

    def __init__(self, run: Run, chance: random.Random) -> None:
        self.run, self.stage, self.chance = run, run.stage, chance
        self.held: list[JobRow] = []
        self.early = 0
        self.signals = dict.fromkeys(("gate", "side"), 0)

    def act(self) -> None:
        with contextlib.suppress(SpooledError):
            getattr(self, self.chance.choice(ACTIONS))()

    def _call(self, operation: Any, *arguments: Any) -> Any:
        return self.stage.run(operation, self.stage.org, *arguments)

    def _job(self) -> JobRow:
        if not self.held:
            self.take()
        if not self.held:
            raise SpooledError("nobody has anything")
        return self.held.pop(self.chance.randrange(len(self.held)))

    def take(self) -> None:
        wanted = a_claim(queue_name=self.chance.choice(QUEUES), limit=self.chance.randint(1, 3))
        self.held += self._call(claim, wanted)

    def complete(self) -> None:
        self.run.settle(self._job(), 1)

    def fail(self) -> None:
        self.stage.fail(self._job(), may_retry=self.chance.random() < 0.6)

    def renew(self) -> None:
        job = self._job()
        self._call(renew, job["id"], holder(job), 60_000, ALL_QUEUES)
        self.held.append(job)

    def hand_back(self) -> None:
        job = self._job()
        self._call(hand_back, job["id"], holder(job), 0, ALL_QUEUES)

    def signal(self) -> None:
        key = self.chance.choice(KEYS)
        body = self.chance.choice([b"true", b"false", b"null"])
        self._call(deliver_signal, self.run.id, key, body, ALL_QUEUES)
        self.signals[key] += 1

    def cancel(self) -> None:
        stop = self.chance.choice([None, True, False])
        self._call(cancel_workflow, self.run.id, "no", ALL_QUEUES, stop)

    def end(self) -> None:
        done = self._call(complete_early, self.run.id, EarlyEnd(output=b"1"), None, ALL_QUEUES)
        self.early += done.was_applied

    def end_with_job(self) -> None:
        job = self._job()
        end = EarlyEnd(output=b"2")
        asked = (job["id"], holder(job), None, end, ALL_QUEUES)
        self.early += self._call(complete_with_run, *asked).was_applied

    def cancel_with_job(self) -> None:
        job = self._job()
        asked = (job["id"], holder(job), None, "mine", ALL_QUEUES)
        self._call(complete_and_cancel_run, *asked)

    def retry(self) -> None:
        self.run.retry()
        self.early = 0

    def rerun(self) -> None:
        self._call(rerun_workflow, self.run.id, [self.chance.choice(KEYS)], ALL_QUEUES, None)
        self.early = 0

    def wait(self) -> None:
        self.stage.wait(seconds=self.chance.choice([1, 40]))


ACTIONS: Final = (
    *(["take"] * 8 + ["complete"] * 8 + ["signal"] * 4 + ["fail"] * 2 + ["wait"] * 2),
    *("renew", "hand_back", "retry", "retry", "rerun", "rerun"),
    *("cancel", "end", "end_with_job", "cancel_with_job"),
)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_ends_a_run_the_books_agree(stage: JobStage, seed: int) -> None:
    chance = random.Random(seed)
    run = begun(stage, chance)
    walk = Walk(run, chance)
    for _ in range(ACTS):
        walk.act()
        check(stage)
        assert walk.early <= 1
        assert all(count <= 1 for count in walk.signals.values())
        if run.state not in ("started", "canceling"):
            assert stage.value(OPEN_JOBS) == 0
