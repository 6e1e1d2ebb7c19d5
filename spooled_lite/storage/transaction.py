"""What an operation sees of its transaction, and what a batch of operations has caused."""

import contextlib
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.events import Deadline, Event, EventOf, EventType
from spooled_lite.ids import Ids
from spooled_lite.storage import counters
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.statement import Statement, Value

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Params = Mapping[str, Any]
# Where claims wait. Storage only compares lines; core says what one is. When a claim finds nothing,
# those behind it in its line would find nothing, unless it looks for some of the jobs there only:
# then those that look for the same.
Line = Hashable

_NO_PARAMS: Final[Params] = {}


class Reading:
    """The reads of one transaction: one snapshot, one moment."""

    __slots__ = ("_connection", "now_ms")

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self._connection = connection
        self.now_ms = now_ms

    def row(self, statement: Statement[R], params: Params = _NO_PARAMS) -> R | None:
        """The only row of a statement, or None. The statement may change something (RETURNING)."""
        rows: list[R] = self._connection.execute(statement.text, params).fetchall()
        assert len(rows) <= 1, "a statement for one row found several"
        return rows[0] if rows else None

    def rows(self, statement: Statement[R], params: Params = _NO_PARAMS) -> list[R]:
        """All rows. Read to the end: an open RETURNING makes RELEASE and COMMIT fail."""
        return self._connection.execute(statement.text, params).fetchall()

    def value(self, statement: Value[T], params: Params = _NO_PARAMS) -> T | None:
        """The only value of a statement; None when there is no row, or null in it."""
        rows = self._connection.execute(statement.text, params).fetchall()
        assert len(rows) <= 1, "a statement for one value found several"
        return rows[0][0] if rows else None

    def values(self, statement: Value[T], params: Params = _NO_PARAMS) -> list[T]:
        """The only column of all rows, which is never null."""
        return [row[0] for row in self._connection.execute(statement.text, params).fetchall()]

    def pages(self) -> bytes:
        """The whole file as it is in this snapshot, with what is only in its log."""
        return self._connection.serialize()

    def used_today(self, org: int, name: str) -> int:
        """A counter of the organization for the day of `now_ms`; in a batch, the batch included."""
        day = self.now_ms // counters.DAY_MS
        return self._used(org, day, counters.day_name(day), name)

    def used_now(self, org: int, name: str) -> int:
        """What `count_now` adds to; in a batch, the batch included."""
        return self._used(org, counters.NOW, "", name)

    def _used(self, org: int, day: int, period: str, name: str) -> int:
        return self.value(counters.USAGE_VALUE, {"org": org, "period": period, "name": name}) or 0


class Cache(Generic[K, V]):
    """Names what operations of a batch have read and later ones of it may use again.

    The module that defines it owns it: no other module fills it, and one that changes what is in it
    asks the owner to forget that. An operation that is undone empties every cache of its batch,
    because it may have put in what it had changed. So nothing may depend on what is in a cache.
    """

    __slots__ = ()


class Own(Generic[V]):
    """Names what one operation keeps for itself, such as how much it has written so far.

    The module that defines it owns it. It is made at its first use, ends with the operation, and
    nothing empties it before.
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], V]) -> None:
        self.make = make


class Kept(Generic[K, V]):
    """What the writing thread keeps from batch to batch under this name.

    The module that defines it owns it, bounds it, and looks each time whether it still holds: a
    batch may be lost after it was filled.
    """

    __slots__ = ()


class Tx(Reading):
    """One operation: it commits whole, or leaves no trace."""

    __slots__ = (
        "_batch",
        "_own",
        "counts",
        "due_at_ms",
        "events",
        "fed",
        "histograms",
        "sums",
        "usage",
    )

    def __init__(self, batch: "Batch", now_ms: int) -> None:
        self._connection = batch.connection
        self.now_ms = now_ms
        self._batch = batch
        self._own: dict[Own[Any], Any] | None = None  # few operations keep anything
        self.events: list[Event] = []
        self.counts: counters.QueueCounts = {}
        self.histograms: counters.Histograms | None = None  # few operations add to one
        self.sums: dict[int, int] = {}
        self.usage: counters.UsageCounts = {}
        self.due_at_ms: dict[Deadline, int] = {}
        self.fed: set[Line] = set()

    def cache(self, cache: Cache[K, V]) -> dict[K, V]:
        """The contents of a cache for this batch. Only its owner calls this."""
        caches = self._batch.caches
        found = caches.get(cache)
        if found is None:
            found = caches[cache] = {}
        return found

    def kept(self, kept: Kept[K, V]) -> dict[K, V]:
        """What is kept under this name. Only its owner calls this."""
        found: dict[K, V] = self._batch.hooks.kept.setdefault(kept, {})
        return found

    def own(self, own: Own[V]) -> V:
        """What this operation keeps under this name. Only its owner calls this."""
        if self._own is None:
            self._own = {}
        if own not in self._own:
            self._own[own] = own.make()
        kept: V = self._own[own]
        return kept

    def execute(self, statement: str, params: Params = _NO_PARAMS) -> int:
        """Run a statement that returns nothing; how many rows it changed."""
        return self._connection.execute(statement, params).rowcount

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement that returns nothing once for each row of values."""
        self._connection.executemany(statement, rows)

    def insert(self, statement: str, params: Params) -> int:
        """Store one row; its number. Cheaper than RETURNING when every value is known."""
        number = self._connection.execute(statement, params).lastrowid
        assert number is not None, "an INSERT has a row number"
        return number

    def new_id(self) -> str:
        return self._batch.ids.new_id()

    def unused_id(self, made: str) -> None:
        """Give back an id that this operation stores nowhere, so that the next one gets it."""
        self._batch.ids.unused(made)

    def secret(self, length_bytes: int) -> bytes:
        return self._batch.ids.secret(length_bytes)

    def chance(self) -> float:
        """A number from 0 up to 1, and below that, for what is spread by chance."""
        return self._batch.ids.chance()

    def emit(
        self,
        event_type: EventType,
        org: int,
        *,
        row: Mapping[str, object],
        was: str | None = None,
        facts: Mapping[str, Any] = _NO_PARAMS,
    ) -> None:
        """Announce a fact. Listeners get it after the commit, and never when that fails."""
        event: Event = EventOf(event_type, org, self.now_ms, row, was, facts)
        self.events.append(event)
        for listener in self._batch.hooks.on_emit:
            listener(self, event)

    def due(self, kind: Deadline, at_ms: int) -> None:
        """Have the loop of this kind run at `at_ms`, or earlier."""
        known = self.due_at_ms.get(kind)
        if known is None or at_ms < known:
            self.due_at_ms[kind] = at_ms

    def feed(self, line: Line) -> None:
        """Say that a claim waiting in this line may find something now."""
        self.fed.add(line)

    def count(self, queue: int, name: str, by: int, *, minute: int = 0) -> None:
        """Add to a counter of a queue: the one that is true now, or the one of a minute."""
        key, counts = (queue, minute, name), self.counts
        counts[key] = counts.get(key, 0) + by

    def sum_into(self, queue: int, key: int) -> None:
        """Add what this batch counts of minutes of a queue to this key as well."""
        self.sums[queue] = key

    def count_in(self, key: int, kind: str, bucket: int, by: int, *, minute: int) -> None:
        """Add to what is counted of a minute by something else besides: see minute_histograms."""
        if self.histograms is None:
            self.histograms = {}
        place = (key, minute, kind, bucket)
        self.histograms[place] = self.histograms.get(place, 0) + by

    def count_usage(self, org: int, name: str, by: int) -> None:
        """Add to the counters of the organization: of the day, of the month, and for ever."""
        self._count_usage(org, self.now_ms // counters.DAY_MS, name, by)

    def count_now(self, org: int, name: str, by: int) -> None:
        """Add to a counter of the organization that says how many there are now."""
        self._count_usage(org, counters.NOW, name, by)

    def counted(self, queue: int, name: str, *, minute: int = 0) -> int:
        """A counter of a queue as it will be when this batch is committed."""
        key = (queue, minute, name)
        stored = self.value(counters.QUEUE_VALUE, {"queue": queue, "minute": minute, "name": name})
        return (stored or 0) + self._batch.counts.get(key, 0) + self.counts.get(key, 0)

    def _used(self, org: int, day: int, period: str, name: str) -> int:
        key = (org, day, name)
        pending = self._batch.usage.get(key, 0) + self.usage.get(key, 0)
        return super()._used(org, day, period, name) + pending

    def _count_usage(self, org: int, day: int, name: str, by: int) -> None:
        key = (org, day, name)
        self.usage[key] = self.usage.get(key, 0) + by


Operation = Callable[Concatenate[Tx, P], T]


# An operation, and what it is to be run with.
PreparedStep = tuple[Callable[..., Any], tuple[Any, ...]]


@in_lane(Lane.SETTLE)
def together(tx: Tx, steps: Sequence[PreparedStep]) -> list[Any]:
    """Run operations of one caller as one, which costs less; their results, in their order.

    Submit it as it is: when a step raises, nothing of any is left, and `Round` runs each on its
    own. What such a step was refused with stands in the place of its result.
    """
    return [operation(tx, *arguments) for operation, arguments in steps]


class Sink(Protocol):
    """Writes rows made from the events of a batch, once, just before the commit."""

    def flush(self, connection: sqlite3.Connection, events: Sequence[Event]) -> None: ...


class Rows:
    """The usual sink: one statement, and what it is to be run with."""

    def __init__(
        self, statement: str, render: Callable[[Sequence[Event]], Sequence[Sequence[Any]]]
    ) -> None:
        self._statement = statement
        self._render = render

    def flush(self, connection: sqlite3.Connection, events: Sequence[Event]) -> None:
        if rows := self._render(events):
            connection.executemany(self._statement, rows)


class Hooks(Struct, frozen=True):
    """What the application adds to every transaction."""

    on_emit: tuple[Callable[[Tx, Event], None], ...] = ()  # inside the operation
    sinks: tuple[Sink, ...] = ()  # once per batch
    kept: dict[Kept[Any, Any], dict[Any, Any]] = msgspec.field(default_factory=dict)


class Batch:
    """The operations of one transaction: each in a savepoint, their effects flushed together."""

    def __init__(self, connection: sqlite3.Connection, hooks: Hooks, ids: Ids) -> None:
        self.connection = connection
        self.hooks = hooks
        self.ids = ids
        self.events: list[Event] = []
        self.counts: counters.QueueCounts = {}
        self.histograms: counters.Histograms = {}
        self.sums: dict[int, int] = {}
        self.usage: counters.UsageCounts = {}
        self.due_at_ms: dict[Deadline, int] = {}
        self.fed: set[Line] = set()
        self.caches: dict[Cache[Any, Any], dict[Any, Any]] = {}

    def run(self, now_ms: int, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one operation. When it raises, nothing of it is left.

        After an exception look at `in_transaction`: the whole transaction may have ended.
        """
        connection = self.connection
        tx = Tx(self, now_ms)
        connection.execute("SAVEPOINT operation")
        try:
            result = operation(tx, *args, **kwargs)
            connection.execute("RELEASE operation")
        except BaseException:
            self._undo_operation()
            raise
        self._absorb(tx)
        return result

    def flush(self) -> None:
        """Write what was collected. Only trouble of the storage can raise here."""
        for sink in self.hooks.sinks:
            sink.flush(self.connection, self.events)
        if self.counts:
            counted = counters.queue_rows(self.counts, self.sums)
            self.connection.executemany(counters.ADD_TO_QUEUE, counted)
        if self.histograms:
            rows = counters.histogram_rows(self.histograms, self.sums)
            self.connection.executemany(counters.ADD_TO_HISTOGRAM, rows)
        if self.usage:
            self.connection.executemany(counters.ADD_TO_USAGE, counters.usage_rows(self.usage))

    def _undo_operation(self) -> None:
        connection = self.connection
        self.caches.clear()
        if not connection.in_transaction:
            return  # SQLite has undone everything
        try:
            connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")
        except sqlite3.Error:
            # Better nothing of the batch than a part of the operation.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    def _absorb(self, tx: Tx) -> None:
        self.events += tx.events
        self.fed |= tx.fed
        counts, usage = self.counts, self.usage
        for key, by in tx.counts.items():
            counts[key] = counts.get(key, 0) + by
        self.sums.update(tx.sums)
        if tx.histograms is not None:
            histograms = self.histograms
            for place, by in tx.histograms.items():
                histograms[place] = histograms.get(place, 0) + by
        for usage_key, by in tx.usage.items():
            usage[usage_key] = usage.get(usage_key, 0) + by
        for kind, at_ms in tx.due_at_ms.items():
            self.due_at_ms[kind] = min(at_ms, self.due_at_ms.get(kind, at_ms))
