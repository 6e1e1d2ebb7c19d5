"""The filter of a URL or a subscription: which frames are wanted. Contract: realtime, 4.2, 5.4."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, Self

from msgspec import Struct

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.names import QUEUE_NAME_MAX
from spooled_lite.errors import RuleBroken
from spooled_lite.events import EVENTS, EventType
from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.names import NameKind, kinds_named

QUEUES_MAX: Final = 100  # in one filter
ID_CHARS_MAX: Final = 255

_MARKS: Final = frozenset("-_.*")
ALWAYS: Final = frozenset({"ping", "error", "system.health"})  # in no queue; any key may see them

# A place where the registry looks for the streams of an event: a queue's name, the beginning of
# names, a job's id, or the place of streams that are always looked at.
AudienceKey = tuple[Literal["all", "queue", "beginning", "job"], str]
EVERYWHERE: Final[AudienceKey] = ("all", "")


class Filter(Struct, frozen=True):
    """A frame passes when it fits every part that is given. An empty filter lets all pass.

    Checking a frame costs the same however many whole names the filter has.
    """

    queues: frozenset[str] = frozenset()  # whole names
    beginnings: tuple[str, ...] = ()  # the beginnings of further names, sorted
    job_id: str | None = None
    worker_id: str | None = None
    kinds: frozenset[NameKind] | None = None  # None: all

    @classmethod
    def of(
        cls,
        *,
        queues: Iterable[str] = (),
        job_id: str | None = None,
        worker_id: str | None = None,
        kinds: frozenset[NameKind] | None = None,
    ) -> Self:
        """`queues` are names, or beginnings of names with `*` at the end.

        Raises:
            RuleBroken: a value is too long or has characters that names cannot have.
        """
        names = {name for name in queues if name}
        if len(names) > QUEUES_MAX:
            raise RuleBroken.of(
                "queues", f"A filter names at most {QUEUES_MAX} queues", "too_many_queues"
            )
        for name in names:
            check_queue_value(name)
        if "*" in names:
            names = set()
        return cls(
            frozenset(name for name in names if not name.endswith("*")),
            tuple(sorted(name[:-1] for name in names if name.endswith("*"))),
            checked_id(job_id, "job_id"),
            checked_id(worker_id, "worker_id"),
            kinds,
        )

    @property
    def name_count(self) -> int:
        """What the filter counts against the bounds: things it names, times events it names."""
        others = (self.job_id is not None) + (self.worker_id is not None)
        named = len(self.queues) + len(self.beginnings) + others
        return max(1, named) * max(1, len(self.kinds or ()))

    @property
    def places(self) -> Sequence[AudienceKey]:
        """Where to register the filter: each event with a queue that passes has such a place."""
        if self.job_id is not None:
            return (("job", self.job_id),)
        if self.is_everywhere:
            return (EVERYWHERE,)
        whole: list[AudienceKey] = [("queue", name) for name in self.queues]
        return [*whole, *(("beginning", beginning) for beginning in self.beginnings)]

    @property
    def is_everywhere(self) -> bool:
        return self.job_id is None and not self.names_queues

    @property
    def names_queues(self) -> bool:
        return bool(self.queues or self.beginnings)

    @property
    def events(self) -> frozenset[EventType]:
        """The events that may give a frame which passes."""
        return _events_of(self.kinds)

    def check_scope(self, scope: Scope) -> None:
        """Raises AccessDenied when the filter names a queue that the key may not use.

        A beginning of names is never refused: the key gets the frames of its own queues.
        """
        for name in self.queues:
            scope.check(name)

    def passes(self, frame: Frame) -> bool:
        if self.kinds is not None and frame.kind not in self.kinds:
            # Frames about the connection itself always pass.
            return frame.kind in ("ping", "error")
        if frame.kind in ALWAYS:
            return True
        if self.job_id is not None and frame.job_id != self.job_id:
            return False
        if self.worker_id is not None and frame.worker_id != self.worker_id:
            return False
        name = frame.queue_name
        if name is None or not self.names_queues:
            return True
        return name in self.queues or name.startswith(self.beginnings)


@lru_cache(maxsize=256)
def _events_of(kinds: frozenset[NameKind] | None) -> frozenset[EventType]:
    """An event without frames is that of a deleted job: it ends streams, so it is always there."""
    return frozenset(
        event
        for event, about in EVENTS.items()
        if kinds is None or not about.frames or not kinds.isdisjoint(about.frames)
    )


UNFILTERED: Final = Filter()


def check_queue_value(name: str) -> None:
    """Raises RuleBroken for a text that can be neither a queue's name nor the beginning of one."""
    if len(name) > QUEUE_NAME_MAX:
        raise RuleBroken.of(
            "queue", f"Field `queue` has at most {QUEUE_NAME_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _MARKS for each in name):
        raise RuleBroken.of(
            "queue", "Field `queue` may contain letters, digits, `-`, `_`, `.` and `*` only",
            "invalid_queue_name",
        )  # fmt: skip


def checked_id(value: str | None, field: str) -> str | None:
    """The id; None when it is missing or empty. Raises RuleBroken when it is too long."""
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
