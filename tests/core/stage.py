"""The store with everything that core adds to a transaction, and the life of a job in short."""

from collections.abc import Callable, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.stats import count
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.lifecycle.settle import Failed, complete, fail
from spooled_lite.core.orgs.create import create
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.settled import settled_rows
from spooled_lite.plans import Caps, Resource
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Hooks, Line, Operation, Reading, Rows, Tx
from tests.core.store import Store
from tests.factories import an_org

P = ParamSpec("P")
T = TypeVar("T")

OPEN: Final = Admission()  # no caps, the server's own defaults


class Stage(Store):
    """`fed` are the lines of waiting claims that were woken."""

    def __init__(self) -> None:
        self.fed: set[Line] = set()
        hooks = Hooks(on_emit=(count,), sinks=(Rows(worker_statements.COUNT_JOBS, settled_rows),))
        super().__init__(hooks)

    def run(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def watched(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
            result = operation(tx, *args, **kwargs)
            self.fed |= tx.fed
            return result

        return super().run(watched, *args, **kwargs)

    def read(
        self, query: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return query(Reading(self._connection, self.clock.now_ms()), *args, **kwargs)

    def plan(self, statement: str | Statement[Any] | Value[Any], **params: Any) -> list[str]:
        """What SQLite would do for a statement, a line each."""
        text = statement if isinstance(statement, str) else statement.text
        return [row["detail"] for row in self.rows(f"EXPLAIN QUERY PLAN {text}", **params)]

    def other_org(self) -> int:
        seq: int = self.run(create, an_org(slug="other"))["seq"]
        self.events.clear()
        return seq

    def happened(self) -> list[str]:
        """The types of the events since the last call."""
        types = [event.type for event in self.events]
        self.events.clear()
        return list(types)

    def enqueue(self, queue_name: str = "emails", **fields: Any) -> JobRow:
        job = NewJob(**{"queue_name": queue_name, "payload": b"{}", **fields})
        return self.run(enqueue, self.org, job, OPEN, ALL_QUEUES).row

    def claim(
        self, queue_name: str = "emails", *, limit: int = 1, worker_id: str = "w-1"
    ) -> list[JobRow]:
        wanted = Claim(queue_name=queue_name, worker_id=worker_id, limit=limit, lease_ms=30_000)
        return self.run(claim, self.org, wanted)

    def complete(self, job: JobRow) -> None:
        holder = Claimant(lease_id=job["lease_id"])
        self.run(complete, self.org, job["id"], holder, None, ALL_QUEUES)

    def fail(self, job: JobRow, error: str = "boom", *, may_retry: bool = True) -> Failed:
        holder = Claimant(lease_id=job["lease_id"])
        return self.run(fail, self.org, job["id"], holder, error, ALL_QUEUES, may_retry=may_retry)

    def status(self, job_id: str) -> str:
        status: str = self.value("SELECT status FROM jobs WHERE id = :id", id=job_id)
        return status


def capped(**limits: int) -> Admission:
    """Let in under caps: `capped(queues=1)`."""
    named = {cast(Resource, name): value for name, value in limits.items()}
    return Admission(caps=Caps("free", "starter", named))


def a_stage() -> Iterator[Stage]:
    """The body of the fixtures that hand one out."""
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()
