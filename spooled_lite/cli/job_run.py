"""`spooled-lite jobs run`: a worker whose jobs are done by a command of the shell."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

import click
import msgspec

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import asks_server
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.queue_names import queue_named
from spooled_lite.cli.worker.attempt import RunOutcome
from spooled_lite.cli.worker.run import Worker, WorkOrder
from spooled_lite.clock import SystemClock


class TakesJobs(Protocol):
    def drain(self) -> None: ...
    def stop(self) -> None: ...


SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@click.command()
@click.argument("queue")
@click.option("--exec", "command", required=True, metavar="COMMAND", help="Does a job; see above.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How many jobs at once.",
)
@click.option("--once", is_flag=True, help="Do one job, if one is there, and end.")
@click.option(
    "--lease",
    type=click.IntRange(5, 3_600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How soon others get a job when this machine dies.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 86_400),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long jobs may go on after SIGTERM.",
)
@click.option("--json", "as_json", is_flag=True, help="Say how each job went as JSON, a line each.")
@asks_server
def run(
    client: Client, queue: str, command: str, concurrency: int, once: bool, lease: int,
    grace: float, as_json: bool,
) -> None:  # fmt: skip
    """Work on the jobs of a queue with a shell command.

    The payload is on its standard input. Exit status 0 completes the job, with the standard output
    as its result: as JSON if it is, else as text. Any other one fails the attempt, with the end of
    the standard error as its error. The environment has SPOOLED_JOB_ID, SPOOLED_JOB_QUEUE,
    SPOOLED_JOB_ATTEMPT and SPOOLED_JOB_MAX_RETRIES.

    The lease is renewed while the command runs. It is stopped (SIGTERM, and SIGKILL after 10 s)
    when the lease is lost or the time-out of the job is over. The first SIGTERM or SIGINT lets it
    end by itself within --grace, the second stops it at once.

    Exit codes: 0, also when jobs failed, but with --once 1 for a failed one; else as everywhere.
    """
    _warn_of_unknown(client, queue)
    reports = _Reports(as_json)
    work = WorkOrder(
        queue=queue,
        command=command,
        jobs_max=concurrency,
        lease_seconds=lease,
        grace_seconds=grace,
        on_outcome=reports.outcome,
        on_complaint=reports.complaint,
        on_trouble=lambda message: click.echo(message, err=True),
    )
    worker = Worker(client, work, is_registered=not once)
    reports.on_lost = worker.drain
    with drained_by_signals(worker):
        if not once:
            worker.run()
        elif not worker.run_once():
            click.echo("No job is there.", err=True)
    if reports.is_lost or (once and worker.failed_count):
        sys.exit(1)


class _Reports:
    """What is said of jobs. `is_lost` when nobody reads it any more; then no more are taken."""

    def __init__(self, as_json: bool) -> None:
        self.is_lost = False
        self.on_lost: Callable[[], None] = lambda: None
        self._as_json = as_json
        self._lock = threading.Lock()

    def outcome(self, outcome: RunOutcome) -> None:
        try:
            with self._lock:
                click.echo(msgspec.json.encode(outcome) if self._as_json else _line(outcome))
        except OSError:
            self.is_lost = True
            self.on_lost()

    def complaint(self, chunk: bytes) -> None:
        """What commands write to their standard error goes on to ours."""
        with contextlib.suppress(OSError, ValueError), self._lock:
            stream = sys.stderr.buffer
            stream.write(chunk)
            stream.flush()


def _line(outcome: RunOutcome) -> str:
    at = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    told = f"  {message_of(outcome.told)}" if outcome.told else ""
    job_id = message_of(outcome.id)
    return f"{at:%H:%M:%S}  {outcome.outcome:<9}  {job_id}  {outcome.seconds:.1f} s{told}"


def _warn_of_unknown(client: Client, queue: str) -> None:
    """A worker of a queue that does not exist waits for its first job; perhaps for ever."""
    try:
        with queue_named(client, queue):
            client.get(path_of("queues", queue))
    except ServerRefused as error:
        if error.status == 404:
            near = error.message.partition("\n")[2]
            click.echo(f"There is no queue {message_of(queue)} yet. {near}".strip(), err=True)


@contextmanager
def drained_by_signals(worker: TakesJobs) -> Iterator[None]:
    """The first signal drains the worker, the second ends its commands.

    A thread does what they ask for: the main thread may hold a lock, or wait for one and not notice
    a signal that the system has given to another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    read, write = os.pipe()
    os.set_blocking(write, False)

    def heed() -> None:
        is_first = True
        while os.read(read, 1):
            if is_first:
                click.echo("Taking no more jobs; again to stop those that run.", err=True)
                worker.drain()
            else:
                worker.stop()
            is_first = False
        os.close(read)

    handlers = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    descriptor = signal.set_wakeup_fd(write)  # written to at once, whichever thread it is
    thread = threading.Thread(target=heed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(write)
        thread.join()
