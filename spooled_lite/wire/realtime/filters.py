"""Which frames a connection wants: the filter of its URL, and the subscriptions of a WebSocket.

Contract: realtime, sections 4.2 and 5.4.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Self

from msgspec import Struct

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.names import QUEUE_NAME_MAX
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.names import Kind, kinds_named

QUEUES_MAX: Final = 100  # in one filter
ID_CHARS_MAX: Final = 255
SUBSCRIPTIONS_MAX: Final = 1_000  # of one connection

_MARKS: Final = frozenset("-_.*")
ALWAYS: Final = frozenset({"ping", "error", "system.health"})  # of no queue: everybody may see it


class Filter(Struct, frozen=True):
    """What all of its parts let pass. An empty one lets everything pass."""

    queues: tuple[str, ...] = ()  # names, or beginnings of names with `*` at the end
    job_id: str | None = None
    worker_id: str | None = None
    kinds: frozenset[Kind] | None = None  # None: all

    @classmethod
    def of(
        cls,
        *,
        queues: Iterable[str] = (),
        job_id: str | None = None,
        worker_id: str | None = None,
        kinds: frozenset[Kind] | None = None,
    ) -> Self:
        """Raises RuleBroken: a value that nothing could be called."""
        names = tuple(dict.fromkeys(name for name in queues if name))
        if len(names) > QUEUES_MAX:
            raise RuleBroken.of(
                "queues", f"A filter names at most {QUEUES_MAX} queues", "too_many_queues"
            )
        for name in names:
            check_queue_value(name)
        return cls(
            () if "*" in names else names,
            checked_id(job_id, "job_id"),
            checked_id(worker_id, "worker_id"),
            kinds,
        )

    @property
    def only_queue(self) -> str | None:
        """The one queue it is about, if so."""
        if len(self.queues) == 1 and not self.queues[0].endswith("*"):
            return self.queues[0]
        return None

    def check_scope(self, scope: Scope) -> None:
        """Raises AccessDenied: it names a queue that the key does not open.

        A beginning of names is no queue: of what it matches, the key sees its own.
        """
        for name in self.queues:
            if not name.endswith("*"):
                scope.check(name)

    def passes(self, frame: Frame) -> bool:
        if self.kinds is not None and frame.kind not in self.kinds:
            # What tells of the connection itself is not chosen.
            return frame.kind in ("ping", "error")
        if frame.kind in ALWAYS:
            return True
        if self.job_id is not None and frame.job_id != self.job_id:
            return False
        if self.worker_id is not None and frame.worker_id != self.worker_id:
            return False
        return not self.queues or frame.queue_name is None or self._has(frame.queue_name)

    def _has(self, queue_name: str) -> bool:
        return any(
            queue_name.startswith(each[:-1]) if each.endswith("*") else queue_name == each
            for each in self.queues
        )


EVERYTHING: Final = Filter()


class Subscriptions:
    """Those of one connection: none lets everything pass, several what any of them lets pass.

    The same one may be there several times; each removal takes one away. They stand under what
    they name, so that a frame is not held against a thousand of them.
    """

    def __init__(self) -> None:
        self._by_name: dict[_Name, Counter[Filter]] = {}
        self._total = 0

    @property
    def count(self) -> int:
        return self._total

    def add(self, wanted: Filter) -> None:
        self._by_name.setdefault(_name(wanted), Counter())[wanted] += 1
        self._total += 1

    def remove(self, unwanted: Filter) -> None:
        """One such filter, if there is one."""
        same = self._by_name.get(_name(unwanted), Counter())
        count = same[unwanted]
        if count == 0:
            return
        self._total -= 1
        same[unwanted] = count - 1
        if count == 1:
            del same[unwanted]
        if not same:
            del self._by_name[_name(unwanted)]

    def pass_on(self, frame: Frame) -> bool:
        if not self._total or frame.kind in ALWAYS:
            return True
        return any(each.passes(frame) for each in self._candidates(frame))

    def _candidates(self, frame: Frame) -> Iterator[Filter]:
        if frame.queue_name is None:
            for each in self._by_name.values():
                yield from each
            return
        named: tuple[_Name, ...] = (
            ("job", frame.job_id),
            ("queue", frame.queue_name),
            ("worker", frame.worker_id),
            ("", None),
        )
        for name in named:
            yield from self._by_name.get(name, ())


_Name = tuple[str, str | None]


def _name(wanted: Filter) -> _Name:
    """The narrowest thing that a filter names."""
    if wanted.job_id is not None:
        return "job", wanted.job_id
    if wanted.only_queue is not None:
        return "queue", wanted.only_queue
    if wanted.worker_id is not None:
        return "worker", wanted.worker_id
    return "", None


def check_queue_value(name: str) -> None:
    """Raises RuleBroken: no queue can be called so, nor begin so."""
    if len(name) > QUEUE_NAME_MAX:
        raise RuleBroken.of(
            "queue", f"Field `queue` has at most {QUEUE_NAME_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _MARKS for each in name):
        raise RuleBroken.of(
            "queue", "Field `queue` may hold letters, digits, `-`, `_`, `.` and `*` only",
            "invalid_queue_name",
        )  # fmt: skip


def checked_id(value: str | None, field: str) -> str | None:
    """None for nothing. Raises RuleBroken: it is too long."""
    if value is not None and len(value) > ID_CHARS_MAX:
        raise RuleBroken.of(
            field, f"Field `{field}` has at most {ID_CHARS_MAX} characters", "length"
        )
    return value or None


def of_query(query_all: Callable[[str], list[str]]) -> Filter:
    """The filter of a URL; `query_all` gives every value of a parameter.

    Raises RuleBroken.
    """
    lists = [part.strip() for text in query_all("queues") for part in text.split(",")]
    names = [*query_all("queue"), *query_all("queue_name"), *lists]
    events = [part for text in query_all("events") for part in text.split(",")]
    return Filter.of(
        queues=names,
        job_id=_last(query_all("job_id")),
        worker_id=_last(query_all("worker_id")),
        kinds=kinds_named(events),
    )


def _last(values: list[str]) -> str | None:
    return values[-1] if values else None
