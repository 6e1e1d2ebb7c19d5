"""Baseline `null`: this application, its writes answered at once by constants.

`python -m benchmarks.null READY_FILE` serves until it is told to stop.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Any, cast

import msgspec

from benchmarks.serving import KEY, QUEUE, run, until_stopped
from benchmarks.statements import FIRST_ORGANIZATION
from spooled_lite.app import running
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD, WORKER_ID
from spooled_lite.cli.serve import GC_THRESHOLDS
from spooled_lite.config import Settings
from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue, enqueue_bulk
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim
from spooled_lite.core.queues.records import Admission
from spooled_lite.serving import serving
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.readers import Readers
from spooled_lite.wire.http.application import Application


class NullDatabase:
    """Answers what the measured requests ask of a database, without a thread and without a file."""

    def __init__(self, created: JobRow, claimed: JobRow, readers: Readers) -> None:
        self.readers = readers  # asked for by every answer, and for these without a read
        stored = Enqueued(created, created=True)
        self._answers: dict[Callable[..., Any], Any] = {
            enqueue: stored,
            enqueue_bulk: [stored] * BULK_JOBS,
        }
        self._claimed = [claimed]

    def submit(
        self, owner: int, operation: Callable[..., Any], *arguments: Any
    ) -> asyncio.Future[Any]:
        return _ready(self._answers.get(operation))

    def submit_claim(
        self, operation: Callable[..., Any], arguments: tuple[Any, ...], **_: Any
    ) -> Request:
        return Request(operation, arguments, Lane.CLAIM, 0, _ready(self._claimed))


def _ready(answer: Any) -> asyncio.Future[Any]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return future


async def null_database(real: Database) -> NullDatabase:
    """One whose rows were made by the operations themselves."""
    org = await real.write(_organization)
    job = NewJob(queue_name=QUEUE, payload=msgspec.json.encode(PAYLOAD))
    created = await real.write(enqueue, org, job, Admission(None, 3, 300), ALL_QUEUES)
    wanted = Claim(queue_name=QUEUE, worker_id=WORKER_ID, limit=1, lease_ms=30_000)
    [claimed] = await real.write(claim, org, wanted)
    return NullDatabase(created.row, claimed, real.readers)


def _organization(tx: Any) -> int:
    seq: int = tx.value(FIRST_ORGANIZATION)
    return seq


async def serve(ready_file: str) -> None:
    settings = Settings(database=":memory:", bootstrap_api_key=KEY, port=0, grpc_port="off")
    async with running(settings) as app:
        null = cast(Database, await null_database(app.services.db))
        services = msgspec.structs.replace(app.services, db=null)
        async with serving(app, asgi=Application(services)) as server:

            async def started() -> str:
                # As `serve` does: the application is measured, not the garbage collector.
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                return server.url

            await until_stopped(started, ready_file)


if __name__ == "__main__":
    run(serve(sys.argv[1]))
