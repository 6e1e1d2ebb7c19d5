"""One attempt at a job: the command does it, and the server is told how it went."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.answer import ServerRefused, Unreachable
from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.worker.child import CannotStart, Child, Ended
from spooled_lite.cli.worker.lease import LOST, Lease

RESULT_BYTES_MAX: Final = 1_048_576  # of a result that a server takes, as JSON
ERROR_CHARS_MAX: Final = 2_048  # of an error that a server takes
TELL_PAUSE_SECONDS: Final = 1.0  # before the server is told again how it went
TELL_PAUSE_SECONDS_MAX: Final = 10.0  # whatever it asks for: the lease may be lost meanwhile
TOLD_BEFORE: Final = "Job is already "
REFUSED_VALUE: Final = frozenset({400, 413, 422})
_NO_TEXT: Final = "\ufffd"  # for what is no text, and for NUL, which not every Spooled keeps

Verdict = Literal["completed", "failed", "lost"]


class JobInHand(Struct):
    """What a worker must know of a job."""

    id: str
    lease_id: str
    queue_name: str
    payload: Raw = Raw(b"null")
    retry_count: int = 0
    max_retries: int = 0
    timeout_seconds: int | None = None


class RunOutcome(Struct, kw_only=True):
    """How an attempt went."""

    id: str
    queue_name: str
    outcome: Verdict
    seconds: float
    exit_status: int | None
    told: str  # what else a person should know


class JobRun:
    """Run it in a thread of its own. `stop` may be called at any time, from any thread."""

    def __init__(
        self,
        client: Client,
        job: JobInHand,
        command: str,
        *,
        worker_id: str,
        lease_seconds: int,
        began: float,
        on_complaint: Callable[[bytes], None],
    ) -> None:
        self.job = job
        self._client = client
        self._command = command
        self._claimant = {"lease_id": job.lease_id, "worker_id": worker_id}
        self._started = time.monotonic()
        self._on_complaint = on_complaint
        self._stopped_because: str | None = None
        self._is_timed_out = False
        self._child: Child | None = None
        self._lock = threading.Lock()
        self._lease = Lease(
            client,
            job.id,
            self._claimant,
            seconds=lease_seconds,
            began=began,
            on_lost=lambda: self.stop("the lease is lost"),
        )

    def stop(self, because: str) -> None:
        """Have the command end. How it ends decides, as ever, unless the lease is lost."""
        with self._lock:
            self._stopped_because = self._stopped_because or because
            child = self._child
        if child is not None:
            child.stop()

    def run(self) -> RunOutcome:
        try:
            ended, error = self._done()
            return self._tell(ended, error)
        finally:
            self._lease.end()

    def _done(self) -> tuple[Ended | None, str | None]:
        """How the command ended, and the error that the server is told, if it is one."""
        try:
            child = Child(
                self._command,
                bytes(self.job.payload) + b"\n",
                self._environment(),
                on_complaint=self._on_complaint,
            )
        except CannotStart as error:
            return None, f"the command cannot be started: {error}"
        with self._lock:
            self._child, is_to_stop = child, self._stopped_because is not None
        if is_to_stop:
            child.stop()
        timeout = threading.Timer(self.job.timeout_seconds or 0, self._time_out)
        timeout.daemon = True
        if self.job.timeout_seconds:
            timeout.start()
        ended = child.wait()
        timeout.cancel()
        if self._is_timed_out:
            return ended, _error(ended, f"timed out after {self.job.timeout_seconds} s")
        if ended.status == 0:
            return ended, None
        return ended, _error(ended, self._stopped_because)

    def _time_out(self) -> None:
        self._is_timed_out = True
        self.stop("it took too long")

    def _environment(self) -> dict[str, str]:
        return {
            "SPOOLED_URL": self._client.url,
            "SPOOLED_JOB_ID": self.job.id,
            "SPOOLED_JOB_QUEUE": self.job.queue_name,
            "SPOOLED_JOB_ATTEMPT": str(self.job.retry_count + 1),
            "SPOOLED_JOB_MAX_RETRIES": str(self.job.max_retries),
            "SPOOLED_JOB_LEASE_ID": self.job.lease_id,
        }

    def _tell(self, ended: Ended | None, error: str | None) -> RunOutcome:
        if error is not None:
            told = self._settle("fail", [{"error": error}])
        else:
            assert ended is not None, "without an error it has run"
            told = self._settle("complete", _results(ended))
        outcome: Verdict = "failed" if error is not None else "completed"
        if told is None:
            outcome, error = "lost", self._lease.lost_because
        elif error is not None:
            error = f"{error.splitlines()[-1]}; {_what_follows(told)}"
        elif ended is not None and ended.is_cut:
            error = "the output was too long; its beginning is kept"
        return RunOutcome(
            id=self.job.id,
            queue_name=self.job.queue_name,
            outcome=outcome,
            seconds=round(time.monotonic() - self._started, 3),
            exit_status=None if ended is None else ended.status,
            told=error or "",
        )

    def _settle(self, act: str, bodies: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Tell the server until it answers, or the lease is lost: then None.

        A value that it refuses is replaced by the next of `bodies`.
        """
        path, left = path_of("jobs", self.job.id, act), list(bodies)
        while self._lease.lost_because is None:
            try:
                answer = self._client.post(path, {**self._claimant, **left[0]})
                return answer.read(dict[str, Any])
            except ServerRefused as error:
                if error.message.startswith(TOLD_BEFORE):
                    return {}  # by this lease: an answer was lost on its way
                if error.status in REFUSED_VALUE and len(left) > 1:
                    del left[0]
                elif error.status in LOST or error.status < 429:
                    self._lease.lose(error.message)
                else:
                    asked_for = error.retry_seconds or TELL_PAUSE_SECONDS
                    time.sleep(min(asked_for, TELL_PAUSE_SECONDS_MAX))
            except Unreachable:
                time.sleep(TELL_PAUSE_SECONDS)
        return None


def _results(ended: Ended) -> list[dict[str, Any]]:
    """The output as a result: as JSON if it is, else as text, else none."""
    found: list[dict[str, Any]] = []
    text = ended.output.strip()
    if not text:
        return [{}]
    if not ended.is_cut:
        try:
            text.decode()
            msgspec.json.decode(text, type=Raw)
            found.append({"result": Raw(text)})
        except (ValueError, msgspec.MsgspecError, RecursionError):
            pass
    return [*found, {"result": _as_text(ended.output.rstrip(b"\n"))}, {}]


def _as_text(content: bytes) -> str:
    """As much of it as a result may be long, when it is written as JSON."""
    text = content.decode("utf-8", "replace").replace("\0", _NO_TEXT)
    while (over := len(msgspec.json.encode(text)) - RESULT_BYTES_MAX) > 0:
        text = text[: min(len(text) - 1, len(text) - over // 6)]
    return text


def _error(ended: Ended, because: str | None) -> str:
    """The end of what it wrote to the standard error, and how it ended."""
    how = f"killed by signal {-ended.status}" if ended.status < 0 else f"exit status {ended.status}"
    how = f"{because} ({how})" if because else how
    said = ended.complaint.decode("utf-8", "replace").replace("\0", _NO_TEXT).strip()
    room = ERROR_CHARS_MAX - len(how) - 1
    return f"{said[-room:]}\n{how}" if said else how


def _what_follows(told: dict[str, Any]) -> str:
    if told.get("will_retry"):
        return f"tried again in {told.get('next_retry_delay_secs', 0)} s"
    return "no more retries"
