"""The official workers process a thousand jobs that fail, retry and die; every count agrees."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec import Struct, field
from spooled.async_client import AsyncSpooledClient
from spooled.client import SpooledClient
from spooled.worker.async_worker import AsyncSpooledWorker
from spooled.worker.types import JobCompletedEventData, JobFailedEventData
from spooled.worker.worker import SpooledWorker

from spooled_lite.cli.check import problems_of
from tests.sdk.driven import a_client, options
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

JOB_COUNT: Final = 1000
BULK: Final = 100
RUN_SECONDS_MAX: Final = 60.0
# Of ten jobs one always fails, two fail the first time, and seven do not fail.
ALWAYS: Final = JOB_COUNT // 10
ONCE: Final = 2 * JOB_COUNT // 10
NEVER: Final = JOB_COUNT - ALWAYS - ONCE
MAX_RETRIES: Final = 2
WORKER: Final[dict[str, Any]] = {
    "concurrency": 20,
    "poll_interval": 0.01,
    "worker_id": "the-worker",
    "hostname": "host-1",
}


def handle(payload: dict[str, Any], retry_count: int) -> dict[str, Any]:
    """Decides by the payload alone."""
    kind = payload["n"] % 10
    if kind == 0 or (kind in (1, 2) and retry_count == 0):
        raise ValueError(f"job {payload['n']}, retry {retry_count}")
    return {"n": payload["n"], "retries": retry_count}


class Seen(Struct):
    """What the worker's own events say. `all_settled` when every job has come to its end."""

    completed: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)
    all_settled: threading.Event = field(default_factory=threading.Event)

    def on_completed(self, event: JobCompletedEventData) -> None:
        self._note(self.completed, event.job_id)

    def on_failed(self, event: JobFailedEventData) -> None:
        self._note(self.retried if event.will_retry else self.dead, event.job_id)

    def watch(self, worker: SpooledWorker | AsyncSpooledWorker) -> None:
        worker.on("job:completed", self.on_completed)
        worker.on("job:failed", self.on_failed)
        worker.on("error", lambda event: self.errors.append(event.error))

    def _note(self, counter: Counter[str], job_id: str) -> None:
        with self.lock:
            counter[job_id] += 1
            if self.completed.total() + self.dead.total() == JOB_COUNT:
                self.all_settled.set()


def fill(client: SpooledClient, queue: str) -> list[str]:
    backoff = {"retry_delay_ms": 20, "backoff_multiplier": 1, "max_retry_delay_ms": 20}
    client.queues.update_config(queue, {"settings": backoff})
    ids: list[str] = []
    for start in range(0, JOB_COUNT, BULK):
        jobs = [{"payload": {"n": n}} for n in range(start, start + BULK)]
        answer = client.jobs.bulk_enqueue(
            {"queue_name": queue, "jobs": jobs, "default_max_retries": MAX_RETRIES}
        )
        ids += [item.job_id or "" for item in answer.succeeded]
    return ids


def run_sync(url: str, queue: str, seen: Seen) -> None:
    with SpooledClient(**options(url)) as client:
        worker = SpooledWorker(client, queue, **WORKER)
        worker.process(lambda context: handle(context.payload, context.retry_count))
        seen.watch(worker)
        thread = threading.Thread(target=worker.start, name="worker")
        thread.start()
        settled = seen.all_settled.wait(RUN_SECONDS_MAX)
        worker.stop()
        thread.join(RUN_SECONDS_MAX)
        assert settled, "the worker did not finish in time"
        assert worker.state == "stopped"


def run_async(url: str, queue: str, seen: Seen) -> None:
    async def main() -> None:
        async with AsyncSpooledClient(**options(url)) as client:
            worker = AsyncSpooledWorker(client, queue, **WORKER)

            @worker.process
            async def work(context: Any) -> dict[str, Any]:
                return handle(context.payload, context.retry_count)

            seen.watch(worker)
            running = asyncio.create_task(worker.start())
            settled = await asyncio.to_thread(seen.all_settled.wait, RUN_SECONDS_MAX)
            await worker.stop()
            await running
            assert settled, "the worker did not finish in time"
            assert str(worker.state) == "stopped"

    asyncio.run(main())


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_a_thousand_jobs_are_worked_off_and_every_count_agrees(
    own_server: ServerProcess, run: Any
) -> None:
    queue, seen = "mail", Seen()
    with a_client("sync", own_server.url) as client:
        ids = fill(client, queue)

        run(own_server.url, queue, seen)

        assert seen.errors == []
        assert_settled_once(seen, ids)
        assert_statistics(client, queue)
        assert_rows(client, ids)
    assert problems_of(own_server.database) == []


def assert_settled_once(seen: Seen, ids: list[str]) -> None:
    """The worker's own counts."""
    assert seen.completed.total() == NEVER + ONCE
    assert seen.dead.total() == ALWAYS
    assert seen.retried.total() == ONCE + ALWAYS * MAX_RETRIES
    assert set(seen.completed) | set(seen.dead) == set(ids)
    assert max((seen.completed + seen.dead).values()) == 1


def assert_statistics(client: SpooledClient, queue: str) -> None:
    """What the server counts, without looking at a row."""
    expected = {"completed": NEVER + ONCE, "deadletter": ALWAYS, "total": JOB_COUNT}
    none = dict.fromkeys(("pending", "scheduled", "processing", "failed", "cancelled"), 0)
    assert client.jobs.get_stats().model_dump() == none | expected
    stats = client.queues.get_stats(queue)
    assert (stats.pending_jobs, stats.processing_jobs) == (0, 0)
    assert (stats.completed_jobs_24h, stats.failed_jobs_24h) == (NEVER + ONCE, ALWAYS)
    worker = client.workers.get("the-worker")
    assert worker.jobs_processed == NEVER + ONCE
    assert worker.jobs_failed == ONCE + ALWAYS * (MAX_RETRIES + 1)
    assert worker.status == "offline"


def assert_rows(client: SpooledClient, ids: list[str]) -> None:
    """The rows themselves, and the history of every kind of job."""
    listed = {job.id: job for job in all_jobs(client)}
    assert set(listed) == set(ids)
    for n, job_id in enumerate(ids):
        kind, job = n % 10, listed[job_id]
        retries = MAX_RETRIES if kind == 0 else int(kind in (1, 2))
        status = "deadletter" if kind == 0 else "completed"
        assert (job.status, job.retry_count) == (status, retries), n
    events = Counter(event for job_id in ids for event in kinds_of_history(client, job_id))
    claims = NEVER + 2 * ONCE + ALWAYS * (MAX_RETRIES + 1)
    assert events == {
        "created": JOB_COUNT,
        "claimed": claims,
        "completed": NEVER + ONCE,
        "failed": ONCE + ALWAYS * (MAX_RETRIES + 1),
        "retried": ONCE + ALWAYS * MAX_RETRIES,
        "deadlettered": ALWAYS,
    }


def all_jobs(client: SpooledClient) -> Iterator[Any]:
    offset = 0
    while True:
        page = client.jobs.list({"limit": 100, "offset": offset})
        yield from page
        if not page.has_more:
            return
        offset += len(page)


def kinds_of_history(client: SpooledClient, job_id: str) -> list[str]:
    return [row.event_type for row in client.jobs.history(job_id)]
