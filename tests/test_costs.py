"""What a request costs, counted and not timed, so that a busy machine shows the same.

Where calls of Python are counted, each request is alone in its batch: what is done per batch is
part of it. Whoever makes a request dearer for a reason raises a bound here, and says why in the
commit. What calls do not show, such as a slow way to search in bytes, `python -m benchmarks` does.
"""

import asyncio
import statistics
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypedDict, TypeVar

import msgspec
import pytest
import uvloop

from benchmarks.serving import KEY, QUEUE
from spooled_lite.app import running
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import PAYLOAD, WORKER_ID, LoadTarget, claim
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import Claim, claim_if_still_allowed
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, store_document
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.serving import serving
from spooled_lite.storage.database import Database
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.core.store import NOW_MS

T = TypeVar("T")

TEST_SECONDS_MAX: Final = 60
REQUESTS: Final = 50  # of a kind in a round
ROUNDS: Final = 5  # the cheapest counts: in the others something else was due
WRITER: Final = "spooled-writer"
LOOP: Final = "MainThread"

# Calls of the loop, and of the writing thread. Four in a hundred more than were measured: versions
# of the interpreter and of the libraries count a little differently.
CALLS_MAX: Final = {"enqueue": (304, 275), "claim": (302, 293), "complete": (294, 300)}
LOOKS_MAX: Final = 4  # at files and disks, per batch: each lets go of the interpreter
LOOKS_BY_TIME_MAX: Final = 8  # in all: they come with the time, more of them on a slow machine
BATCH: Final = 50  # operations that share one
# Of SQL, for one operation: each lets go of the interpreter several times.
STATEMENTS_MAX: Final = {
    "enqueue": 3,
    "claim": 4,
    "complete": 4,
    # Of a flow of one step. It has a workflow, with an input and an output, which counts its step.
    "run flow": 6,
    "claim step": 6,
    "complete step": 9,
}


class Counted:
    """Calls since the last `take`, by thread and by name."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[int, str]] = Counter()

    def hear(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self._calls[threading.get_ident(), frame.f_code.co_qualname] += 1
        elif event == "c_call":
            self._calls[threading.get_ident(), argument.__name__] += 1

    def take(self) -> dict[str, Counter[str]]:
        names = {each.ident: each.name for each in threading.enumerate()}
        calls, self._calls = self._calls, Counter()
        found: dict[str, Counter[str]] = {LOOP: Counter(), WRITER: Counter()}
        for (ident, name), count in calls.items():
            found.setdefault(names.get(ident, ""), Counter())[name] += count
        return found


@contextmanager
def counting() -> Iterator[Counted]:
    """Counts the calls of this thread, and of those that begin meanwhile."""
    counted = Counted()
    threading.setprofile(counted.hear)
    sys.setprofile(counted.hear)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


Costs = dict[str, list[dict[str, Counter[str]]]]


def cost_of_requests(target: LoadTarget, counted: Counted) -> Costs:
    """What each round of each kind has called. Runs in a thread that is not counted."""
    sys.setprofile(None)
    costs: Costs = {kind: [] for kind in CALLS_MAX}
    with KeptConnection(target) as connection:

        def post(path: str, body: dict[str, Any]) -> Any:
            return connection.post(f"/api/v1/jobs{path}", body)

        def create() -> None:
            for _ in range(REQUESTS):
                post("", {"queue_name": QUEUE, "payload": PAYLOAD})

        def take() -> None:
            jobs.extend(post("/claim", claim(QUEUE))["jobs"][0] for _ in range(REQUESTS))

        def settle() -> None:
            for job in jobs:
                done = {"worker_id": WORKER_ID, "lease_id": job["lease_id"]}
                post(f"/{job['id']}/complete", done)

        acts: dict[str, Callable[[], None]] = {
            "enqueue": create,
            "claim": take,
            "complete": settle,
        }
        for _ in range(ROUNDS + 1):  # the first one fills caches
            jobs: list[Any] = []
            for kind, act in acts.items():
                counted.take()
                act()
                costs[kind].append(counted.take())
    return {kind: rounds[1:] for kind, rounds in costs.items()}


def settings_of(folder: Path) -> Settings:
    return Settings(
        database=str(folder / "spooled.db"), bootstrap_api_key=KEY, port=0, grpc_port="off"
    )


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(main, TEST_SECONDS_MAX))


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Costs:
    settings = settings_of(tmp_path_factory.mktemp("costs"))

    async def main() -> Costs:
        with counting() as counted:
            async with running(settings) as app, serving(app) as server:
                try:
                    target = LoadTarget(server.url, KEY)
                    return await asyncio.to_thread(cost_of_requests, target, counted)
                finally:
                    await server.stop()

    return run(main())


@pytest.mark.parametrize("kind", CALLS_MAX)
@pytest.mark.parametrize(("thread", "place"), [(LOOP, 0), (WRITER, 1)])
def test_a_request_takes_no_more_calls_than_it_did(
    costs: Costs, kind: str, thread: str, place: int
) -> None:
    rounds = [each[thread] for each in costs[kind]]
    cheapest = min(rounds, key=Counter.total)

    per_request = cheapest.total() / REQUESTS

    often = [f"{count / REQUESTS:.1f} {name}" for name, count in cheapest.most_common(400)]
    assert per_request <= CALLS_MAX[kind][place], f"{per_request:.1f}, most of them: {often}"


@pytest.mark.parametrize("kind", CALLS_MAX)
def test_a_batch_looks_at_few_files(costs: Costs, kind: str) -> None:
    looks = min(
        sum(each[WRITER][name] for name in ("stat", "statvfs", "fstat", "lstat"))
        for each in costs[kind]
    )

    assert looks <= LOOKS_MAX * REQUESTS + LOOKS_BY_TIME_MAX


# -- statements of operations that share a batch ---------------------------------------------------


NO_CAPS: Final = Admission(None, 3, 300)
FLOW: Final = "flow"
DOCUMENT: Final = FlowDocument(
    steps=(StepDocument(key="only", queue_name=FLOW),),
    output_priority=("only",),
    failure_policy="fail_fast",
)


class Key(TypedDict):
    seq: int
    org: int
    secret_id: str


KEYS: Final = Statement(Key, "SELECT seq, org, secret_id FROM api_keys")


def put_flow(tx: Tx, org: int) -> None:
    named = {"org": org, "name": FLOW, "document": store_document(tx, org, DOCUMENT)}
    tx.execute(
        "INSERT INTO flows (org, name, document, revision, created_at_ms, updated_at_ms)"
        " VALUES (:org, :name, :document, 1, 0, 0)",
        named,
    )


async def statements_of_batches(db: Database) -> dict[str, list[str]]:
    """What the writing thread runs for a batch of each kind, the caches of the batch empty."""
    ran: dict[str, list[str]] = {}

    async def batch(kind: str, operation: Callable[..., Any], *calls: tuple[Any, ...]) -> list[Any]:
        said = ran[kind] = []
        db.writer._connection.set_trace_callback(said.append)
        found = await asyncio.gather(*(db.write(operation, *each) for each in calls))
        db.writer._connection.set_trace_callback(None)
        return found

    [key] = await db.readers.read(lambda tx: tx.rows(KEYS))
    org = key["org"]
    job = NewJob(queue_name=QUEUE, payload=msgspec.json.encode(PAYLOAD))
    await batch("enqueue", enqueue, *[(org, job, NO_CAPS, ALL_QUEUES)] * BATCH)
    wanted = Claim(queue_name=QUEUE, worker_id=WORKER_ID, limit=1, lease_ms=3_600_000)
    claims = [(org, wanted, key["seq"], key["secret_id"])] * BATCH
    jobs = [job for [job] in await batch("claim", claim_if_still_allowed, *claims)]
    done = [
        (org, job["id"], Claimant(worker_id=WORKER_ID, lease_id=job["lease_id"]), None, ALL_QUEUES)
        for job in jobs
    ]
    await batch("complete", complete, *done)
    await db.write(put_flow, org)
    given = RunOptions(input=b"{}")
    await batch("run flow", run_flow, *[(org, FLOW, given, NO_CAPS, ALL_QUEUES)] * BATCH)
    wanted = Claim(queue_name=FLOW, worker_id=WORKER_ID, limit=1, lease_ms=3_600_000)
    claims = [(org, wanted, key["seq"], key["secret_id"])] * BATCH
    jobs = [job for [job] in await batch("claim step", claim_if_still_allowed, *claims)]
    ended = [
        (org, job["id"], Claimant(worker_id=WORKER_ID, lease_id=job["lease_id"]), b"{}", ALL_QUEUES)
        for job in jobs
    ]
    await batch("complete step", complete, *ended)
    return ran


def per_operation(statements: list[str]) -> list[int]:
    """How many each operation ran, the two of its savepoint among them."""
    ends = [at for at, each in enumerate(statements) if each.startswith("RELEASE")]
    begins = [at for at, each in enumerate(statements) if each.startswith("SAVEPOINT")]
    return [end - begin + 1 for begin, end in zip(begins, ends, strict=True)]


async def without_loops(*_: object) -> None:
    """In place of what runs the background loops, whose statements would be among those counted."""


def test_an_operation_runs_no_more_statements_than_it_did(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)

    async def main() -> dict[str, list[str]]:
        settings = settings_of(tmp_path)
        async with running(settings, clock=clock, supervise=without_loops) as app:
            return await statements_of_batches(app.services.db)

    ran = run(main())

    for kind, most in STATEMENTS_MAX.items():
        # The median, because the first operation of a batch fills its caches.
        assert statistics.median(per_operation(ran[kind])) <= most
