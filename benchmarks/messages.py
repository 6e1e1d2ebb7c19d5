"""Workloads that ask what messages, publishing and runs of tasks cost, against jobs.

Each is the processor time of the server, so that what else the machine does says little.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.server import Server, cpu_seconds
from benchmarks.table import Bound, Row, ratios, spread
from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD

TARGETS: Final = (1, 10, 100)
LIVES: Final = Bound(1.1, 1.0, is_most=True)
COPIES: Final = Bound(1.0, 0.9, is_most=True)
SENT_PER_SECOND: Final = Bound(20_000, 25_000, unit="/s")

Post = Callable[[str, Mapping[str, Any]], Any]


def messages(bench: Bench) -> list[Row]:
    bench.say("messages, publishing and tasks against jobs")
    one_by_one, hundreds = bench.scale.samples // 2, max(1, bench.scale.samples // 25)
    with bench.spooled_lite("messages") as ours, KeptConnection(ours.target) as line:

        def post(path: str, body: Mapping[str, Any]) -> Any:
            return line.post(f"/api/v1/{path}", body)

        _prepare(post)
        work = {
            # name: one turn, and how many of them a round has
            "job": (partial(_job, post), one_by_one),
            "message": (partial(_message, post), one_by_one),
            "run": (partial(_run, post), one_by_one),
            "jobs": (partial(_jobs, post), hundreds),
            "messages": (partial(_messages, post), hundreds),
            "100 jobs": (partial(_store, post, BULK_JOBS), hundreds),
            "10 jobs": (partial(_store, post, 10), hundreds * 5),
            "1 jobs": (partial(_store, post, 1), one_by_one),
            "100 jobs apart": (partial(_store_apart, post), hundreds),
            "send": (partial(_send, post), hundreds),
            **{
                f"publish {count}": (partial(_publish, post, count), hundreds * 100 // count)
                for count in TARGETS
            },
        }
        for act, _ in work.values():
            act()  # with the code warm
        took = bench.turn_about(
            {name: partial(_ms_each, ours, act, count) for name, (act, count) in work.items()}
        )
    against = [
        ("a message sent, read and deleted", "message", "job", LIVES),
        ("100 messages sent, read and deleted", "messages", "jobs", LIVES),
        ("a task run, claimed and completed", "run", "job", LIVES),
        # Without a bound: a bulk writes pages of one queue, these as many of each.
        *((f"published to {n} queues", f"publish {n}", f"{n} jobs", None) for n in TARGETS),
        ("published to 100 queues, to 100 jobs in them", "publish 100", "100 jobs apart", COPIES),
    ]
    return [
        *(
            Row(
                workload=said,
                figure="processor time, of jobs",
                values=ratios(took[name], took[plain]),
                bound=bound,
                besides=f"{spread(took[name])} ms against {spread(took[plain])}",
            )
            for said, name, plain, bound in against
        ),
        Row(
            workload="messages sent in hundreds",
            figure="a second of processor time",
            values=[BULK_JOBS * 1000 / each for each in took["send"]],
            bound=SENT_PER_SECOND,
        ),
    ]


def _prepare(post: Post) -> None:
    post("queues", {"name": "messages"})
    post("tasks", {"name": "task"})
    for count in TARGETS:
        for number in range(count):
            name = f"of-{count}-{number}"
            post("queues", {"name": name})
            target = {"target_type": "queue", "target_name": name}
            post("bindings", {**target, "pattern": f"to.{count}"})


def _ms_each(server: Server, act: Callable[[], None], count: int) -> float:
    began = cpu_seconds(server.pid)
    for _ in range(count):
        act()
    time.sleep(0.1)  # what is done when nobody asks
    return (cpu_seconds(server.pid) - began) / count * 1000


def _job(post: Post) -> None:
    post("jobs", {"queue_name": "jobs", "payload": PAYLOAD})
    _work_off(post, "jobs")


def _run(post: Post) -> None:
    post("tasks/task/runs", {"input": PAYLOAD})
    _work_off(post, "task")


def _work_off(post: Post, queue_name: str) -> None:
    [job] = post("jobs/claim", {"queue_name": queue_name, "worker_id": "w"})["jobs"]
    post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"], "result": {"ok": True}})


def _message(post: Post) -> None:
    post("queues/messages/messages", {"body": PAYLOAD})
    [read] = post("queues/messages/messages/read", {})["messages"]
    post("queues/messages/messages/delete", {"ids": [read["id"]]})


def _jobs(post: Post) -> None:
    _store(post, BULK_JOBS)
    claimed = {"queue_name": "stored", "worker_id": "w", "limit": BULK_JOBS}
    jobs = post("jobs/claim", claimed)["jobs"]
    items = [
        {"id": each["id"], "lease_id": each["lease_id"], "result": {"ok": True}} for each in jobs
    ]
    post("jobs/settle", {"jobs": items})


def _store(post: Post, count: int) -> None:
    if count == 1:
        post("jobs", {"queue_name": "stored", "payload": PAYLOAD})
    else:
        post("jobs/bulk", {"queue_name": "stored", "jobs": [{"payload": PAYLOAD}] * count})


def _store_apart(post: Post) -> None:
    """A job into each of the queues that a publication to a hundred of them reaches."""
    jobs = [{"queue_name": f"of-100-{number}", "payload": PAYLOAD} for number in range(100)]
    post("jobs/bulk", {"jobs": jobs})


def _send(post: Post) -> None:
    post("queues/messages/messages", {"messages": [{"body": PAYLOAD}] * BULK_JOBS})


def _messages(post: Post) -> None:
    _send(post)
    read = post("queues/messages/messages/read", {"quantity": BULK_JOBS})["messages"]
    post("queues/messages/messages/delete", {"ids": [each["id"] for each in read]})


def _publish(post: Post, count: int) -> None:
    post("publish", {"topic": f"to.{count}", "body": PAYLOAD})
