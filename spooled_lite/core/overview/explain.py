"""Why a job is not running: every reason, its place in line, and when it would start."""

from collections.abc import Collection, Sequence
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.breakers.standing import breaker_of
from spooled_lite.core.breakers.work_limits import room_of, work_of
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import explain_statements as statements
from spooled_lite.core.overview.attention import LEFT_ALONE_MS
from spooled_lite.core.overview.claimers import ClaimSource, workers_by_queue
from spooled_lite.core.overview.explain_statements import WaitedForRow
from spooled_lite.core.overview.pace import attempts_per_minute
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.room import WINDOW_MS
from spooled_lite.core.workflows.conditions import edge_standing
from spooled_lite.storage.transaction import Reading

# Jobs counted in each of two ranges of an index; one more than is shown, to know if there are more.
AHEAD_MAX: Final = 10_001
PARENTS_MAX: Final = 1_000  # parents that are read
PARENTS_SHOWN_MAX: Final = 20

State = Literal["waiting", "running", "finished"]

# The checks of a waiting job. A reason that has to end before others can comes first.
CHECKED: Final = (
    "queue_paused",
    "breaker_open",
    "not_due",
    "waits_for_parents",
    "rate_limit_full",
    "concurrency_full",
    "behind_others",
    "no_worker",
    "expires_before",
)


class PausedQueue(Struct, frozen=True):
    since_ms: int
    text: str | None


class BreakerOpen(Struct, frozen=True):
    since_ms: int
    until_ms: int | None  # None: until the attempt that is under way has ended
    failures: int  # in a row


class NotDue(Struct, frozen=True):
    until_ms: int
    why: Literal["delay", "backoff"]


class WaitsForParents(Struct, frozen=True):
    mode: str
    parents: Sequence[WaitedForRow]  # the first of those whose condition is not met yet
    count: int  # of all of those


class RateLimitFull(Struct, frozen=True):
    limit: int  # jobs per second
    until_ms: int


class ConcurrencyFull(Struct, frozen=True):
    limit: int
    processing: int


class BehindOthers(Struct, frozen=True):
    higher: int  # jobs of a higher priority
    older: int  # older jobs of the same priority
    is_more: bool  # whether there are more than were counted


class NoWorker(Struct, frozen=True):
    """No worker is registered, no claim waits, and none was answered with a job lately."""


class ExpiresBefore(Struct, frozen=True):
    until_ms: int


class Held(Struct, frozen=True):
    worker_id: str | None
    since_ms: int | None
    until_ms: int | None  # the end of the lease


class ToldToStop(Struct, frozen=True):
    text: str


class Finished(Struct, frozen=True):
    status: str
    at_ms: int | None


Reason = (
    PausedQueue
    | BreakerOpen
    | NotDue
    | WaitsForParents
    | RateLimitFull
    | ConcurrencyFull
    | BehindOthers
    | NoWorker
    | ExpiresBefore
    | Held
    | ToldToStop
    | Finished
)


class Explanation(Struct, frozen=True, kw_only=True):
    job: JobRow
    state: State
    reasons: Sequence[tuple[str, Reason]]  # with their codes
    clear: Sequence[str]  # the codes of checks that found nothing
    runnable_at_ms: int | None  # None: now, or when depends on more than time
    per_minute: float  # attempts of its queue that end
    starts_in_seconds: int | None  # None: it cannot be estimated
    workers: int
    waiting_claims: int
    last_claim_ms: int | None


def explain(tx: Reading, org: int, job_id: str, scope: Scope, claims: ClaimSource) -> Explanation:
    """Every reason why a job does not run, read in one snapshot.

    The cost is two counts up to AHEAD_MAX in the index that claims use, and some point reads.

    Raises:
        NotFound: there is no such job in this organization and scope.
    """
    job = get_job(tx, org, job_id, scope)
    queue = tx.row(statements.QUEUE, {"queue": job["queue"]})
    assert queue is not None, "a visible job has a live queue"
    workers = workers_by_queue(tx, org)[job["queue_name"]]
    waiting_claims = claims.waiting_in(org, job["queue_name"])
    last_claim_ms = claims.last_ms(job["queue"])
    per_minute = attempts_per_minute(tx, job["queue"])
    is_attended = workers + waiting_claims > 0 or (
        last_claim_ms is not None and tx.now_ms - last_claim_ms < LEFT_ALONE_MS
    )
    found = _Look(tx, job, queue, is_attended, per_minute)
    if job["status"] in TERMINAL:
        state: State = "finished"
        reasons: list[tuple[str, Reason]] = [
            ("finished", Finished(job["status"], job["completed_at_ms"]))
        ]
    elif job["status"] == "processing":
        state, reasons = "running", _of_running(job)
    else:
        state, reasons = "waiting", found.reasons()
    is_waiting = state == "waiting"
    codes = {code for code, _ in reasons}
    return Explanation(
        job=job,
        state=state,
        reasons=reasons,
        clear=_clear(codes, queue) if is_waiting else [],
        runnable_at_ms=found.due_ms if is_waiting else None,
        per_minute=per_minute,
        starts_in_seconds=found.starts_in_seconds() if is_waiting else None,
        workers=workers,
        waiting_claims=waiting_claims,
        last_claim_ms=last_claim_ms,
    )


def _clear(codes: Collection[str], queue: QueueRow) -> list[str]:
    """The checks that found nothing, of those that there is something to look at for."""
    has_breaker = queue["circuit_breaker"] is not None
    return [
        code for code in CHECKED if code not in codes and (has_breaker or code != "breaker_open")
    ]


def _of_running(job: JobRow) -> list[tuple[str, Reason]]:
    held = Held(job["assigned_worker_id"], job["started_at_ms"], job["lease_expires_at_ms"])
    reasons: list[tuple[str, Reason]] = [("held", held)]
    if job["stop_reason"] is not None:
        reasons.append(("told_to_stop", ToldToStop(job["stop_reason"])))
    return reasons


class _Look:
    """The checks of a waiting job, made from one snapshot."""

    def __init__(
        self, tx: Reading, job: JobRow, queue: QueueRow, is_attended: bool, per_minute: float
    ) -> None:
        self._tx = tx
        self._job = job
        self._queue = queue
        self._is_attended = is_attended
        self._per_minute = per_minute
        run_at_ms: int | None = job["run_at_ms"]
        if job["status"] == "pending" and run_at_ms != job["scheduled_at_ms"]:
            run_at_ms = None  # it is due, and hidden while its task lets nothing through
        self.due_ms = run_at_ms if run_at_ms is not None and run_at_ms > tx.now_ms else None
        work = work_of(job)
        self._room = None if work is None else room_of(tx, job["org"], work, 1)
        self._parents = self._waited_for() if job["dependencies_met"] == 0 else []
        self._ahead = self._those_ahead()

    def reasons(self) -> list[tuple[str, Reason]]:
        found: list[tuple[str, Reason | None]] = [
            ("queue_paused", self._paused()),
            ("breaker_open", self._breaker_open()),
            ("not_due", self._not_due()),
            ("waits_for_parents", self._waits_for_parents()),
            ("rate_limit_full", self._rate_limit_full()),
            ("concurrency_full", self._concurrency_full()),
            ("behind_others", self._behind_others()),
            ("no_worker", None if self._is_attended else NoWorker()),
            ("expires_before", self._expires_before()),
        ]
        return [(code, reason) for code, reason in found if reason is not None]

    def starts_in_seconds(self) -> int | None:
        """When the job would start at the present pace; None when it depends on more than time.

        While the job is not due, those before it run, so the longer of the two waits counts. While
        a breaker is open none of them runs.
        """
        ahead = self._ahead
        count = ahead.higher + ahead.older
        if (
            not self._queue["enabled"]
            or self._job["dependencies_met"] == 0
            or not self._is_attended
            or ahead.is_more
            or (count and not self._per_minute)
        ):
            return None
        in_line = count * 60 / self._per_minute if count else 0
        breaker = self._breaker_open()
        if breaker is not None:
            if breaker.until_ms is None:
                return None  # an attempt is tried: its end decides
            in_line += (breaker.until_ms - self._tx.now_ms) / 1000
        due_in = 0 if self.due_ms is None else (self.due_ms - self._tx.now_ms) / 1000
        return round(max(due_in, in_line))

    def _paused(self) -> PausedQueue | None:
        queue = self._queue
        if queue["enabled"]:
            return None
        return PausedQueue(queue["paused_at_ms"] or self._tx.now_ms, queue["paused_reason"])

    def _breaker_open(self) -> BreakerOpen | None:
        of_work = None if self._room is None else self._room.breaker
        for it in (breaker_of(self._tx, self._queue), of_work):
            if it is not None and it.opened_at_ms is not None and not it.room(1):
                until_ms = None if it.is_tried else it.open_until_ms
                return BreakerOpen(it.opened_at_ms, until_ms, it.failures)
        return None

    def _not_due(self) -> NotDue | None:
        if self.due_ms is None:
            return None
        return NotDue(self.due_ms, "backoff" if self._job["retry_count"] else "delay")

    def _waited_for(self) -> list[WaitedForRow]:
        asked = {"job": self._job["seq"], "limit": PARENTS_MAX}
        return [
            parent
            for parent in self._tx.rows(statements.PARENTS, asked)
            if edge_standing(parent["condition"], parent["status"]) != "met"
        ]

    def _waits_for_parents(self) -> WaitsForParents | None:
        if self._job["dependencies_met"] != 0:
            return None
        shown = self._parents[:PARENTS_SHOWN_MAX]
        return WaitsForParents(self._job["dependency_mode"] or "all", shown, len(self._parents))

    def _rate_limit_full(self) -> RateLimitFull | None:
        queue = self._queue
        limit, ends_at_ms = queue["rate_limit"], queue["window_started_at_ms"] + WINDOW_MS
        is_running = queue["window_started_at_ms"] <= self._tx.now_ms < ends_at_ms
        if limit is None or not is_running or queue["window_count"] < limit:
            return None
        return RateLimitFull(limit, ends_at_ms)

    def _concurrency_full(self) -> ConcurrencyFull | None:
        if self._room is not None and self._room.is_full:
            most = self._room.limits["max_concurrency"] or 0
            return ConcurrencyFull(most, most)
        limit = self._queue["max_concurrency"]
        if limit is None:
            return None
        asked = {"queue": self._job["queue"]}
        processing = self._tx.value(statements.PROCESSING, asked) or 0
        return ConcurrencyFull(limit, processing) if processing >= limit else None

    def _those_ahead(self) -> BehindOthers:
        job = self._job
        place = {
            "queue": job["queue"],
            "priority": job["priority"],
            "created_at_ms": job["created_at_ms"],
            "seq": job["seq"],
            "limit": AHEAD_MAX,
        }
        higher = self._tx.value(statements.HIGHER, place) or 0
        older = self._tx.value(statements.OLDER, place) or 0
        most = AHEAD_MAX - 1
        return BehindOthers(min(higher, most), min(older, most), max(higher, older) > most)

    def _behind_others(self) -> BehindOthers | None:
        return self._ahead if self._ahead.higher or self._ahead.older else None

    def _expires_before(self) -> ExpiresBefore | None:
        """The reason when the job expires before its estimated start.

        Without an estimate it is compared with the time at which the job becomes due.
        """
        expires_at_ms: int | None = self._job["expires_at_ms"]
        if expires_at_ms is None:
            return None
        starts_in = self.starts_in_seconds()
        starts_at_ms = self.due_ms if starts_in is None else self._tx.now_ms + starts_in * 1000
        if starts_at_ms is None or starts_at_ms < expires_at_ms:
            return None
        return ExpiresBefore(expires_at_ms)
