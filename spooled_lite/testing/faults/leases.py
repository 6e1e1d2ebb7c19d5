"""Ends leases in the commit that gives or renews them, as the rules say.

A call that claims or renews gets a database whose operations ask the rules, on the writing thread:
only there is known whether a claim has found jobs, and which. So a worker that polls an empty queue
uses up no rule, and no two leases of a job are ever alive.
"""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, TypeVar, cast

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import renew as leases
from spooled_lite.core.lifecycle.reap import end_attempt
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Operation, PreparedStep, Tx, together
from spooled_lite.testing.faults.facts import RequestFacts, is_within
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import Do, On

T = TypeVar("T")


class LeaseStrikes:
    """What one call or stream is struck with while it claims and renews."""

    def __init__(
        self,
        faults: Faults,
        what: str,
        facts: RequestFacts,
        body: dict[str, Any],
        struck: list[str],
    ) -> None:
        """`body`: of the request; `what`: the name of its route or method; `struck` gets the ids
        of rules."""
        self._faults = faults
        self._what = what
        self._facts = facts
        self._body = body
        self._struck = struck

    def over(self, database: Database) -> Database:
        """The same database, for this call."""
        return cast("Database", _AskingDatabase(database, self))

    def claimed(self, jobs: Sequence[JobRow]) -> tuple[On, Do] | None:
        """What strikes the claim that has found these. Called in its operation."""
        return self._asked(partial(self._hold, jobs)) if jobs else None

    def renewed(self, job: JobRow) -> tuple[On, Do] | None:
        """What strikes the renewal of the lease of this one. Called in its operation."""
        return self._asked(lambda on, do: bool(do.expire_lease) and self._hold([job], on, do))

    def _asked(self, holds: Callable[[On, Do], bool]) -> tuple[On, Do] | None:
        found = self._faults.strike_lease(self._what, holds)
        if found is None:
            return None
        rule_id, on, do = found
        self._struck.append(rule_id)
        return on, do

    def _hold(self, jobs: Sequence[JobRow], on: On, do: Do) -> bool:
        return (
            self._facts.is_asked_by(on)
            and (on.body is None or is_within(on.body, self._body))
            and (on.queue is None or jobs[0]["queue_name"] == on.queue)
            and (on.worker_id is None or jobs[0]["assigned_worker_id"] == on.worker_id)
            and (on.job_id is None or any(job["id"] == on.job_id for job in jobs))
        )


def _end(tx: Tx, jobs: Sequence[JobRow], found: tuple[On, Do] | None) -> None:
    if found is None:
        return
    on, do = found
    struck = [job for job in jobs if on.job_id in (None, job["id"])]
    if do.redeliver:
        release(tx, struck)
        return
    for job in struck:
        end_attempt(tx, job)


class _AskingDatabase:
    """Hands everything on, but asks the rules about claims and renewals."""

    def __init__(self, inner: Database, strikes: LeaseStrikes) -> None:
        self._inner = inner
        self._strikes = strikes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def submit(self, owner: int, operation: Operation[..., T], *args: Any, **kwargs: Any) -> Any:
        if operation is together:
            steps: Sequence[PreparedStep] = args[0]
            args = ([(self._asking(each), arguments) for each, arguments in steps], *args[1:])
            return self._inner.submit(owner, together, *args, **kwargs)
        return self._inner.submit(owner, self._asking(operation), *args, **kwargs)

    def submit_claim(
        self, operation: Callable[..., list[JobRow]], arguments: tuple[Any, ...], **options: Any
    ) -> Any:
        def claim(tx: Tx, *given: Any) -> list[JobRow]:
            jobs = operation(tx, *given)
            _end(tx, jobs, self._strikes.claimed(jobs))
            return jobs

        return self._inner.submit_claim(claim, arguments, **options)

    def _asking(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        if operation is not leases.renew:
            return operation

        decided: list[tuple[On, Do] | None] = []  # a group is run again when another is refused

        @wraps(leases.renew)  # and so in its lane
        def renew(
            tx: Tx, org: int, job_id: str, claimant: Claimant, lease_ms: int, scope: Scope
        ) -> leases.Renewal:
            renewal = leases.renew(tx, org, job_id, claimant, lease_ms, scope)
            job = tx.row(job_statements.BY_ID, {"id": job_id, "org": org})
            if isinstance(renewal, int) and job is not None:
                if not decided:
                    decided.append(self._strikes.renewed(job))
                _end(tx, [job], decided[0])
            return renewal

        return renew
