"""What is measured, how it reads, and that the document names all of it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from spooled_lite.core.lifecycle.reap import ATTEMPTS_OVER, LEASE_OVER
from spooled_lite.core.overview.measure import measured_by
from spooled_lite.events import Event, EventType
from spooled_lite.flow_metrics import FLOW_RUNS, FLOW_STEPS
from spooled_lite.histogram import Histogram
from spooled_lite.metrics import (
    BREAKERS,
    BUILD,
    COUNTERS,
    FIRED,
    GAUGES,
    GRPC_CALLS,
    GRPC_STREAMS,
    HISTOGRAMS,
    LINE,
    ON_FAIL,
    PASSED_ROWS,
    PASSES,
    QUEUE_AGE,
    QUEUE_JOBS,
    TASK_RUNS,
    Metrics,
)
from spooled_lite.wire.http.server.connections import Connections
from spooled_lite.wire.http.server.limits import DEFAULTS
from tests.storage.stage import a_database, run
from tests.test_docs import codes, table

# Contract: platform, section 14.
CONTRACT = {
    "spooled_jobs_enqueued_total": "counter",
    "spooled_jobs_completed_total": "counter",
    "spooled_jobs_failed_total": "counter",
    "spooled_jobs_retried_total": "counter",
    "spooled_jobs_deadlettered_total": "counter",
    "spooled_jobs_pending": "gauge",
    "spooled_jobs_processing": "gauge",
    "spooled_job_max_age_seconds": "gauge",
    "spooled_job_duration_seconds": "histogram",
    "spooled_api_requests_total": "counter",
    "spooled_api_request_duration_seconds": "histogram",
    "spooled_workers_active": "gauge",
    "spooled_workers_healthy": "gauge",
    "spooled_database_connections_active": "gauge",
    "spooled_redis_operations_total": "counter",
}
# Read from the system by the client library.
PROCESS = {
    "process_virtual_memory_bytes": "Address space of the process",
    "process_resident_memory_bytes": "Memory of the process",
    "process_start_time_seconds": "When the process started, in seconds since 1970",
    "process_cpu_seconds_total": "Processor time of the process",
    "process_open_fds": "Open files and sockets of the process",
    "process_max_fds": "Open files and sockets the system allows the process",
}
BOUNDS = {
    "spooled_job_duration_seconds": "0.01 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60",
    "spooled_api_request_duration_seconds": "0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5",
}


def families(text: str) -> dict[str, Metric]:
    """As scrapers see it; a counter under the name that is in the text."""
    return {
        each.name + ("_total" if each.type == "counter" else ""): each
        for each in text_string_to_metric_families(text)
    }


def values(text: str) -> dict[str, float]:
    """Every sample without labels."""
    samples = [sample for family in families(text).values() for sample in family.samples]
    return {sample.name: sample.value for sample in samples if not sample.labels}


def test_the_names_of_the_contract_are_there_with_their_kinds_and_without_labels() -> None:
    found = families(Metrics().text().decode())

    assert {name: found[name].type for name in CONTRACT} == CONTRACT
    for name in CONTRACT:
        assert {label for sample in found[name].samples for label in sample.labels} <= {"le"}
        assert found[name].documentation


@pytest.mark.parametrize("name", BOUNDS)
def test_the_buckets_are_those_of_the_contract(name: str) -> None:
    [family] = [f for f in families(Metrics().text().decode()).values() if f.name == name]

    bounds = [sample.labels["le"] for sample in family.samples if "le" in sample.labels]
    assert [float(bound) for bound in bounds[:-1]] == [float(each) for each in BOUNDS[name].split()]
    assert bounds[-1] == "+Inf"


def test_every_metric_is_in_the_document_and_nothing_else_is() -> None:
    kinds = dict.fromkeys(COUNTERS, "counter") | dict.fromkeys(GAUGES, "gauge")
    texts = {
        **COUNTERS,
        **GAUGES,
        **PROCESS,
        **dict((LINE, BREAKERS, GRPC_CALLS, GRPC_STREAMS, ON_FAIL, PASSES, PASSED_ROWS)),
        **dict((QUEUE_JOBS, QUEUE_AGE, BUILD, TASK_RUNS, FIRED, FLOW_RUNS, FLOW_STEPS)),
    }
    kinds |= {
        LINE[0]: "gauge, by `lane`",
        BREAKERS[0]: "gauge, by `scope`",
        GRPC_CALLS[0]: "counter, by `method` and `code`",
        GRPC_STREAMS[0]: "gauge, by `method`",
        ON_FAIL[0]: "counter, by `result`",
        TASK_RUNS[0]: "counter, by `task` and `state`",
        FLOW_RUNS[0]: "counter, by `flow` and `state`",
        FLOW_STEPS[0]: "counter, by `flow`, `step` and `state`",
        FIRED[0]: "counter, by `catch_up`",
        PASSES[0]: "counter, by `loop`",
        PASSED_ROWS[0]: "counter, by `loop`",
        QUEUE_JOBS[0]: "gauge, by `organization`, `queue` and `status`",
        QUEUE_AGE[0]: "gauge, by `organization` and `queue`",
        BUILD[0]: "gauge, by `version`, `python` and `sqlite`",
    }
    kinds |= dict.fromkeys(HISTOGRAMS, "histogram")
    kinds |= {name: "counter" if name.endswith("_total") else "gauge" for name in PROCESS}
    texts |= {name: text for name, (text, _) in HISTOGRAMS.items()}

    written = {codes(row[0])[0]: (row[1], row[2]) for row in table("metrics.md", "Metric")}

    assert written == {name: (kinds[name], texts[name]) for name in kinds}
    assert set(families(Metrics().text().decode())) == set(kinds)


def test_a_value_on_a_bound_belongs_below_it() -> None:
    histogram = Histogram((1, 2))

    for value in (0.5, 1, 1.5, 2, 3):
        histogram.observe(value)

    assert histogram.buckets() == [("1.0", 2), ("2.0", 4), ("+Inf", 5)]
    assert (histogram.count, histogram.total) == (5, 8)


def test_two_applications_measure_apart() -> None:
    one, other = Metrics(), Metrics()

    one.count("spooled_jobs_enqueued_total", 3)

    assert values(one.text().decode())["spooled_jobs_enqueued_total"] == 3
    assert values(other.text().decode())["spooled_jobs_enqueued_total"] == 0


def an_event(kind: EventType, **row: Any) -> Event:
    columns = {"kind": "job", "started_at_ms": None, "last_error": None, **row}
    return Event(kind, org=1, at_ms=10_000, row=columns)


@pytest.mark.parametrize(
    ("event", "counted"),
    [
        (an_event("job.created"), {"enqueued"}),
        (an_event("job.completed"), {"completed"}),
        (an_event("job.retrying", last_error="no luck"), {"failed"}),
        (an_event("job.retrying", last_error=LEASE_OVER), {"failed", "retried"}),
        (an_event("job.deadlettered", last_error="no luck"), {"failed", "deadlettered"}),
        (an_event("job.deadlettered", last_error=ATTEMPTS_OVER), {"failed", "deadlettered"}),
        (an_event("job.retried"), {"retried"}),
        (an_event("job.claimed"), set()),
        (an_event("queue.created"), set()),
    ],
)
def test_each_committed_event_counts_once(event: Event, counted: set[str]) -> None:
    metrics = Metrics()

    measured_by(metrics)([event])

    found = values(metrics.text().decode())
    assert {name: found[f"spooled_jobs_{name}_total"] for name in counted} == dict.fromkeys(
        counted, 1
    )
    assert sum(found[name] for name in COUNTERS if name.startswith("spooled_jobs_")) == len(counted)


def test_the_duration_of_a_job_is_from_its_claim_to_its_completion() -> None:
    metrics = Metrics()

    measured_by(metrics)([an_event("job.completed", started_at_ms=7_500)])

    found = values(metrics.text().decode())
    assert found["spooled_job_duration_seconds_sum"] == 2.5
    assert found["spooled_job_duration_seconds_count"] == 1


def test_errors_are_counted_and_lately_is_about_the_last_minute() -> None:
    metrics = Metrics()
    for status in (200, 404, 500, 503):
        metrics.answered(0.5, status)

    lately = metrics.lately()
    assert (lately.error_rate, lately.latency_seconds) == (0.5, 0.5)
    assert lately.requests_per_second == 4
    for _ in range(61):
        metrics.tick(0.002)

    assert metrics.lately().requests_per_second == 0
    assert values(metrics.text().decode())["spooled_loop_lag_seconds_count"] == 61
    assert values(metrics.text().decode())["spooled_api_requests_total"] == 4
    assert values(metrics.text().decode())["spooled_api_errors_total"] == 2


def test_the_sweep_tells_how_late_the_loop_was() -> None:
    late: list[float] = []

    async def main() -> None:
        swept = asyncio.Event()

        def on_sweep(seconds: float) -> None:
            late.append(seconds)
            swept.set()

        limits = msgspec.structs.replace(DEFAULTS, sweep_seconds=0.01)
        connections = Connections(
            limits, connection_count_max=1, early_headers=lambda headers: (), on_sweep=on_sweep
        )
        connections.start_sweeping(asyncio.get_running_loop())
        await swept.wait()
        connections.stop_sweeping()

    run(main())

    assert len(late) == 1
    assert -0.01 <= late[0] < 10


def test_the_writer_measures_each_commit(tmp_path: Path) -> None:
    metrics = Metrics()

    async def main() -> None:
        async with a_database(tmp_path / "s.db", table=False, metrics=metrics) as database:
            await asyncio.gather(*(database.write(lambda tx: None) for _ in range(5)))

    run(main())

    found = values(metrics.text().decode())
    assert found["spooled_writer_batch_operations_sum"] == 5
    commits = found["spooled_writer_commit_seconds_count"]
    assert commits == found["spooled_writer_wait_seconds_count"] >= 1
    assert commits == found["spooled_writer_batch_operations_count"]
