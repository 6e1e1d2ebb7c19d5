"""Workloads that ask what flows cost: runs, steps and items against plain jobs.

Those that are compared are the processor time of the server, so that what else the machine does
says little. Those by the second are by the clock, with one client and with several.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.server import Server, cpu_seconds
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD

ITEMS: Final = 10_000  # of one map
CHAIN: Final = 10
DIAMOND: Final = 4
CLIENTS: Final = 8
RUNS: Final = Bound(2.0, 1.5, is_most=True)
STEPS: Final = Bound(1.5, 1.2, is_most=True)
OF_MAP: Final = Bound(1.5, 1.1, is_most=True)
# What the same work was measured at on another database, whose functions were called directly.
RUNS_PER_SECOND: Final = {1: Bound(180, 250, unit="/s"), CLIENTS: Bound(290, 390, unit="/s")}
TASKS_PER_SECOND: Final = Bound(400, 560, unit="/s")
MESSAGES_PER_SECOND: Final = Bound(500, 620, unit="/s")
OK: Final = {"ok": True}

Post = Callable[[str, Mapping[str, Any]], Any]


def flows(bench: Bench) -> list[Row]:
    bench.say("flows against jobs")
    turns, large = bench.scale.samples // 2, max(1, bench.scale.samples // 100)
    with bench.spooled_lite("flows") as ours, KeptConnection(ours.target) as line:
        post = _posting(line)
        _prepare(post)
        work: dict[str, tuple[Callable[[], None], int]] = {
            # name: one turn, and how many of them a round has
            "job": (partial(_jobs, post, 1), turns),
            "one": (partial(_run, post, "one", 1), turns),
            "10 jobs": (partial(_jobs, post, CHAIN), turns // 5),
            "chain": (partial(_run, post, "chain", CHAIN), turns // 5),
            "4 jobs": (partial(_jobs, post, DIAMOND), turns // 2),
            "diamond": (partial(_run, post, "diamond", DIAMOND), turns // 2),
            "many jobs": (partial(_many_jobs, post), large),
            "map": (partial(_map, post), large),
        }
        for act, _ in work.values():
            act()  # with the code warm
        took = bench.turn_about(
            {name: partial(_ms_each, ours, act, count) for name, (act, count) in work.items()}
        )
        rates = bench.turn_about(
            {
                "message": partial(_per_second, ours, _message, 1, turns),
                "task": partial(_per_second, ours, _task, 1, turns),
                **{
                    f"run by {clients}": partial(_per_second, ours, _one, clients, turns)
                    for clients in RUNS_PER_SECOND
                },
            }
        )
    against = [
        ("a flow of one step run, claimed and completed", "one", "job", RUNS),
        (f"a flow of {CHAIN} steps in a row", "chain", "10 jobs", STEPS),
        (f"a flow of {DIAMOND} steps, two beside each other", "diamond", "4 jobs", STEPS),
        (f"a map over {ITEMS:,} items", "map", "many jobs", OF_MAP),
    ]
    by_the_second = [
        ("a message sent, read and deleted, one client", "message", MESSAGES_PER_SECOND),
        ("a task run, claimed and completed, one client", "task", TASKS_PER_SECOND),
        *(
            (f"a flow of one step, {_clients(clients)}", f"run by {clients}", bound)
            for clients, bound in RUNS_PER_SECOND.items()
        ),
    ]
    return [
        *(
            Row(
                workload=said,
                figure="processor time, of as many jobs",
                values=ratios(took[name], took[plain]),
                bound=bound,
                besides=f"{spread(took[name])} ms against {spread(took[plain])}",
            )
            for said, name, plain, bound in against
        ),
        *(
            Row(workload=said, figure="a second", values=rates[name], bound=bound)
            for said, name, bound in by_the_second
        ),
    ]


def _posting(line: KeptConnection) -> Post:
    def post(path: str, body: Mapping[str, Any]) -> Any:
        return line.post(f"/api/v1/{path}", body)

    return post


def _prepare(post: Post) -> None:
    post("queues", {"name": "messages"})
    post("tasks", {"name": "task"})
    steps = {
        "one": [{"key": "only"}],
        "chain": [_step(n, [n - 1] if n else []) for n in range(CHAIN)],
        "diamond": [_step(0, []), _step(1, [0]), _step(2, [0]), _step(3, [1, 2])],
        "map": [
            {"key": "list"},
            {"key": "each", "depends_on": ["list"], "map": {"source": "list"}},
        ],
    }
    for name, some in steps.items():
        post("flows", {"name": name, "steps": some})


def _step(number: int, parents: Sequence[int]) -> Mapping[str, Any]:
    return {"key": f"s{number}", "depends_on": [f"s{parent}" for parent in parents]}


def _ms_each(server: Server, act: Callable[[], None], count: int) -> float:
    began = cpu_seconds(server.pid)
    for _ in range(count):
        act()
    time.sleep(0.1)  # what is done when nobody asks
    return (cpu_seconds(server.pid) - began) / count * 1000


def _per_second(
    server: Server, act: Callable[[Post, str], None], clients: int, count: int
) -> float:
    """How often all of them together did it, each so many times, one after the other."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with KeptConnection(server.target) as line:
                for _ in range(count):
                    act(_posting(line), f"w{number}")
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    assert not failed, failed
    return clients * count / took


# -- what is done ----------------------------------------------------------------------------------


def _jobs(post: Post, count: int) -> None:
    for _ in range(count):
        post("jobs", {"queue_name": "jobs", "payload": PAYLOAD})
    _work_off(post, "jobs", count)


def _run(post: Post, flow: str, steps: int) -> None:
    post(f"flows/{flow}/runs", {"input": PAYLOAD})
    _work_off(post, flow, steps)


def _one(post: Post, worker_id: str) -> None:
    post("flows/one/runs", {"input": PAYLOAD})
    _work_off(post, "one", 1, worker_id)


def _task(post: Post, worker_id: str) -> None:
    post("tasks/task/runs", {"input": PAYLOAD})
    _work_off(post, "task", 1, worker_id)


def _message(post: Post, _: str) -> None:
    post("queues/messages/messages", {"body": PAYLOAD})
    [read] = post("queues/messages/messages/read", {})["messages"]
    post("queues/messages/messages/delete", {"ids": [read["id"]]})


def _work_off(post: Post, queue_name: str, count: int, worker_id: str = "w") -> None:
    for _ in range(count):
        [job] = post("jobs/claim", {"queue_name": queue_name, "worker_id": worker_id})["jobs"]
        post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"], "result": OK})


def _many_jobs(post: Post) -> None:
    for _ in range(ITEMS // BULK_JOBS):
        post("jobs/bulk", {"queue_name": "many", "jobs": [{"payload": PAYLOAD}] * BULK_JOBS})
    _work_off_in_hundreds(post, "many")


def _map(post: Post) -> None:
    post("flows/map/runs", {"input": PAYLOAD})
    [job] = post("jobs/claim", {"queue_name": "map", "worker_id": "w"})["jobs"]
    result = [PAYLOAD] * ITEMS
    post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"], "result": result})
    _work_off_in_hundreds(post, "map")


def _work_off_in_hundreds(post: Post, queue_name: str) -> None:
    asked = {"queue_name": queue_name, "worker_id": "w", "limit": BULK_JOBS, "wait_ms": 10_000}
    left = ITEMS
    while left:
        jobs = post("jobs/claim", asked)["jobs"]
        assert jobs, f"{left} of {ITEMS} were never handed out"
        done = [{"id": each["id"], "lease_id": each["lease_id"], "result": OK} for each in jobs]
        post("jobs/settle", {"jobs": done})
        left -= len(jobs)


def _clients(count: int) -> str:
    return "one client" if count == 1 else f"{count} clients"
