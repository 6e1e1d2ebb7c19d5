"""Works on the jobs of a queue with a command: claims, starts, waits, drains."""

import threading
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from spooled_lite.cli.answer import ServerRefused, Unreachable
from spooled_lite.cli.client import Client
from spooled_lite.cli.worker.attempt import JobInHand, JobRun, RunOutcome
from spooled_lite.cli.worker.signs import Signs

WAIT_MS: Final = 20_000  # for a job; a server that can end the wait of a worker that drains does so
WAIT_UNREGISTERED_MS: Final = 3_000  # it is waited for at the end
ANSWER_SECONDS_MAX: Final = 40.0  # of a claim that waits
# Between claims: where the server does not wait, where it cannot be reached or asks for patience.
EMPTY_SECONDS: Final = 2.0
TROUBLE_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0)
UNDER_WAY_SECONDS: Final = 1.0  # that an answer may have been under way, while its leases ran
QUICK_SECONDS: Final = 1.0  # an empty answer that comes sooner was not waited for


class _Claimed(Struct):
    jobs: list[JobInHand]


class WorkOrder(Struct, frozen=True, kw_only=True):
    queue: str
    command: str
    jobs_max: int
    lease_seconds: int
    grace_seconds: float
    on_outcome: Callable[[RunOutcome], None]
    on_complaint: Callable[[bytes], None]
    on_trouble: Callable[[str], None]


class Worker:
    """`run` in one thread; `drain` and `stop` may be called from others."""

    def __init__(self, client: Client, work: WorkOrder, *, is_registered: bool = True) -> None:
        self.failed_count = 0
        self._client = client
        self._work = work
        self._attempts: set[JobRun] = set()
        self._changed = threading.Condition()
        self._is_draining = threading.Event()
        self._signs = Signs(
            client, work.queue, jobs_max=work.jobs_max, jobs_now=lambda: len(self._attempts)
        )
        if is_registered:
            self._signs.register()

    def drain(self) -> None:
        """Take no more jobs; `run` returns when those that run have ended."""
        self._is_draining.set()
        with self._changed:
            self._changed.notify_all()
        self._signs.drain()

    def stop(self) -> None:
        """End the commands that run."""
        with self._changed:
            running = list(self._attempts)
        for attempt in running:
            attempt.stop("the worker stops")

    def run(self) -> None:
        """Until it is told to drain.

        Raises:
            ServerRefused: this key or this queue will never be given a job.
        """
        try:
            while (free := self._free_places()) and not self._is_draining.is_set():
                self._start(self._claim(free))
        finally:
            self._is_draining.set()
            self._wait_for_attempts()
            self._signs.leave()

    def run_once(self) -> bool:
        """Do one job that is there now. Returns whether there was one."""
        try:
            jobs, began = self._asked(1, wait_ms=0)
            self._start((jobs, began))
            return bool(jobs)
        finally:
            self._wait_for_attempts()
            self._signs.leave()

    def _free_places(self) -> int:
        """How many more jobs can be done at once; waits until there is one, or until the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._attempts) < self._work.jobs_max or self._is_draining.is_set()
            )
            return self._work.jobs_max - len(self._attempts) or 1

    def _claim(self, limit: int) -> tuple[list[JobInHand], float]:
        """Jobs, and when they were asked for; none at all when the worker drains."""
        troubles = 0
        while not self._is_draining.is_set():
            asked = time.monotonic()
            try:
                wait_ms = WAIT_MS if self._signs.is_registered else WAIT_UNREGISTERED_MS
                jobs, began = self._asked(limit, wait_ms=wait_ms)
            except Unreachable as error:
                pause = self._trouble(troubles, error.message)
            except ServerRefused as error:
                if error.status < 429:
                    raise
                pause = self._trouble(troubles, error.message)
                pause = max(pause, error.retry_seconds or 0)
            else:
                if jobs:
                    return jobs, began
                troubles = -1
                pause = EMPTY_SECONDS if time.monotonic() - asked < QUICK_SECONDS else 0
            troubles += 1
            self._is_draining.wait(pause)
        return [], 0.0

    def _asked(self, limit: int, *, wait_ms: int) -> tuple[list[JobInHand], float]:
        body = {
            "queue_name": self._work.queue,
            "worker_id": self._signs.worker_id,
            "lease_duration_secs": self._work.lease_seconds,
            "limit": limit,
            "wait_ms": wait_ms,
        }
        began = time.monotonic()
        answer = self._client.post("/jobs/claim", body, seconds=ANSWER_SECONDS_MAX)
        jobs = answer.read(_Claimed).jobs
        # The lease began when the job was handed out, which may be long after it was asked for.
        return jobs, max(began, time.monotonic() - UNDER_WAY_SECONDS)

    def _trouble(self, before: int, message: str) -> float:
        if not before:
            self._work.on_trouble(f"{message}; trying again")
        return TROUBLE_SECONDS[min(before, len(TROUBLE_SECONDS) - 1)]

    def _start(self, claimed: tuple[list[JobInHand], float]) -> None:
        jobs, began = claimed
        for job in jobs:
            attempt = JobRun(
                self._client,
                job,
                self._work.command,
                worker_id=self._signs.worker_id,
                lease_seconds=self._work.lease_seconds,
                began=began,
                on_complaint=self._work.on_complaint,
            )
            with self._changed:
                self._attempts.add(attempt)
            threading.Thread(target=self._attend, args=(attempt,), name=job.id).start()

    def _attend(self, attempt: JobRun) -> None:
        try:
            outcome = attempt.run()
            self.failed_count += outcome.outcome != "completed"
            self._work.on_outcome(outcome)
        finally:
            with self._changed:
                self._attempts.discard(attempt)
                self._changed.notify_all()

    def _wait_for_attempts(self) -> None:
        """Until all have ended; those that have not within the grace, once it drains, are ended."""
        with self._changed:
            self._changed.wait_for(lambda: not self._attempts or self._is_draining.is_set())
            if self._changed.wait_for(lambda: not self._attempts, self._work.grace_seconds):
                return
        self.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._attempts)
