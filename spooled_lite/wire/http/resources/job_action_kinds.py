"""What can be done with many jobs, and how each act is done to those of one pass."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.jobs.choice_statements import ChosenRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.priority import set_priorities
from spooled_lite.core.lifecycle.cancel import cancel_several
from spooled_lite.core.lifecycle.promote import run_now
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.maintenance.remove import remove_finished
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting

# Jobs of one pass, which is a transaction. The first bound is for acts that also write history or
# delete rows of other tables.
PASS_WITH_HISTORY: Final = 100
PASS_WITHOUT_HISTORY: Final = 500
_OPPOSITE: Final = "not_delayed"


class Act(Struct, frozen=True):
    """What can be done with many jobs."""

    statuses: tuple[str, ...]  # of the jobs that it is for
    rows_max: int  # of a pass
    run: Callable[[Acting, Sequence[str], int], Awaitable[tuple[int, Counter[str]]]]
    count: Callable[[Any], int]  # how many the result of a write says were acted on
    is_for_delayed: bool = False

    def why_not(self, row: ChosenRow) -> str | None:
        """Why it does not apply to a job; None if it does."""
        if row["status"] not in self.statuses:
            return row["status"]
        return _OPPOSITE if self.is_for_delayed and row["run_at_ms"] is None else None


async def _retry(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    caps = admission_of(call).caps
    done, skipped, left = 0, 0, list(job_ids)
    while left:
        wanted = DeadLetters(job_ids=left, limit=len(left))
        # The first pass has seen to the cap of active jobs for all of them.
        retried = await acting.write(
            retry_dead_letters, call.org, wanted, call.scope, caps, len(left) < len(job_ids)
        )
        done, skipped = done + len(retried.job_ids), skipped + len(retried.skipped)
        left = retried.left
    return done, Counter({"workflow_limit": skipped} if skipped else {})


async def _cancel(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    return await acting.write(cancel_several, call.org, job_ids, call.scope), Counter()


async def _delete(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    """Fewer at a time when they are large."""
    call, done = acting.call, 0
    while True:
        removed = await acting.write(remove_finished, call.org, job_ids, call.scope)
        done += removed.count
        if removed.is_through:
            return done, Counter()


async def _set_priority(
    acting: Acting, job_ids: Sequence[str], priority: int
) -> tuple[int, Counter[str]]:
    call = acting.call
    done = await acting.write(set_priorities, call.org, job_ids, priority, call.scope)
    return done, Counter()


async def _run_now(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    return await acting.write(run_now, call.org, job_ids, call.scope), Counter()


_WAITING: Final = ("pending", "scheduled")
ACTS: Final[Mapping[str, Act]] = {
    "retry": Act(("deadletter",), PASS_WITH_HISTORY, _retry, lambda it: len(it.job_ids)),
    "cancel": Act(_WAITING, PASS_WITH_HISTORY, _cancel, int),
    "delete": Act(
        ("completed", "failed", "deadletter", "cancelled"),
        PASS_WITH_HISTORY,
        _delete,
        lambda it: it.count,
    ),
    "set_priority": Act(_WAITING, PASS_WITHOUT_HISTORY, _set_priority, int),
    "run_now": Act(_WAITING, PASS_WITHOUT_HISTORY, _run_now, int, is_for_delayed=True),
}
