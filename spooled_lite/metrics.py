"""Every metric and its help text; one registry per application, passed as an argument.

Values are plain numbers. Each is changed by only one thread and read at a scrape, so measuring
needs no lock. Names of queues and of tasks are the only labels that callers choose: their number is
bounded, and they are shown only where reading the metrics needs a credential.
"""

import math
import platform
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import spooled_lite
from spooled_lite.flow_metrics import FlowCounts
from spooled_lite.histogram import Histogram

TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"

# Names from the contract: platform, section 14. Existing alert rules and dashboards use them.
COUNTERS: Final[Mapping[str, str]] = {
    "spooled_jobs_enqueued_total": "Jobs created since the start, by any means",
    "spooled_publish_total": "Calls that published something since the start",
    "spooled_publish_targets_total": "Targets that what was published went to since the start",
    "spooled_jobs_completed_total": "Jobs completed since the start",
    "spooled_jobs_failed_total": "Attempts that failed since the start",
    "spooled_jobs_retried_total": "Dead letters retried by a call, and leases that ran out",
    "spooled_jobs_deadlettered_total": "Jobs that became dead letters since the start",
    "spooled_api_requests_total": "HTTP requests since the start",
    "spooled_redis_operations_total": "Always 0: there is no Redis",
    # Our own, which are not in the contract.
    "spooled_schedule_missed_total": "Slots of schedules that had come and that nothing ran for",
    "spooled_api_errors_total": "HTTP requests answered with 5xx since the start",
    "spooled_repaired_deadlines_total": "Deadlines that a timer missed and the safety sweep found",
    "spooled_inbound_refused_total": "Incoming webhooks that could not be verified",
    "spooled_webhook_attempts_total": "Webhook calls since the start, not tests or manual retries",
    "spooled_webhook_delivered_total": "Webhook deliveries that succeeded since the start",
    "spooled_webhook_failed_total": "Webhook deliveries given up after their last attempt",
    "spooled_log_lines_dropped_total": "Log lines dropped because writing them took too long",
    "spooled_writer_busy_seconds_total": "Time that the writing thread spent on its batches",
    "spooled_storage_errors_total": "Batches of writes that the disk failed, or had no room for",
    "spooled_backup_failures_total": "Backups that failed, or were found unfit, since the start",
    "spooled_archive_bytes_total": "Bytes of windows put into the archive since the start",
    "spooled_archive_breaks_total": "Times that the archive could not go on without a new base",
    "spooled_answers_repeated_total": "Calls that were answered again for their Idempotency-Key",
    "spooled_slow_streams_total": "Event streams and WebSockets ended because they fell behind",
    "spooled_realtime_dropped_total": "Messages to topics that a slow reader did not get",
}
GAUGES: Final[Mapping[str, str]] = {
    "spooled_jobs_pending": "Jobs that are pending",
    "spooled_jobs_processing": "Jobs that a worker holds under a lease",
    "spooled_job_max_age_seconds": "Age of the oldest pending job",
    "spooled_workers_active": "Workers that sent a heartbeat in the last two minutes",
    "spooled_workers_healthy": "Active workers that report themselves healthy",
    "spooled_database_connections_active": "Open connections to the database file",
    # Our own, which are not in the contract.
    "spooled_jobs_scheduled": "Jobs that are not due yet",
    "spooled_jobs_deadletter": "Jobs that are dead letters",
    "spooled_messages_ready": "Messages that can be read",
    "spooled_messages_hidden": "Messages that are delayed or being read",
    "spooled_inbox_unseen": "Notifications that wait to be seen",
    "spooled_ready": "1 when the server can take work, else 0",
    "spooled_file_bytes": "Size of the database file",
    "spooled_file_free_bytes": "Part of the database file that new rows can use",
    "spooled_disk_free_bytes": "What the disk has left, less what the log will add to the file",
    "spooled_disk_reserve_bytes": "Below this much free disk, new jobs are refused",
    "spooled_wal_bytes": "Size of the write-ahead log",
    "spooled_waiting_claims": "Claims that wait for a job",
    "spooled_waiting_outcomes": "Calls that wait for the end of a job or a workflow",
    "spooled_http_connections": "Open HTTP and WebSocket connections",
    "spooled_webhook_deliveries_under_way": "Webhook calls in progress",
    "spooled_backup_age_seconds": "Since the moment of the newest backup; NaN: there is none",
    "spooled_backup_seconds": "Duration of the last backup",
    "spooled_archive_lag_seconds": "Age of the oldest commit that is not in the archive; NaN: none",
    "spooled_event_streams": "Open event streams",
    "spooled_websockets": "Open WebSockets of events",
    "spooled_realtime_connections": "Open streams of topics",
}
# This metric has one value per lane.
LINE: Final = ("spooled_writer_line_length", "Operations that wait for the writing thread")
# This metric has one value per scope of breakers: queue or task.
BREAKERS: Final = ("spooled_breaker_open", "Circuit breakers that are open, or half open")
# These two have one value per background loop, by its name in background/loops.py.
PASSES: Final = ("spooled_loop_passes_total", "Passes of a background loop")
PASSED_ROWS: Final = ("spooled_loop_rows_total", "Rows processed by a background loop")
# One value per result of a job that follows a failure.
ON_FAIL: Final = ("spooled_on_fail_total", "Jobs that follow a failure, by what came of them")
# The first so many tasks that ran since the start have a value of their own per state.
TASK_RUNS: Final = ("spooled_task_runs_total", "Runs of tasks, by what came of them")
TASKS_SHOWN_MAX: Final = 100
OTHER_TASKS: Final = "other tasks"  # no name of a task has a space
FIRED: Final = ("spooled_schedule_fired_total", "Slots of schedules that made a job or a run")
# Figures of the fullest queues. core/overview/depths.py bounds the number of labels.
QUEUE_JOBS: Final = ("spooled_queue_jobs", "Jobs of a queue by status, for the 100 fullest queues")
QUEUE_AGE: Final = (
    "spooled_queue_oldest_pending_seconds",
    "Age of the oldest pending job of a queue",
)
BUILD: Final = ("spooled_build_info", "Always 1; the labels have the versions")
# These two have one value per method, and the first one per status that a call ended with, too.
GRPC_CALLS: Final = ("spooled_grpc_calls_total", "gRPC calls and streams that have ended")
GRPC_STREAMS: Final = ("spooled_grpc_streams", "Open gRPC streams of jobs")
HISTOGRAMS: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    "spooled_job_duration_seconds": (
        "From the claim of a job to its completion",
        (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    ),
    "spooled_api_request_duration_seconds": (
        "From the headers of a request to its answer; includes the wait for a job of a claim",
        (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    ),
    "spooled_step_duration_seconds": (
        "From the claim of a step of a flow to its completion",
        (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    ),
    # Our own, which are not in the contract.
    "spooled_grpc_call_duration_seconds": (
        "Duration of a gRPC call that is not a stream",
        (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    ),
    "spooled_webhook_attempt_seconds": (
        "Duration of a webhook call",
        (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    ),
    "spooled_writer_batch_operations": (
        "Operations that shared one commit",
        (1, 2, 4, 8, 16, 32, 64, 128, 256),
    ),
    "spooled_writer_wait_seconds": (
        "How long the oldest operation of a batch had waited when the batch began",
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
    ),
    "spooled_writer_commit_seconds": (
        "Duration of a commit, including the sync to disk",
        (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
    ),
    "spooled_loop_lag_seconds": (
        "How late the event loop ran a timer that is due every second",
        (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
    ),
}

# Levels of the process and its listeners, which no single application has for itself.
OF_PROCESS: Final = ("spooled_http_connections", "spooled_log_lines_dropped_total")

LATELY_SECONDS: Final = 60  # the time that `Metrics.lately` covers

ReadLevel = Callable[[], float]


class MeasuredDepth(Protocol):
    """The figures of one queue."""

    @property
    def organization(self) -> str: ...
    @property
    def queue_name(self) -> str: ...
    @property
    def jobs(self) -> Mapping[str, int]: ...
    @property
    def oldest_pending_seconds(self) -> float: ...


class Lately(Struct, frozen=True):
    """Figures of requests in the last minute, or since the start when that is shorter."""

    requests_per_second: float
    error_rate: float  # of all requests, 0 to 1
    latency_seconds: float  # on average


class _Moment(Struct, frozen=True):
    at: float
    requests: int
    errors: int
    seconds: float


class Metrics(Collector):
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters: Counter[str] = Counter()
        self._watched: dict[str, ReadLevel] = {"spooled_http_connections": lambda: 0}
        self._lines: Callable[[], Mapping[str, int]] = dict
        self._grpc_streams: Callable[[], Mapping[str, int]] = dict
        self._passes: Counter[str] = Counter()
        self._passed_rows: Counter[str] = Counter()
        self._on_fail: Counter[str] = Counter()
        self._task_runs: dict[str, Counter[str]] = {}
        self.names_tasks = False  # True: reading the metrics needs a credential
        self._fired: Counter[str] = Counter()
        self._queues: Sequence[MeasuredDepth] = ()
        self._breakers: Mapping[str, float] = {}
        self._grpc_calls: Counter[tuple[str, str]] = Counter()
        self._histograms = {name: Histogram(bounds) for name, (_, bounds) in HISTOGRAMS.items()}
        self.flows = FlowCounts()
        self.step_seconds = self._histograms["spooled_step_duration_seconds"]
        self.job_seconds = self._histograms["spooled_job_duration_seconds"]
        self.request_seconds = self._histograms["spooled_api_request_duration_seconds"]
        self.grpc_seconds = self._histograms["spooled_grpc_call_duration_seconds"]
        self.webhook_seconds = self._histograms["spooled_webhook_attempt_seconds"]
        self.batch_operations = self._histograms["spooled_writer_batch_operations"]
        self.wait_seconds = self._histograms["spooled_writer_wait_seconds"]
        self.commit_seconds = self._histograms["spooled_writer_commit_seconds"]
        self._lag_seconds = self._histograms["spooled_loop_lag_seconds"]
        self._moments = deque([self._moment()], maxlen=LATELY_SECONDS + 1)
        self.registry.register(self)
        # Memory, processor time, open files and start time, read from the system at each scrape.
        ProcessCollector(registry=self.registry)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter. Only one thread may add to the same counter."""
        self._counters[name] += by

    def counted(self, name: str) -> int:
        return self._counters[name]

    def watch(self, name: str, read: ReadLevel) -> None:
        """Call `read` at each scrape for a gauge or a counter kept elsewhere. It must be quick."""
        assert name in GAUGES or name in COUNTERS, f"{name} is no metric"
        self._watched[name] = read

    def show(self, name: str, value: float) -> None:
        """Set a gauge to this value."""
        self.watch(name, lambda: value)

    def take_over(self, before: "Metrics") -> None:
        """Show what is of the process as `before` did: another application takes its place."""
        for name in OF_PROCESS:
            if name in before._watched:
                self._watched[name] = before._watched[name]
        self._grpc_streams = before._grpc_streams

    def watch_lines(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Read the number of waiting operations per lane with `read` at each scrape."""
        self._lines = read

    def passed(self, loop: str, rows: int) -> None:
        """Count one pass of a background loop and the rows that it processed."""
        self._passes[loop] += 1
        self._passed_rows[loop] += rows

    def followed(self, result: str) -> None:
        """Count a job that follows a failure: that it was stored, or how it ended."""
        self._on_fail[result] += 1

    def ran(self, task_name: str, state: str) -> None:
        """Count a run of a task: that it was stored (`queued`), or how it ended."""
        if task_name not in self._task_runs and len(self._task_runs) >= TASKS_SHOWN_MAX:
            task_name = OTHER_TASKS
        self._task_runs.setdefault(task_name, Counter())[state] += 1

    def fired(self, catch_up: str) -> None:
        """Count a slot of a schedule that made a job or a run."""
        self._fired[catch_up] += 1

    def show_queues(self, depths: Sequence[MeasuredDepth]) -> None:
        """Show the figures of these queues from now on, and of no others."""
        self._queues = depths

    def show_breakers(self, counts: Mapping[str, float]) -> None:
        """Show from now on that so many breakers are open, by scope."""
        self._breakers = counts

    def watch_grpc_streams(self, read: Callable[[], Mapping[str, int]]) -> None:
        """Read the number of open gRPC streams per method with `read` at each scrape."""
        self._grpc_streams = read

    def grpc_ended(self, method: str, status: str) -> None:
        """Count one gRPC call or stream that has ended with this status."""
        self._grpc_calls[method, status] += 1

    def answered(self, seconds: float, status: int) -> None:
        """Count one HTTP request and its duration."""
        self.request_seconds.observe(seconds)
        if status >= 500:
            self._counters["spooled_api_errors_total"] += 1

    def tick(self, lag_seconds: float) -> None:
        """Called about once a second by a timer, with how late the timer was."""
        self._lag_seconds.observe(max(0.0, lag_seconds))
        self._moments.append(self._moment())

    def lately(self) -> Lately:
        since, now = self._moments[0], self._moment()
        requests = now.requests - since.requests
        return Lately(
            requests / max(1.0, now.at - since.at),
            (now.errors - since.errors) / requests if requests else 0.0,
            (now.seconds - since.seconds) / requests if requests else 0.0,
        )

    def text(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """All metrics for the registry."""
        for name, text in COUNTERS.items():
            watched = self._watched.get(name)
            value = self._counters[name] if watched is None else watched()
            if name == "spooled_api_requests_total":
                value = self.request_seconds.count  # so a request adds to one number less
            yield CounterMetricFamily(name, text, value=value)
        for name, text in GAUGES.items():
            read = self._watched.get(name)
            yield GaugeMetricFamily(name, text, value=math.nan if read is None else read())
        line = GaugeMetricFamily(*LINE, labels=("lane",))
        for lane, length in self._lines().items():
            line.add_metric((lane,), length)
        yield line
        breakers = GaugeMetricFamily(*BREAKERS, labels=("scope",))
        for scope, count in self._breakers.items():
            breakers.add_metric((scope,), count)
        yield breakers
        yield from self._of_loops()
        followed = CounterMetricFamily(*ON_FAIL, labels=("result",))
        for result, count in self._on_fail.items():
            followed.add_metric((result,), count)
        yield followed
        yield from self._of_tasks()
        yield from self.flows.families(are_named=self.names_tasks)
        yield from self._of_queues()
        yield from self._of_grpc()
        for name, (text, _) in HISTOGRAMS.items():
            seen = self._histograms[name]
            yield HistogramMetricFamily(name, text, buckets=seen.buckets(), sum_value=seen.total)

    def _of_loops(self) -> Iterator[Metric]:
        for (name, text), counts in ((PASSES, self._passes), (PASSED_ROWS, self._passed_rows)):
            family = CounterMetricFamily(name, text, labels=("loop",))
            for loop, count in counts.items():
                family.add_metric((loop,), count)
            yield family

    def _of_tasks(self) -> Iterator[Metric]:
        runs = CounterMetricFamily(*TASK_RUNS, labels=("task", "state"))
        counts: Counter[tuple[str, str]] = Counter()
        for task_name, states in self._task_runs.items():
            shown = task_name if self.names_tasks else OTHER_TASKS
            for state, count in states.items():
                counts[shown, state] += count
        for labels, count in counts.items():
            runs.add_metric(labels, count)
        yield runs
        fired = CounterMetricFamily(*FIRED, labels=("catch_up",))
        for catch_up, count in self._fired.items():
            fired.add_metric((catch_up,), count)
        yield fired

    def _of_queues(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(*BUILD, labels=("version", "python", "sqlite"))
        versions = (spooled_lite.__version__, platform.python_version(), sqlite3.sqlite_version)
        build.add_metric(versions, 1)
        yield build
        jobs = GaugeMetricFamily(*QUEUE_JOBS, labels=("organization", "queue", "status"))
        age = GaugeMetricFamily(*QUEUE_AGE, labels=("organization", "queue"))
        for each in self._queues:
            for status, count in each.jobs.items():
                jobs.add_metric((each.organization, each.queue_name, status), count)
            age.add_metric((each.organization, each.queue_name), each.oldest_pending_seconds)
        yield jobs
        yield age

    def _of_grpc(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(*GRPC_CALLS, labels=("method", "code"))
        for labels, count in self._grpc_calls.items():
            calls.add_metric(labels, count)
        yield calls
        streams = GaugeMetricFamily(*GRPC_STREAMS, labels=("method",))
        for method, count in self._grpc_streams().items():
            streams.add_metric((method,), count)
        yield streams

    def _moment(self) -> _Moment:
        return _Moment(
            time.monotonic(),
            self.request_seconds.count,
            self._counters["spooled_api_errors_total"],
            self.request_seconds.total,
        )
