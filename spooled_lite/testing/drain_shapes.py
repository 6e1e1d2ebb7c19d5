"""What the drain takes and answers. Unknown members are refused."""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.testing.durations import Duration
from spooled_lite.testing.shapes import NowText
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

OUTCOMES_MAX: Final = 100
JOBS_MAX: Final = 1_000
JOBS_MAX_MAX: Final = 10_000
FAILS_MAX: Final = 1_000
ERROR_CHARS_MAX: Final = 2_000

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
Then = Annotated[Literal["complete", "fail", "deadletter", "leave", "expire"], about("What comes of an attempt: `fail` of every one; `deadletter` at once; `leave` holds the job; `expire` lets its lease end", "complete")]
PayloadWanted = Annotated[Raw, about("Members that the payload has to have", {"order": 1})]
TypeWanted = Annotated[str, about("The type of the job", "charge")]
IdWanted = Annotated[str, about("The job", AN_ID)]
FailsFirst = Annotated[int, Meta(ge=0, le=FAILS_MAX), about("How many attempts of each job fail before `then`", 2)]
ErrorOfFail = Annotated[str, Meta(min_length=1, max_length=ERROR_CHARS_MAX), about("Of attempts that fail", "declined")]
ResultOf = Annotated[Raw, about("Of `complete`", {"paid": True})]
OutcomesOf = Annotated[list["Outcome"], Meta(max_length=OUTCOMES_MAX), about("The first that fits settles an attempt; none at all: all complete")]
WithScheduled = Annotated[bool, about("Whether time passes to reach delays and retries", True)]
WithNew = Annotated[bool, about("Whether jobs are taken that appear meanwhile", True)]
DrainedMax = Annotated[int, Meta(ge=1, le=JOBS_MAX_MAX), about("More jobs are refused with reason `budget`", JOBS_MAX)]
Takes = Annotated[Duration, about("How long each attempt takes", "0s")]
DrainedQueue = Annotated[str, Meta(min_length=1, max_length=100), about("The queue", "charges")]
EndOfAttempt = Annotated[Literal["completed", "failed", "deadlettered", "left", "expired"], about("What came of it", "failed")]
# fmt: on


class WhichJobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which jobs an outcome is for: all that is said has to hold."""

    payload: PayloadWanted | UnsetType = UNSET
    job_type: TypeWanted | UnsetType = UNSET
    job_id: IdWanted | UnsetType = UNSET


class Outcome(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What comes of attempts."""

    where: WhichJobs = WhichJobs()
    fail: FailsFirst = 0
    error: ErrorOfFail = "drained"
    then: Then = "complete"
    result: ResultOf | UnsetType = UNSET


class DrainQueue(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/drain."""

    queue: DrainedQueue
    with_scheduled: WithScheduled = True
    with_new: WithNew = True
    jobs_max: DrainedMax = JOBS_MAX
    takes: Takes = 0
    outcomes: OutcomesOf = []


class DrainedAttempt(Struct, frozen=True, kw_only=True):
    """One attempt."""

    at: Annotated[str, a_time("When it began, by the clock of the world")]
    outcome: EndOfAttempt
    error: Annotated[str, about("Why it failed", "declined")] | None = None


class DrainedJob(Struct, kw_only=True):
    """A job and what was done with it."""

    id: Annotated[str, about("The job", AN_ID)]
    attempts: Annotated[list[DrainedAttempt], about("Its attempts in this call")]


class DrainedView(Struct, frozen=True, kw_only=True):
    """Answer of POST /test/drain."""

    now: NowText
    attempts: Annotated[int, a_count("Attempts that were made", 4)]
    completed: Annotated[int, a_count("Those that completed their job", 2)]
    failed: Annotated[int, a_count("Those that failed and are tried again", 2)]
    deadlettered: Annotated[int, a_count("Those that failed for good")]
    expired: Annotated[int, a_count("Those whose lease ended")]
    left: Annotated[int, a_count("Jobs of the queue that still wait or are held")]
    jobs: Annotated[list[DrainedJob], about("Each job, in the order of first attempts")]


def counts(jobs: list[DrainedJob]) -> dict[str, Any]:
    """How many attempts had which outcome."""
    ends = [attempt.outcome for job in jobs for attempt in job.attempts]
    names: tuple[EndOfAttempt, ...] = ("completed", "failed", "deadlettered", "expired")
    return {"attempts": len(ends), **{name: ends.count(name) for name in names}}
