"""Works a queue off as a worker would, by the operations that workers use."""

import time
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from spooled_lite.core.jobs import bodies
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import (
    LEASE_SECONDS_MAX,
    RESULT_BYTES_MAX,
    Claimant,
    check_json_size,
)
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle import renew as leases
from spooled_lite.core.lifecycle import settle
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.testing import statements
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.drain_shapes import (
    DrainedAttempt,
    DrainedJob,
    DrainQueue,
    EndOfAttempt,
    Outcome,
    Then,
    WhichJobs,
)
from spooled_lite.testing.matching import differences
from spooled_lite.testing.move import REAL_MS_MAX, How
from spooled_lite.testing.refusals import Stopped
from spooled_lite.testing.stepper import Stepper
from spooled_lite.times import format_ms

WORKER: Final = "drain"
ATTEMPTS_MAX: Final = 10_000
LEASE_MS: Final = 30_000  # as workers have by default


class StillThere(Struct, frozen=True):
    """What a queue still has."""

    next_ms: int | None  # when the next of its delayed jobs is due
    count: int  # jobs that wait or are held


class Drain:
    """One call. Used on the event loop's thread."""

    def __init__(
        self,
        database: Database,
        stepper: Stepper,
        org: int,
        asked: DrainQueue,
        takes_ms: int,
        gone: Gone,
    ) -> None:
        self._database = database
        self._stepper = stepper
        self._org = org
        self._asked = asked
        self._takes_ms = takes_ms
        # The drain is the worker: others are not waited for.
        self._how = How(workers="ignore", gone=gone)
        self._outcomes = asked.outcomes or [Outcome()]
        self._jobs: dict[str, DrainedJob] = {}
        self._attempts = 0
        self._aside: list[JobRow] = []  # claimed, and not for this drain
        self._held: JobRow | None = None  # claimed, and its attempt is not over
        self._ends_at = time.monotonic() + REAL_MS_MAX / 1000

    @property
    def jobs(self) -> list[DrainedJob]:
        return list(self._jobs.values())

    async def run(self) -> int:
        """Work the queue off; how many of its jobs still wait or are held.

        Raises:
            Stopped: there was too much to do, with reason `budget`; or as the moves of `Stepper`.
            PayloadTooLarge: a result is.
            ClientGone: the caller has left. What it has worked off stays so.
        """
        newest = await self._database.readers.read(newest_job)
        try:
            while True:
                await self._stepper.settle(self._how, report=0)
                row = await self._claimed()
                if row is None:
                    if not await self._waited():
                        break
                elif row["seq"] > newest and not self._asked.with_new:
                    self._aside.append(row)
                else:
                    await self._attempt(row)
        finally:
            if self._held is not None:  # the drain was stopped in the middle of an attempt
                self._aside.append(self._held)
            await self._hand_back()
        await self._stepper.settle(self._how, report=0)
        return (await self._ahead()).count

    async def _claimed(self) -> JobRow | None:
        self._check()
        wanted = Claim(
            queue_name=self._asked.queue,
            worker_id=WORKER,
            limit=1,
            lease_ms=min(LEASE_MS + self._takes_ms, LEASE_SECONDS_MAX * 1000),
        )
        return await self._database.write(claim_one, self._org, wanted)

    async def _waited(self) -> bool:
        """Whether time has passed to when a job of the queue is due."""
        if not self._asked.with_scheduled:
            return False
        next_ms = (await self._ahead()).next_ms
        if next_ms is None:
            return False
        await self._let_pass(next_ms)
        return True

    async def _let_pass(self, to_ms: int) -> None:
        """Lead the clock there. A job that is set aside is handed back before its lease would end
        on the way, which counts as an attempt; the next claim sets it aside again."""
        ends_ms = [row["lease_expires_at_ms"] or 0 for row in self._aside]
        if ends_ms and min(ends_ms) <= to_ms:
            await self._hand_back()
        await self._stepper.advance(max(to_ms, self._stepper.clock.now_ms()), self._how, report=0)

    async def _hand_back(self) -> None:
        rows, self._aside = self._aside, []
        if rows:
            await self._database.write(settle.release, rows)

    async def _attempt(self, row: JobRow) -> None:
        outcome = next((each for each in self._outcomes if _fits(each.where, row)), None)
        if outcome is None:
            self._aside.append(row)
            return
        job = self._jobs.get(row["id"])
        if job is None:
            if len(self._jobs) >= self._asked.jobs_max:
                self._aside.append(row)
                raise Stopped.by_budget(f"These were {len(self._jobs)} jobs")
            job = self._jobs[row["id"]] = DrainedJob(id=row["id"], attempts=[])
        self._held = row
        self._attempts += 1
        begun_ms = self._stepper.clock.now_ms()
        if self._takes_ms:
            await self._let_pass(begun_ms + self._takes_ms)
        then: Then = "fail" if len(job.attempts) < outcome.fail else outcome.then
        end = await self._settled(row, outcome, then)
        self._held = None
        is_told = end in ("failed", "deadlettered")
        job.attempts.append(
            DrainedAttempt(
                at=format_ms(begun_ms), outcome=end, error=outcome.error if is_told else None
            )
        )

    async def _settled(self, row: JobRow, outcome: Outcome, then: Then) -> EndOfAttempt:
        org, job_id = self._org, row["id"]
        holder = Claimant(worker_id=WORKER, lease_id=row["lease_id"])
        write = self._database.write
        match then:
            case "complete":
                result = b"null" if outcome.result is UNSET else bytes(outcome.result)
                check_json_size(result, RESULT_BYTES_MAX, "result")
                given = None if result == b"null" else result
                await write(settle.complete, org, job_id, holder, given, ALL_QUEUES)
                return "completed"
            case "fail" | "deadletter":
                failed = await write(
                    settle.fail, org, job_id, holder, outcome.error, ALL_QUEUES, then == "fail"
                )
                return "failed" if failed.will_retry else "deadlettered"
            case "leave":
                lease_ms = LEASE_SECONDS_MAX * 1000
                await write(leases.renew, org, job_id, holder, lease_ms, ALL_QUEUES)
                return "left"
            case "expire":
                ends_ms = row["lease_expires_at_ms"]
                assert ends_ms is not None, "it was claimed just now"
                await self._let_pass(ends_ms)
                return "expired"

    async def _ahead(self) -> StillThere:
        return await self._database.readers.read(ahead, self._org, self._asked.queue)

    def _check(self) -> None:
        if self._attempts >= ATTEMPTS_MAX:
            raise Stopped.by_budget(f"These were {ATTEMPTS_MAX} attempts")
        if time.monotonic() >= self._ends_at:
            raise Stopped.by_budget(f"This took {REAL_MS_MAX} ms of real time")


def claim_one(tx: Tx, org: int, wanted: Claim) -> JobRow | None:
    """The next job of a queue with its payload, under a lease."""
    for row in claim(tx, org, wanted):
        return bodies.whole(tx, row)
    return None


def newest_job(tx: Reading) -> int:
    """The number of the newest job of the world."""
    return tx.value(statements.NEWEST_JOB) or 0


def ahead(tx: Reading, org: int, queue_name: str) -> StillThere:
    """What a queue still has; nothing if there is none."""
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        return StillThere(None, 0)
    asked = {"queue": queue["seq"]}
    next_ms = tx.value(statements.NEXT_OF_QUEUE, asked) if queue["enabled"] else None
    return StillThere(next_ms, tx.value(statements.UNFINISHED, asked) or 0)


def _fits(where: WhichJobs, row: JobRow) -> bool:
    if where.job_id is not UNSET and where.job_id != row["id"]:
        return False
    if where.job_type is not UNSET and where.job_type != row["job_type"]:
        return False
    return where.payload is UNSET or not differences(
        msgspec.json.decode(where.payload), decoded(row["payload"])
    )


def decoded(body: bytes | None) -> Any:
    """JSON as values; None where there is none."""
    return None if body is None else msgspec.json.decode(body)
