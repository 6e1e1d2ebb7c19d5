"""Wakes callers that wait for a change of a job or a workflow once it is committed."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar

from spooled_lite.core.jobs.statements import BriefJobRow
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.events import MOVING, OF_CREDENTIALS, OF_WORKFLOWS, Event, EventBus, EventOf

K = TypeVar("K")

# Callers woken in a row. One costs the loop about a third of a millisecond: with a pause after so
# many, other calls and the writing thread get their turn even if very many wait for one job.
WOKEN_AT_ONCE: Final = 10
PAUSE_SECONDS: Final = 0.005


class Hint:
    """One waiting caller. When it is woken it must read the row: a hint says only that the row
    may have changed."""

    __slots__ = ("ends_only", "org", "woken")

    def __init__(self, org: int, *, ends_only: bool) -> None:
        self.org = org
        self.ends_only = ends_only  # False: woken by every change, also of a workflow's steps
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)

    def renew(self) -> None:
        """Call it before reading the row: commits from now on wake this caller again."""
        if self.woken.done():
            self.woken = self.woken.get_loop().create_future()


class Hints:
    """All hints. Use it from one event loop. An event looks only at the hints it concerns."""

    def __init__(self, bus: EventBus) -> None:
        self._of_thing: dict[str, dict[Hint, None]] = {}  # by the id of a job or a workflow
        self._of_org: dict[int, dict[Hint, None]] = {}
        self._due: dict[Hint, None] = {}  # to be woken, in this order
        bus.listen(self._hear)

    @contextmanager
    def of(self, org: int, ids: Sequence[str], *, ends_only: bool) -> Iterator[Hint]:
        """A hint that is woken when one of these jobs and workflows changes.

        It is also woken when credentials of its organization change or a queue of it is deleted,
        when the storage was opened again, and when the server stops.
        """
        hint = Hint(org, ends_only=ends_only)
        for each in ids:
            self._of_thing.setdefault(each, {})[hint] = None
        self._of_org.setdefault(org, {})[hint] = None
        try:
            yield hint
        finally:
            for each in ids:
                _remove(self._of_thing, each, hint)
            _remove(self._of_org, org, hint)
            self._due.pop(hint, None)

    def wake_all(self) -> None:
        self._wake([hint for hints in self._of_org.values() for hint in hints])

    def _hear(self, events: Sequence[Event]) -> None:
        if not self._of_org:
            return
        for event in events:
            if event.type in MOVING:
                self._wake(self._of_job(event))
            elif event.type in OF_WORKFLOWS:
                workflow: WorkflowRow = event.row
                self._wake(self._concerned(workflow["id"], workflow["status"] in ENDED))
            elif event.type in OF_CREDENTIALS or event.type == "queue.deleted":
                self._wake(tuple(self._of_org.get(event.org, ())))
            elif event.type == "storage.reopened":
                self.wake_all()

    def _of_job(self, event: EventOf[BriefJobRow]) -> list[Hint]:
        job = event.row
        has_ended = event.type == "job.deleted" or job["status"] in TERMINAL
        concerned = self._concerned(job["id"], has_ended)
        workflow_id = job["workflow_id"]
        if workflow_id is not None:
            concerned += self._concerned(workflow_id, has_ended=False)
        return concerned

    def _concerned(self, thing_id: str, has_ended: bool) -> list[Hint]:
        hints = self._of_thing.get(thing_id, ())
        return [hint for hint in hints if has_ended or not hint.ends_only]

    def _wake(self, hints: Sequence[Hint]) -> None:
        if not hints:
            return
        is_waking = bool(self._due)
        self._due.update(dict.fromkeys(hints))
        if not is_waking:
            self._wake_some()

    def _wake_some(self) -> None:
        for hint in tuple(islice(self._due, WOKEN_AT_ONCE)):
            del self._due[hint]
            hint.wake()
        if self._due:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._wake_some)


def _remove(those: dict[K, dict[Hint, None]], key: K, hint: Hint) -> None:
    hints = those.get(key, {})  # an id may have been named twice
    hints.pop(hint, None)
    if not hints:
        those.pop(key, None)
