"""What one WebSocket has subscribed to. Contract: realtime, section 5.4."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.filters import ALWAYS, AudienceKey, Filter
from spooled_lite.wire.realtime.names import NameKind

T = TypeVar("T")

SUBSCRIPTIONS_MAX: Final = 1_000  # of one connection
# Of one connection: a subscription to one queue is one, one to three events of two queues six.
NAMES_MAX: Final = 5_000

_Head = tuple[str | None, str | None]  # the job and the worker that a filter names
_NO_QUEUE: Final = ""  # under which those that name queues stand for frames that have none


class Subscriptions:
    """None lets everything pass, several what any of them lets pass.

    The same one may be there several times; each removal takes one away. A frame is looked up by
    what it is about, whatever and how much the subscriptions name.
    """

    def __init__(self) -> None:
        self._filters: Counter[Filter] = Counter()
        self._choices: dict[_Head, _Choices] = {}
        self.count = 0
        self.name_count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def places(self) -> Iterator[AudienceKey]:
        """Those of each, one after the other."""
        for each in self._filters:
            yield from each.places

    def add(self, wanted: Filter) -> bool:
        """False: there is such a one already; now it has to be removed once more."""
        self.count += 1
        self._filters[wanted] += 1
        if self._filters[wanted] > 1:
            return False
        self.name_count += wanted.name_count
        self._count(wanted, 1)
        return True

    def remove(self, unwanted: Filter) -> bool:
        """Remove one such filter, if there is one. True: it was the last."""
        count = self._filters[unwanted]
        if count == 0:
            return False
        self.count -= 1
        self._filters[unwanted] = count - 1
        if count > 1:
            return False
        del self._filters[unwanted]
        self.name_count -= unwanted.name_count
        self._count(unwanted, -1)
        return True

    def pass_on(self, frame: Frame) -> bool:
        if not self or frame.kind in ALWAYS:
            return True
        for job_id in {None, frame.job_id}:
            for worker_id in {None, frame.worker_id}:
                choices = self._choices.get((job_id, worker_id))
                if choices is not None and choices.has(frame.kind, frame.queue_name):
                    return True
        return False

    def _count(self, wanted: Filter, by: int) -> None:
        if wanted.kinds is not None and not wanted.kinds:
            return  # it names events that are none, and lets nothing pass
        head = (wanted.job_id, wanted.worker_id)
        choices = self._choices.setdefault(head, _Choices())
        choices.count(wanted, by)
        if choices.is_empty:
            del self._choices[head]


class _Choices:
    """Which events of which queues are wanted, by how many filters."""

    def __init__(self) -> None:
        # By a queue, the beginning of one with `*`, _NO_QUEUE, or None for filters that name none.
        self._kinds: dict[str | None, Counter[NameKind | None]] = {}
        self._lengths: Counter[int] = Counter()  # of the beginnings

    @property
    def is_empty(self) -> bool:
        return not self._kinds

    def count(self, wanted: Filter, by: int) -> None:
        for length in map(len, wanted.beginnings):
            _count(self._lengths, length, by)
        kinds: Sequence[NameKind | None] = (None,) if wanted.kinds is None else tuple(wanted.kinds)
        for key in _keys(wanted):
            counts = self._kinds.setdefault(key, Counter())
            for kind in kinds:
                _count(counts, kind, by)
            if not counts:
                del self._kinds[key]

    def has(self, kind: NameKind, queue_name: str | None) -> bool:
        if self._has_at(None, kind):
            return True
        if queue_name is None:
            return self._has_at(_NO_QUEUE, kind)
        return self._has_at(queue_name, kind) or any(
            self._has_at(queue_name[:length] + "*", kind) for length in self._lengths
        )

    def _has_at(self, key: str | None, kind: NameKind) -> bool:
        counts = self._kinds.get(key)
        return counts is not None and (None in counts or kind in counts)


def _keys(wanted: Filter) -> Sequence[str | None]:
    if not wanted.names_queues:
        return (None,)
    return (_NO_QUEUE, *wanted.queues, *(f"{each}*" for each in wanted.beginnings))


def _count(counts: Counter[T], key: T, by: int) -> None:
    counts[key] += by
    if not counts[key]:
        del counts[key]
