"""The reasons why a job is not running. A field that does not belong to a reason is absent."""

from typing import Annotated, Final, Self

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.core.overview import explain
from spooled_lite.core.overview.explain import AHEAD_MAX, PARENTS_SHOWN_MAX, Explanation
from spooled_lite.core.overview.pace import RATE_MINUTES
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import QueueName
from spooled_lite.wire.shapes.policy_bodies import FailuresInARow

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
_CODES: Final = ("behind_others", *(code for code in explain.CHECKED if code != "behind_others"), "held", "told_to_stop", "finished")
_MEANINGS: Final = (
    "`queue_paused` (`since`, `text`): the queue hands out nothing. "
    "`breaker_open` (`since`, `until`, `failures`): attempts failed one after the other, and the breaker of the queue or of the task lets nothing through; without `until` it waits for the attempt that decides. "
    "`not_due` (`until`, `why`): its time has not come. "
    "`waits_for_parents` (`mode`, `parents`, `count`): other jobs have to end first. "
    "`rate_limit_full` (`limit`, `until`), `concurrency_full` (`limit`, `processing`): a limit of the queue leaves no room. "
    "`behind_others` (`higher`, `older`, `is_more`): others are handed out first. "
    "`no_worker`: no worker is registered, no claim waits, and no job was claimed in the last minute. "
    "`expires_before` (`until`): it is cancelled before it would start. "
    "`held` (`worker_id`, `since`, `until`): it is running. "
    "`told_to_stop` (`text`): its worker is told to stop. "
    "`finished` (`status`, `at`): it has come to an end"
)
Code = Annotated[str, one_of(f"What keeps it. {_MEANINGS}", *_CODES)]
State = Annotated[str, one_of("Whether it waits, runs, or has come to an end", "waiting", "running", "finished")]
Since = Annotated[str, a_time("Since when")]
Until = Annotated[str, a_time("Until when")]
Why = Annotated[str, one_of("`delay`: it was created for later; `backoff`: the wait before its next attempt", "delay", "backoff")]
Text = Annotated[str, about("The reason that was given", "Maintenance")]
Mode = Annotated[str, one_of("`any`: one of its parents is enough", "all", "any")]
ParentCount = Annotated[int, a_count("How many parents it waits for", 1)]
Limit = Annotated[int, about("The limit: jobs per second, or jobs at once", 10, minimum=1)]
Running = Annotated[int, a_count("Jobs of the queue that are being processed", 10)]
Higher = Annotated[int, a_count(f"Jobs of a higher priority before it, counted up to {AHEAD_MAX - 1:,}", 12)]
Older = Annotated[int, a_count(f"Older jobs of its priority before it, counted up to {AHEAD_MAX - 1:,}", 1928)]
IsMore = Annotated[bool, about("Whether there are more than were counted", False)]
At = Annotated[str, a_time("When it came to its end")]
Condition = Annotated[str, one_of("The outcome this dependency requires", "success", "completion", "failure")]
Clear = Annotated[list[str], about("The codes that were looked at and do not keep it", ["queue_paused", "no_worker"], items={"type": "string", "enum": list(explain.CHECKED)})]
RunnableAt = Annotated[str, a_time("When it may run at the earliest; null: now, or it is not a matter of time")]
PerMinute = Annotated[float | int, about(f"Attempts of its queue that end per minute, over the last {RATE_MINUTES} minutes", 61, minimum=0)]
StartsIn = Annotated[int, a_count("In how many seconds it would start at this pace; null: it depends on more than time, or nothing moves", 1920)]
WorkersOfQueue = Annotated[int, a_count("Registered workers of its queue with a recent heartbeat", 4)]
ClaimsOfQueue = Annotated[int, a_count("Claims that wait for a job of its queue")]
LastClaimAt = Annotated[str, a_time("When a job of its queue was handed out last; null: not since the server started")]
# fmt: on


class ParentWaitedFor(Struct, frozen=True):
    job_id: job.JobId
    queue_name: QueueName
    status: job.Status
    condition: Condition


Parents = Annotated[
    list[ParentWaitedFor],
    about(f"The first {PARENTS_SHOWN_MAX} of the parents it waits for"),
]


class WaitReason(Struct, kw_only=True):
    """One thing that keeps a job from running."""

    code: Code
    since: Since | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    why: Why | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    parents: Parents | UnsetType = UNSET
    count: ParentCount | UnsetType = UNSET
    failures: FailuresInARow | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    processing: Running | UnsetType = UNSET
    higher: Higher | UnsetType = UNSET
    older: Older | UnsetType = UNSET
    is_more: IsMore | UnsetType = UNSET
    worker_id: job.WorkerId | UnsetType = UNSET
    status: job.Status | UnsetType = UNSET
    at: At | UnsetType = UNSET

    @classmethod
    def of(cls, code: str, reason: explain.Reason) -> Self:
        said = cls(code=code)
        match reason:
            case explain.PausedQueue(since_ms, text):
                said.since, said.text = format_ms(since_ms), UNSET if text is None else text
            case explain.BreakerOpen(since_ms, opens_at_ms, failures):
                said.since, said.until = format_ms(since_ms), _time(opens_at_ms)
                said.failures = failures
            case explain.NotDue(until_ms, why):
                said.until, said.why = format_ms(until_ms), why
            case explain.WaitsForParents(mode, parents, count):
                said.mode, said.count = mode, count
                said.parents = [
                    ParentWaitedFor(
                        each["id"], each["queue_name"], each["status"], each["condition"]
                    )
                    for each in parents
                ]
            case explain.RateLimitFull(limit, until_ms):
                said.limit, said.until = limit, format_ms(until_ms)
            case explain.ConcurrencyFull(limit, processing):
                said.limit, said.processing = limit, processing
            case explain.BehindOthers(higher, older, is_more):
                said.higher, said.older, said.is_more = higher, older, is_more
            case explain.ExpiresBefore(until_ms):
                said.until = format_ms(until_ms)
            case explain.Held(worker_id, since_ms, until_ms):
                said.worker_id = UNSET if worker_id is None else worker_id
                said.since, said.until = _time(since_ms), _time(until_ms)
            case explain.ToldToStop(text):
                said.text = text
            case explain.Finished(status, at_ms):
                said.status, said.at = status, _time(at_ms)
            case explain.NoWorker():
                pass
        return said


class JobExplained(Struct, frozen=True, kw_only=True):
    """Answer of GET /jobs/{id}/explain."""

    id: job.JobId
    queue_name: QueueName
    status: job.Status
    state: State
    runnable_at: RunnableAt | None
    reasons: Annotated[
        list[WaitReason], about("What keeps it from running, in the order in which it has to end")
    ]
    clear: Clear
    per_minute: PerMinute
    starts_in_seconds: StartsIn | None
    workers: WorkersOfQueue
    waiting_claims: ClaimsOfQueue
    last_claim_at: LastClaimAt | None

    @classmethod
    def of(cls, found: Explanation) -> Self:
        row = found.job
        return cls(
            id=row["id"],
            queue_name=row["queue_name"],
            status=row["status"],
            state=found.state,
            runnable_at=format_optional_ms(found.runnable_at_ms),
            reasons=[WaitReason.of(code, reason) for code, reason in found.reasons],
            clear=list(found.clear),
            per_minute=found.per_minute,
            starts_in_seconds=found.starts_in_seconds,
            workers=found.workers,
            waiting_claims=found.waiting_claims,
            last_claim_at=format_optional_ms(found.last_claim_ms),
        )


def _time(at_ms: int | None) -> str | UnsetType:
    return UNSET if at_ms is None else format_ms(at_ms)
