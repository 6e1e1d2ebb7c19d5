"""The benchmarks work, at tiny sizes. What they measure is nobody's test."""

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks import crowd, graphs, raw, server
from benchmarks.__main__ import main
from benchmarks.firing import HOURS, add_schedules
from benchmarks.listener import listen
from benchmarks.seed import Contents, make_file
from benchmarks.serving import KEY, QUEUE
from benchmarks.table import Bound, Row, markdown, ratios
from spooled_lite.cli.bench import measure
from spooled_lite.cli.check import problems_of
from spooled_lite.cli.load.serial import KeptConnection, LoadRefused, claim_ms, delivery_ms
from spooled_lite.cli.load.shapes import LoadTarget, bulk, enqueue, quantile, work
from spooled_lite.cli.load.sockets import SocketsFailed, run_sockets, whole_answer
from spooled_lite.cli.load.wrk import WrkFailed, parsed, script
from spooled_lite.core.schedules.define import first_slot
from spooled_lite.storage.connection import open_writer

pytestmark = pytest.mark.alone

TINY_SECONDS = 0.2
TINY_CONNECTIONS = 4
NOWHERE = LoadTarget("http://127.0.0.1:9", KEY)

# -- the load generator --------------------------------------------------------------------------


@pytest.mark.slow
def test_the_python_generator_enqueues_claims_and_completes(tmp_path: Path) -> None:
    with server.spooled_lite(tmp_path, tmp_path / "load.db") as ours:
        stored = run_sockets(
            ours.target, bulk(QUEUE), seconds=TINY_SECONDS, connections=TINY_CONNECTIONS
        )
        worked = run_sockets(
            ours.target, work(QUEUE), seconds=TINY_SECONDS, connections=TINY_CONNECTIONS
        )

    assert stored.request_count > 0
    assert worked.request_count > 1
    assert (stored.failed_count, worked.failed_count, worked.empty_count) == (0, 0, 0)
    assert 0 < stored.p50_ms <= stored.p99_ms
    assert problems_of(str(tmp_path / "load.db")) == []


@pytest.mark.slow
def test_refused_requests_and_claims_that_find_nothing_are_counted(tmp_path: Path) -> None:
    with server.spooled_lite(tmp_path, tmp_path / "load.db") as ours:
        stranger = LoadTarget(ours.target.url, "sk_test_nobody_has_this_key")
        refused = run_sockets(stranger, enqueue(QUEUE), seconds=TINY_SECONDS, connections=1)
        hungry = run_sockets(ours.target, work(QUEUE), seconds=TINY_SECONDS, connections=1)

    assert refused.failed_count == refused.request_count > 0
    assert hungry.empty_count == hungry.request_count > 0


def until_it_listens(listening: Future[Any], capsys: pytest.CaptureFixture[str]) -> None:
    while "listening" not in capsys.readouterr().out:
        assert not listening.done(), "it has ended and never said so"
        time.sleep(0.01)


@pytest.mark.slow
def test_the_listener_says_how_old_events_are_when_they_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        server.spooled_lite(tmp_path, tmp_path / "load.db") as ours,
        ThreadPoolExecutor(1) as pool,
        KeptConnection(ours.target) as line,
    ):
        listening = pool.submit(listen, ours.target, 2.0)
        until_it_listens(listening, capsys)
        line.post("/api/v1/jobs", {"queue_name": QUEUE, "payload": 1})
        line.post("/api/v1/jobs/claim", {"queue_name": QUEUE, "worker_id": "w"})
        heard = listening.result()

    assert heard.frame_count == 2
    assert 0 <= heard.p50_ms <= heard.p99_ms == heard.most_ms


@pytest.mark.slow
def test_a_crowd_hears_everything_and_who_is_ended_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with (
            server.spooled_lite(tmp_path, tmp_path / "load.db") as ours,
            KeptConnection(ours.target) as line,
        ):
            listening = pool.submit(crowd.listen, ours.target, 3, 60.0)
            until_it_listens(listening, capsys)
            line.post("/api/v1/jobs", {"queue_name": QUEUE, "payload": 1})
        heard = listening.result()  # the server stops while it listens

    assert heard.ended_count == 3
    assert heard.megabytes > 0
    assert 0 < heard.p50_ms <= heard.p99_ms


def test_a_load_that_reaches_no_server_is_an_error() -> None:
    with pytest.raises(SocketsFailed):
        run_sockets(NOWHERE, enqueue(QUEUE), seconds=TINY_SECONDS, connections=1)


def test_an_answer_is_whole_when_its_body_is() -> None:
    head, body = b"HTTP/1.1 201 Created\r\ndate: now\r\nContent-Length: 7\r\n\r\n", b'{"a":1}'

    assert whole_answer(head[:-1]) is None
    assert whole_answer(head + body[:-1]) is None
    assert whole_answer(head + body) == (201, body)
    assert whole_answer(b"HTTP/1.1 204 No Content\r\n\r\n") == (204, b"")


def test_the_script_for_wrk_sends_the_same_requests() -> None:
    one, two = script(NOWHERE, enqueue(QUEUE)), script(NOWHERE, work(QUEUE))

    for text in (one, two):
        assert f"[==[{KEY}]==]" in text
        assert "%(" not in text
        assert "%%" not in text
    assert f"[==[{enqueue(QUEUE).body}]==]" in one
    assert "[==[/api/v1/jobs/]==], [==[/complete]==]" in two
    assert '[==[{"worker_id":"bench","lease_id":"]==], [==["}]==]' in two


def test_what_wrk_says_is_read() -> None:
    said = 'Running 2s test\nRESULT {"requests":300,"micros":2000000,"p50":1500.0,"p99":9000.0,'
    said += '"failed":2,"empty":1}\n'

    measured = parsed(said)

    assert measured.per_second == 150
    assert (measured.p50_ms, measured.p99_ms) == (1.5, 9.0)
    assert (measured.failed_count, measured.empty_count) == (2, 1)
    with pytest.raises(WrkFailed):
        parsed("unable to connect")


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([3.0], 0.99, 3.0), ([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0, 2.0], 0.99, 2.0)],
)
def test_a_quantile_is_one_of_the_values(
    values: list[float], share: float, expected: float
) -> None:
    assert quantile(values, share) == expected


@pytest.mark.slow
def test_workers_complete_graphs_of_every_shape(tmp_path: Path) -> None:
    with server.spooled_lite(tmp_path, tmp_path / "graphs.db") as ours:
        for steps, workers in ((graphs.chain(20), graphs.ALONE), (graphs.fan(20), graphs.TOGETHER)):
            store = partial(graphs.store, ours.target, steps)
            assert graphs.rate(ours.target, store, workers, count=20) > 0

    assert problems_of(str(tmp_path / "graphs.db")) == []


# -- spooled-lite bench --------------------------------------------------------------------------


@pytest.mark.slow
def test_bench_measures_a_running_server_and_leaves_no_queue_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without wrk
    said: list[str] = []
    with server.spooled_lite(tmp_path, tmp_path / "bench.db") as ours:
        results = measure(ours.target, seconds=TINY_SECONDS, deliveries=2, show=said.append)
        with KeptConnection(ours.target) as line:
            queues = line.get("/api/v1/queues")

    assert list(results) == said
    assert all(result["p99_ms"] > 0 for result in results.values())
    assert all("failed" not in result for result in results.values())
    assert queues == []


# -- the baselines -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bare", "null"])
def test_a_baseline_answers_what_the_workloads_send(tmp_path: Path, name: str) -> None:
    with server.baseline(tmp_path, name) as baseline, KeptConnection(baseline.target) as line:
        created = line.post("/api/v1/jobs", json.loads(enqueue(QUEUE).body))
        claimed = line.post("/api/v1/jobs/claim", json.loads(work(QUEUE).body))
        [job] = claimed["jobs"]
        done = line.post(f"/api/v1/jobs/{job['id']}/complete", {"lease_id": job["lease_id"]})

    assert created["payload"] == json.loads(enqueue(QUEUE).body)["payload"]
    assert job["status"] == "processing"
    assert done == {"success": True}


def test_the_recorded_statements_of_a_bulk_call_can_be_played_again(tmp_path: Path) -> None:
    path = str(tmp_path / "raw.db")
    make_file(path)
    connection = open_writer(path, "off")

    recorded = raw.record(connection)
    stored = raw.play(connection, recorded, seconds=0)

    count = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
    connection.close()
    assert stored.job_count == 100
    assert count == 100 * raw.RECORDED + 100
    assert problems_of(path) == []


# -- the files -----------------------------------------------------------------------------------


def test_a_seeded_file_is_one_that_the_server_could_have_made(tmp_path: Path) -> None:
    path = str(tmp_path / "seeded.db")

    make_file(path, Contents(finished=30, delayed=20, retrying=10))

    assert problems_of(path) == []


def test_seeded_schedules_are_due_together_by_their_own_rules(tmp_path: Path) -> None:
    path, at = tmp_path / "seeded.db", 1_800_012_345
    make_file(str(path))

    add_schedules(path, 48, at)

    connection = open_writer(str(path), "off")
    rows = connection.execute("SELECT cron_expression, timezone FROM schedules").fetchall()
    connection.close()
    assert len({tuple(row) for row in rows}) == HOURS
    assert {first_slot(rule, zone, at * 1000 - 1) for rule, zone in rows} == {at * 1000}
    assert problems_of(str(path)) == []


@pytest.mark.slow
def test_a_server_works_on_a_seeded_file(tmp_path: Path) -> None:
    make_file(str(tmp_path / "seeded.db"), Contents(finished=30, delayed=20, retrying=10))

    with (
        server.spooled_lite(tmp_path, tmp_path / "seeded.db") as ours,
        KeptConnection(ours.target) as worker,
        KeptConnection(ours.target) as producer,
    ):
        with pytest.raises(LoadRefused, match="nothing to claim"):
            claim_ms(worker, QUEUE)
        assert delivery_ms(worker, producer, QUEUE) > 0
        assert server.resident_mib(ours.pid) > 1
        assert server.cpu_seconds(ours.pid) > 0


# -- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        (Bound(0.3, 0.5), 0.51, "goal met"),
        (Bound(0.3, 0.5), 0.3, "floor held"),
        (Bound(0.3, 0.5), 0.29, "MISSED"),
        (Bound(10, 3, is_most=True), 2.9, "goal met"),
        (Bound(10, 3, is_most=True), 10, "floor held"),
        (Bound(10, 3, is_most=True), 10.1, "MISSED"),
    ],
)
def test_a_figure_is_held_against_floor_and_goal(bound: Bound, value: float, verdict: str) -> None:
    assert bound.verdict(value) == verdict


def test_a_row_shows_the_median_and_how_far_the_rounds_were_apart() -> None:
    values = ratios([4.0, 5.0, 9.0], [10.0, 10.0, 10.0])
    row = Row(workload="enqueue", figure="of bare", values=values, bound=Bound(0.3, 0.6))

    table = markdown([row, Row(workload="idle", figure="of one core", values=[12.3])])

    assert "| enqueue | of bare | 0.50 (0.40..0.90) | ≥ 0.30 | ≥ 0.60 | floor held |  |" in table
    assert "| idle | of one core | 12.3 |  |  |  |  |" in table


@pytest.mark.slow
def test_a_workload_is_run_by_name_and_its_rows_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["idle", "--quick", "--seconds", "1", "--json", "--folder", str(tmp_path)]

    main(asked, standalone_mode=False)

    answer = json.loads(capsys.readouterr().out)
    assert [row["workload"] for row in answer["rows"]] == ["idle, 100 waiting claims"]
    assert answer["machine"]["SQLite"]
    assert list(tmp_path.iterdir()) == []
