"""Why time cannot be moved, or a world not be had. Each reason is in the details of the error."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from spooled_lite.errors import BadRequest, Conflict, NotFound, QuotaExceeded, SpooledError
from spooled_lite.testing.happened import Happenings
from spooled_lite.testing.live_workers import BusyJob
from spooled_lite.times import format_ms

_LIVE_HINT: Final = (
    "a worker counts as live for 30 seconds after it was heard of; with"
    ' {"workers": "ignore"} time waits for none'
)

NAME_CHARS_SHOWN: Final = 100  # of the name of a world


class Backwards(BadRequest):
    """The clock would go back, and nobody said that it may."""

    def __init__(self) -> None:
        super().__init__(
            'The clock does not go back unless it is told so, with {"back": true}',
            details={"reason": "backwards"},
        )


class TooFar(BadRequest):
    def __init__(self, most: str) -> None:
        super().__init__(f"The clock is moved by at most {most}", details={"reason": "too_far"})


class ClockBusy(Conflict):
    """Another call is moving it."""

    def __init__(self) -> None:
        super().__init__(
            "The clock is being moved by another call", details={"reason": "clock_busy"}
        )


class ClockRuns(Conflict):
    """The call makes sense for a clock that stands only."""

    def __init__(self) -> None:
        super().__init__(
            'The clock runs by itself; freeze it first, with {"mode": "frozen"}',
            details={"reason": "clock_runs"},
        )


class Stopped(Conflict):
    """The target was not reached. The clock stands at a whole step, and the call can be repeated.

    Told with what had happened until then, by `told`.
    """

    def __init__(self, reason: str, message: str, **details: Any) -> None:
        super().__init__(message, details={"reason": reason, **details})

    @classmethod
    def by_workers(cls, jobs: Sequence[BusyJob]) -> "Stopped":
        first = jobs[0]
        does = "is held by" if first.worker_id else "can be taken by"
        who = f"worker {first.worker_id}" if first.worker_id else "a live worker"
        return cls(
            "worker_busy",
            f"Job {first.id} of queue {first.queue_name} {does} {who}, and nothing comes of it;"
            f" {_LIVE_HINT}",
            jobs=jobs,
            hint="ignore",
        )

    @classmethod
    def by_budget(cls, what: str) -> "Stopped":
        return cls("budget", f"{what}; the call can be repeated from where the clock stands")

    @classmethod
    def not_idle(cls, due: Sequence[Any]) -> "Stopped":
        return cls("not_idle", "Something still waits for a later time", due=due)

    def told(self, now_ms: int, happened: Happenings) -> "Stopped":
        self.details = {
            **self.details,
            "now": format_ms(now_ms),
            "omitted": happened.omitted,
            "happened": happened.told,
        }
        return self


class NoSuchWorld(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no world `{name[:NAME_CHARS_SHOWN]}`", details={"reason": "unknown_world"}
        )


class NameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a world `{name[:NAME_CHARS_SHOWN]}` already; choose another name, or"
            " delete that one",
            details={"reason": "name_taken"},
        )


class WorldBusy(Conflict):
    """Another call resets or deletes it."""

    def __init__(self) -> None:
        super().__init__("The world is just being reset", details={"reason": "world_busy"})


class FileThatLasts(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A file that lasts is not reset; fork it instead, or start with :memory:",
            details={"reason": "file_that_lasts"},
        )


class _Full(QuotaExceeded):
    """A limit of test mode itself, and of no plan."""

    def __init__(self, reason: str, most: int, things: str, why: str = "") -> None:
        SpooledError.__init__(
            self,
            f"There are {most} {things} already{why}; delete some",
            details={"reason": reason, "limit": most},
        )

    @property
    def extra(self) -> Mapping[str, Any]:
        return {}


class WorldsFull(_Full):
    def __init__(self, most: int, files_max: int | None = None) -> None:
        """`files_max`: how many files the process may have open, where that is what bounds it."""
        why = (
            "" if files_max is None else f", with {files_max} files that the process may have open"
        )
        super().__init__("worlds_full", most, "forks", why)


class FaultsFull(_Full):
    def __init__(self, most: int) -> None:
        super().__init__("faults_full", most, "faults")
