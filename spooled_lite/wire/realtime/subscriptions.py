"""The subscriptions of one WebSocket. Contract: realtime, section 5.4."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from spooled_lite.wire.realtime.catalogue import Frame
from spooled_lite.wire.realtime.filters import ALWAYS, AudienceKey, Filter
from spooled_lite.wire.realtime.names import NameKind

T = TypeVar("T")

SUBSCRIPTIONS_MAX: Final = 1_000  # of one connection
# Of one connection. A subscription to one queue counts one, one to three events of two queues six.
NAMES_MAX: Final = 5_000

_Head = tuple[str | None, str | None]  # the job and the worker that a filter names
_NO_QUEUE: Final = ""  # the key for frames without a queue, which pass filters that name queues


class Subscriptions:
    """Without subscriptions every frame passes; with some, a frame that passes any of them.

    The same subscription may be there several times, and each removal takes one away. A frame is
    looked up by its job, worker and queue, so the number of subscriptions does not matter.
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
        """The places of all subscriptions."""
        for each in self._filters:
            yield from each.places

    def add(self, wanted: Filter) -> bool:
        """Add a subscription. False when there was an equal one; it must be removed once more."""
        self.count += 1
        self._filters[wanted] += 1
        if self._filters[wanted] > 1:
            return False
        self.name_count += wanted.name_count
        self._count(wanted, 1)
        return True

    def remove(self, unwanted: Filter) -> bool:
        """Remove one such subscription, if there is one. True when it was the last of its kind."""
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
            return  # it names only unknown events, so nothing passes it
        head = (wanted.job_id, wanted.worker_id)
        choices = self._choices.setdefault(head, _Choices())
        choices.count(wanted, by)
        if choices.is_empty:
            del self._choices[head]


class _Choices:
    """How many filters want which events of which queues."""

    def __init__(self) -> None:
        # By a queue's name, a beginning with `*`, _NO_QUEUE, or None for filters without queues.
        self._kinds: dict[str | None, Counter[NameKind | None]] = {}
        self._lengths: Counter[int] = Counter()  # the lengths of the beginnings

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
