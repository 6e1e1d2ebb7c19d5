"""Tells callers at once that a job whose lease they renew is to be stopped."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from spooled_lite.core.jobs.statements import BriefJobRow
from spooled_lite.events import Event, EventBus, EventType
from spooled_lite.wire.waiting.hints import Hint, Hints

# A lease costs some 250 bytes while a caller waits for news of it. A wait for leases beyond these
# bounds is told nothing early and ends when its time is up.
WATCHED_MAX: Final = 100_000
WATCHED_OF_ORG_MAX: Final = 20_000

_STOPPING: Final[frozenset[EventType]] = frozenset({"job.stop_requested", "job.cancelled"})


class StopWatch:
    """What one waiting caller was told. Its hint wakes it, also when its rights are to be checked
    again and when the server stops."""

    __slots__ = ("hint", "told")

    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        self.told: set[str] = set()  # the ids of jobs that are to be stopped

    def take(self) -> set[str]:
        """What was told since the last look. Commits from now on wake the caller again."""
        self.hint.renew()
        told, self.told = self.told, set()
        return told


class Stops:
    """The jobs that waiting callers hold. Use it from one event loop."""

    def __init__(self, hints: Hints, bus: EventBus) -> None:
        self._hints = hints
        self._watches: dict[str, tuple[StopWatch, ...]] = {}  # by the id of a job
        self._of_org: dict[int, int] = {}  # how many jobs are watched
        self._count = 0
        bus.listen(self._hear)

    def count(self) -> int:
        """The number of jobs that are watched."""
        return self._count

    @contextmanager
    def watch(self, org: int, job_ids: Collection[str]) -> Iterator[StopWatch]:
        """A watch that is told when one of these jobs is to be stopped or was cancelled."""
        with self._hints.of(org, (), ends_only=True) as hint:
            watch = StopWatch(hint)
            watched = tuple(dict.fromkeys(job_ids)) if self._has_room(org, len(job_ids)) else ()
            self._enter(org, watched, watch)
            try:
                yield watch
            finally:
                self._leave(org, watched, watch)

    def _has_room(self, org: int, more: int) -> bool:
        of_org = self._of_org.get(org, 0)
        return self._count + more <= WATCHED_MAX and of_org + more <= WATCHED_OF_ORG_MAX

    def _enter(self, org: int, job_ids: Sequence[str], watch: StopWatch) -> None:
        self._counted(org, len(job_ids))
        for job_id in job_ids:
            self._watches[job_id] = (*self._watches.get(job_id, ()), watch)

    def _leave(self, org: int, job_ids: Sequence[str], watch: StopWatch) -> None:
        self._counted(org, -len(job_ids))
        for job_id in job_ids:
            others = tuple(each for each in self._watches[job_id] if each is not watch)
            if others:
                self._watches[job_id] = others
            else:
                del self._watches[job_id]

    def _counted(self, org: int, by: int) -> None:
        self._count += by
        self._of_org[org] = self._of_org.get(org, 0) + by
        if not self._of_org[org]:
            del self._of_org[org]

    def _hear(self, events: Sequence[Event]) -> None:
        if not self._watches:
            return
        for event in events:
            if event.type in _STOPPING:
                job: BriefJobRow = event.row
                for watch in self._watches.get(job["id"], ()):
                    watch.told.add(job["id"])
                    watch.hint.wake()
