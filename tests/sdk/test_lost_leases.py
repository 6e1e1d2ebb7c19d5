"""Workers that die in the middle of a job, or sleep past its lease."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest
from msgspec import Struct, field
from spooled.async_client import AsyncSpooledClient
from spooled.client import SpooledClient
from spooled.worker.async_worker import AsyncSpooledWorker
from spooled.worker.types import JobContext, JobLeaseLostEventData
from spooled.worker.worker import SpooledWorker

from tests.sdk.driven import a_client, options
from tests.sdk.test_jobs import create
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow

LEASE_SECONDS: Final = 5  # the shortest there is
PATIENCE_SECONDS: Final = 30.0
WORKER: Final[dict[str, Any]] = {
    "lease_duration": LEASE_SECONDS,
    "poll_interval": 0.05,
    "concurrency": 1,
}


@pytest.fixture
def watcher(server: ServerProcess) -> Iterator[SpooledClient]:
    with a_client("sync", server.url) as it:
        yield it


class Sleeper(Struct):
    """A job that goes on until it is woken, and what its worker was told meanwhile."""

    taken: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    lost: list[JobLeaseLostEventData] = field(default_factory=list)
    was_told: threading.Event = field(default_factory=threading.Event)
    completed: list[Any] = field(default_factory=list)

    def sleep(self) -> dict[str, Any]:
        self.taken.set()
        assert self.wake.wait(PATIENCE_SECONDS)
        return {"by": "the sleeper"}

    def watch(self, worker: SpooledWorker | AsyncSpooledWorker) -> None:
        worker.on("job:lease_lost", self.on_lost)
        worker.on("job:completed", self.completed.append)

    def on_lost(self, event: JobLeaseLostEventData) -> None:
        self.lost.append(event)
        self.was_told.set()


class Running:
    """A sync worker on a thread of its own; stopped on the way out."""

    def __init__(self, client: SpooledClient, queue: str) -> None:
        self.worker = SpooledWorker(client, queue, **WORKER)
        self.thread = threading.Thread(target=self.worker.start, name="worker")

    def __enter__(self) -> SpooledWorker:
        self.thread.start()
        return self.worker

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self.thread.join(PATIENCE_SECONDS)


def test_a_job_of_a_worker_that_died_is_done_by_another_once_its_lease_is_over(
    watcher: SpooledClient, server: ServerProcess, queue: str
) -> None:
    job_id = create(watcher, queue)
    # All that a killed worker leaves behind: a claim, and silence.
    [dead] = watcher.jobs.claim(
        {"queue_name": queue, "worker_id": "dead", "lease_duration_secs": LEASE_SECONDS}
    ).jobs
    done = threading.Event()

    with SpooledClient(**options(server.url)) as other:
        running = Running(other, queue)
        running.worker.process(lambda context: {"retries": context.retry_count})
        running.worker.on("job:completed", lambda _: done.set())
        with running:
            assert done.wait(PATIENCE_SECONDS)

    job = watcher.jobs.get(job_id)
    assert (job.status, job.retry_count, job.result) == ("completed", 1, {"retries": 1})
    assert job.last_error == "Lease expired (worker timeout)"
    assert job.started_at is not None
    assert dead.lease_expires_at is not None
    assert job.started_at >= dead.lease_expires_at
    assert [row.event_type for row in watcher.jobs.history(job_id)] == [
        *("created", "claimed", "failed", "retried", "claimed", "completed")
    ]


def run_sync(url: str, queue: str, sleeper: Sleeper, meanwhile: Callable[[], None]) -> None:
    with SpooledClient(**options(url)) as client:
        running = Running(client, queue)
        # As if the machine was asleep: the heartbeats of the job are not sent either.
        running.worker._schedule_job_heartbeat = lambda *_: None  # type: ignore[method-assign]
        running.worker.process(lambda context: sleeper.sleep())
        sleeper.watch(running.worker)
        with running:
            meanwhile()


def run_async(url: str, queue: str, sleeper: Sleeper, meanwhile: Callable[[], None]) -> None:
    async def main() -> None:
        async with AsyncSpooledClient(**options(url)) as client:
            worker = AsyncSpooledWorker(client, queue, **WORKER)

            @worker.process
            async def work(context: Any) -> dict[str, Any]:
                return sleeper.sleep()  # blocks the loop, and with it the heartbeats

            sleeper.watch(worker)
            running = asyncio.create_task(worker.start())
            await asyncio.to_thread(meanwhile)
            await worker.stop()
            await running

    asyncio.run(main())


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_a_worker_that_sleeps_past_its_lease_drops_its_result(
    watcher: SpooledClient, server: ServerProcess, queue: str, run: Any
) -> None:
    job_id, sleeper = create(watcher, queue), Sleeper()
    leases: list[str] = []

    def meanwhile() -> None:
        assert sleeper.taken.wait(PATIENCE_SECONDS)
        leases.append(claimed_again(server.url, queue))
        sleeper.wake.set()
        assert sleeper.was_told.wait(PATIENCE_SECONDS)

    run(server.url, queue, sleeper, meanwhile)

    assert [event.job_id for event in sleeper.lost] == [job_id]
    assert sleeper.lost[0].operation in ("complete", "heartbeat")
    assert sleeper.completed == []
    holder = {"worker_id": "awake", "lease_id": leases[0], "result": {"by": "awake"}}
    watcher.jobs.complete(job_id, holder)
    assert watcher.jobs.get(job_id).result == {"by": "awake"}


def test_heartbeats_keep_a_slow_job(
    watcher: SpooledClient, server: ServerProcess, queue: str
) -> None:
    job_id, done = create(watcher, queue), threading.Event()

    def work(context: JobContext) -> dict[str, Any]:
        done.wait(LEASE_SECONDS * 1.3)  # nothing sets it before
        return {"retries": context.retry_count}

    with SpooledClient(**options(server.url)) as client:
        running = Running(client, queue)
        running.worker.process(work)
        running.worker.on("job:completed", lambda _: done.set())
        with running:
            assert done.wait(PATIENCE_SECONDS)

    job = watcher.jobs.get(job_id)
    assert (job.status, job.result) == ("completed", {"retries": 0})


def claimed_again(url: str, queue: str) -> str:
    """Wait on the server until the job is free again, and take it. The lease id."""
    answer = httpx.post(
        f"{url}/api/v1/jobs/claim",
        json={
            "queue_name": queue,
            "worker_id": "awake",
            "lease_duration_secs": 60,
            "wait_ms": int(PATIENCE_SECONDS * 1000),
        },
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=PATIENCE_SECONDS + 5,
    )
    lease_id: str = answer.json()["jobs"][0]["lease_id"]
    return lease_id
