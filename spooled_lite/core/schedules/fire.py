"""Firing: each slot creates its job once, also across restarts and changes of the clock."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import check_json_size, job_type_of
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.orgs import statements as org_statements
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.schedules import statements
from spooled_lite.core.schedules.columns import DueScheduleRow, ScheduleRow
from spooled_lite.core.schedules.define import announce_slot
from spooled_lite.core.schedules.missed import Firing
from spooled_lite.core.schedules.query import get_schedule
from spooled_lite.core.tasks.records import NewTaskRun
from spooled_lite.core.tasks.run import run_task
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.errors import SpooledError
from spooled_lite.plans import OwnLimits, Plans
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Reading, Tx

ERROR_CHARACTERS_MAX: Final = 4_096
TRUNCATED: Final = "... [truncated]"


class Due(Struct, frozen=True):
    """Schedules whose next slot has come."""

    rows: Sequence[DueScheduleRow]
    now_ms: int
    next_at_ms: int | None  # now when there are any, else the earliest slot of all; None: no slot


class Terms(Struct, frozen=True, kw_only=True):
    """Caps and defaults for jobs that a schedule creates. Contract: platform, section 5.3."""

    plans: Plans
    is_enforced: bool
    payload_bytes_max: int
    max_retries: int
    timeout_seconds: int

    def of(self, organization: OrgRow) -> tuple[Admission, int]:
        """Caps and queue defaults of an organization, and how large its payloads may be."""
        own = OwnLimits.stored(organization["custom_limits"])
        tier = organization["plan_tier"]
        caps = self.plans.caps_of(tier, own, enforced=self.is_enforced)
        bytes_max = self.plans.payload_bytes_max(
            tier, own, enforced=self.is_enforced, server_max=self.payload_bytes_max
        )
        return Admission(caps, self.max_retries, self.timeout_seconds), bytes_max


def find_due(tx: Reading, limit: int) -> Due:
    """At most `limit` schedules that are due, the longest due first."""
    rows = tx.rows(statements.DUE, {"now_ms": tx.now_ms, "limit": limit})
    if rows:
        return Due(rows, tx.now_ms, tx.now_ms)
    following = tx.row(statements.NEXT_SLOT)
    return Due(rows, tx.now_ms, None if following is None else following["at_ms"])


class Fired(Struct, frozen=True):
    """What came of some firings."""

    schedules: int = 0  # that got their next slot
    missed: int = 0  # slots that they passed over


def fire(tx: Tx, firings: Sequence[Firing], terms: Terms, refusal: str | None = None) -> Fired:
    """Create the jobs of these slots, record the runs, and set the next slots.

    A schedule that was changed since its firing was decided, or whose organization is closed, is
    skipped: the next round decides again. A slot that has fired before creates no second job. A job
    that is refused by a limit leaves a failed run, and the others fire; with `refusal` all slots
    leave a failed run with this text.

    Contract: schedules, section 1.3.
    """
    let_in: dict[int, tuple[Admission, int]] = {}
    count = missed = 0
    for firing in firings:
        row = tx.row(
            statements.AS_DECIDED,
            {
                "seq": firing.schedule,
                "was_next_run_at_ms": firing.was_next_run_at_ms,
                "cron_expression": firing.cron_expression,
                "timezone": firing.timezone,
                "catch_up": firing.catch_up,
            },
        )
        if row is None:
            continue
        if row["org"] not in let_in:
            organization = tx.row(org_statements.OPEN_BY_SEQ, {"org": row["org"]})
            if organization is None:
                continue  # closed: the schedule waits; deleted: the schedule goes with it
            let_in[row["org"]] = terms.of(organization)
        _fire(tx, row, firing, let_in[row["org"]], refusal or firing.problem)
        count += 1
        missed += firing.missed
    return Fired(count, missed)


@in_lane(Lane.CREATE)
def trigger(tx: Tx, org: int, schedule_id: str, admission: Admission, scope: Scope) -> JobRow:
    """Create a job of a schedule now, also of a paused one; its next slot stays. Returns the job.

    Raises:
        NotFound, AccessDenied: as `get_schedule`.
        QuotaExceeded: a cap would be passed.

    Contract: schedules, section 1.2 row 8.
    """
    schedule = get_schedule(tx, org, schedule_id, scope)
    job = _made(tx, schedule, admission, scope, slot_at_ms=None)
    run = {"id": tx.new_id(), "org": org, "schedule": schedule["seq"], "job_id": job["id"]}
    tx.execute(statements.ADD_RUN, {**run, "now_ms": tx.now_ms})
    counted = tx.row(statements.COUNT_RUN, {"seq": schedule["seq"], "now_ms": tx.now_ms})
    assert counted is not None, "the schedule was found in this operation"
    _announce(tx, counted, job["id"], by="manual")
    return job


def _fire(
    tx: Tx,
    schedule: ScheduleRow,
    firing: Firing,
    let_in: tuple[Admission, int],
    refusal: str | None,
) -> None:
    job_ids: list[str] = []
    failures, last_slot_ms = 0, None
    for slot in firing.slots:
        run = tx.value(
            statements.TAKE_SLOT,
            {
                "id": tx.new_id(),
                "org": schedule["org"],
                "schedule": schedule["seq"],
                "slot_at_ms": slot,
                "now_ms": tx.now_ms,
            },
        )
        if run is None:
            continue
        job_id, problem = (None, refusal) if refusal else _make_job(tx, schedule, let_in, slot)
        _end_run(tx, run, job_id, problem)
        if job_id is None:
            failures += 1
        else:
            job_ids.append(job_id)
            last_slot_ms = slot
    row = tx.row(
        statements.ADVANCE,
        {
            "seq": schedule["seq"],
            "was_next_run_at_ms": firing.was_next_run_at_ms,
            "next_run_at_ms": firing.next_run_at_ms,
            "caught_up": firing.caught_up,
            "runs": len(job_ids),
            "failures": failures,
            "last_slot_ms": last_slot_ms,
            "now_ms": tx.now_ms,
        },
    )
    assert row is not None, "nothing changes a schedule between two statements of an operation"
    for job_id in job_ids:
        _announce(tx, row, job_id, by="cron")
    announce_slot(tx, row)


def _make_job(
    tx: Tx, schedule: ScheduleRow, let_in: tuple[Admission, int], slot_at_ms: int
) -> tuple[str | None, str | None]:
    """The id of the job, or why there is none.

    The error of a refused job may be caught here, inside the operation, because such a job has
    stored nothing, not even its queue.
    """
    admission, payload_bytes_max = let_in
    try:
        check_json_size(schedule["payload_template"], payload_bytes_max, "payload_template")
        made = _made(tx, schedule, admission, ALL_QUEUES, slot_at_ms)
    except SpooledError as error:
        return None, error.message
    return made["id"], None


def _made(
    tx: Tx, schedule: ScheduleRow, admission: Admission, scope: Scope, slot_at_ms: int | None
) -> JobRow:
    """The job, the run of the task, or the job of the first step of the run of the flow.

    For each slot a task or a flow has one run that is not finished.
    """
    org, task_name, flow_name = schedule["org"], schedule["task_name"], schedule["flow_name"]
    if task_name is not None:
        return run_task(tx, org, task_name, _run(schedule, slot_at_ms), admission, scope).row
    if flow_name is not None:
        return _first_job(tx, schedule, flow_name, admission, scope, slot_at_ms)
    return enqueue(tx, org, _job(schedule), admission, scope).row


def _first_job(
    tx: Tx,
    schedule: ScheduleRow,
    flow_name: str,
    admission: Admission,
    scope: Scope,
    slot_at_ms: int | None,
) -> JobRow:
    options = RunOptions(
        input=schedule["payload_template"],
        priority=schedule["priority"],
        concurrency_key=_key_of(slot_at_ms),
    )
    run = run_flow(tx, schedule["org"], flow_name, options, admission, scope)
    found = tx.row(job_statements.BY_ID, {"id": run.steps[0].job_id, "org": schedule["org"]})
    assert found is not None, "a run goes with all its steps"
    return found


def _run(schedule: ScheduleRow, slot_at_ms: int | None) -> NewTaskRun:
    is_as_task_says = bool(schedule["is_of_task"])
    return NewTaskRun(
        input=schedule["payload_template"],
        priority=schedule["priority"],
        concurrency_key=_key_of(slot_at_ms),
        max_retries=None if is_as_task_says else schedule["max_retries"],
        timeout_ms=None if is_as_task_says else schedule["timeout_seconds"] * 1000,
    )


def _key_of(slot_at_ms: int | None) -> str | None:
    return None if slot_at_ms is None else f"schedule:{slot_at_ms / 1000:.6f}"


def _job(schedule: ScheduleRow) -> NewJob:
    payload: bytes = schedule["payload_template"]
    return NewJob(
        queue_name=schedule["queue_name"],
        payload=payload,
        priority=schedule["priority"],
        job_type=job_type_of(payload),
        max_retries=schedule["max_retries"],
        timeout_seconds=schedule["timeout_seconds"],
        tags=schedule["tags"],
    )


def _end_run(tx: Tx, run: int, job_id: str | None, problem: str | None) -> None:
    if problem is not None and len(problem) > ERROR_CHARACTERS_MAX:
        problem = problem[: ERROR_CHARACTERS_MAX - len(TRUNCATED)] + TRUNCATED
    tx.execute(
        statements.END_RUN,
        {
            "seq": run,
            "status": "failed" if job_id is None else "completed",
            "job_id": job_id,
            "error_message": problem,
            "now_ms": tx.now_ms,
        },
    )


def _announce(tx: Tx, schedule: ScheduleRow, job_id: str, *, by: str) -> None:
    facts = {"job_id": job_id, "trigger": by}
    tx.emit("schedule.triggered", schedule["org"], row=schedule, facts=facts)
