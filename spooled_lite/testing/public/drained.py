"""A queue that is worked off without a worker, as a test says how and reads what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict

from spooled_lite.testing.public.times import time_in
from spooled_lite.testing.public.told import told


class WhichDrained(TypedDict, total=False):
    """Which jobs an outcome is for: all that is said has to hold."""

    payload: Mapping[str, Any]  # members that it has
    job_type: str
    job_id: str


class Outcome(TypedDict, total=False):
    """What comes of attempts: the first `fail` of each job fail with `error`, the others end by
    `then`. The first outcome that fits settles an attempt."""

    where: WhichDrained
    fail: int
    error: str
    then: Literal["complete", "fail", "deadletter", "leave", "expire"]
    result: Any  # of `complete`


@dataclass(frozen=True, kw_only=True)
class AttemptOfDrain:
    """One attempt."""

    at: datetime  # when it began, by the clock of the world
    outcome: Literal["completed", "failed", "deadlettered", "left", "expired"]
    error: str | None = None


@dataclass(frozen=True)
class JobOfDrain:
    """A job and its attempts."""

    id: str
    attempts: list[AttemptOfDrain]


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What came of it. Attempts are counted by their outcome."""

    now: datetime
    attempts: int
    completed: int
    failed: int  # and tried again
    deadlettered: int
    expired: int
    left: int  # jobs of the queue that still wait or are held
    jobs: list[JobOfDrain]  # in the order of their first attempts


def drained(about: Mapping[str, Any]) -> Drained:
    """The answer to POST /test/drain."""
    jobs = [
        JobOfDrain(each["id"], [told(AttemptOfDrain, attempt) for attempt in each["attempts"]])
        for each in about["jobs"]
    ]
    names = ("attempts", "completed", "failed", "deadlettered", "expired", "left")
    return Drained(now=time_in(about["now"]), jobs=jobs, **{name: about[name] for name in names})
