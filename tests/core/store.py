"""An in-memory database and a clock that is moved by hand: operations run one by one."""

import sqlite3
from typing import Any, Final, ParamSpec, TypeVar

from spooled_lite.clock import ManualClock
from spooled_lite.core.orgs.create import create
from spooled_lite.events import Deadline, Event
from spooled_lite.ids import Ids
from spooled_lite.storage.migrate import migrate
from spooled_lite.storage.transaction import Batch, Hooks, Operation
from tests.core.event_rows import hold_to_its_row
from tests.factories import an_org

P = ParamSpec("P")
T = TypeVar("T")

NOW_MS: Final = 1_800_000_000_000  # 2027-01-15T08:00:00Z


class Store:
    """`run` is one transaction, as the writing thread makes it. `org` is an organization."""

    def __init__(self, hooks: Hooks | None = None) -> None:
        self.clock = ManualClock(NOW_MS)
        self.events: list[Event] = []  # of everything that was committed
        self.due_at_ms: dict[Deadline, int] = {}
        given = hooks or Hooks()
        self._hooks = Hooks((*given.on_emit, hold_to_its_row), given.sinks)
        self._ids = Ids(1)
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        migrate(self._connection)
        self.org: int = self.run(create, an_org())["seq"]
        self.events.clear()

    def run(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        batch = Batch(self._connection, self._hooks, self._ids)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = batch.run(self.clock.now_ms(), operation, *args, **kwargs)
            batch.flush()
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self.events += batch.events
        for kind, at_ms in batch.due_at_ms.items():
            self.due_at_ms[kind] = min(at_ms, self.due_at_ms.get(kind, at_ms))
        return result

    def rows(self, statement: str, **params: Any) -> list[Any]:
        """Rows of any statement; a test may read whatever column it has asked for."""
        return self._connection.execute(statement, params).fetchall()

    def value(self, statement: str, **params: Any) -> Any:
        [row] = self.rows(statement, **params)
        return row[0]

    def close(self) -> None:
        self._connection.close()
