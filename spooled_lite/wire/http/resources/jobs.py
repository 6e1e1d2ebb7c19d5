"""REST routes of jobs. Contract: jobs, J1-J10 and J17; the worker's calls are in attempts.py."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from spooled_lite.core.jobs.choice import WaitingState
from spooled_lite.core.jobs.columns import Kind, NewJob
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue, enqueue_bulk
from spooled_lite.core.jobs.errors import key_shown
from spooled_lite.core.jobs.history import history
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.priority import set_priority
from spooled_lite.core.jobs.query import JobFilter, get_job, job_statuses, list_jobs, slow_filter
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.cancel import cancel as cancel_job
from spooled_lite.core.lifecycle.retry import retry as retry_job
from spooled_lite.core.queues.names import is_queue_name
from spooled_lite.errors import (
    AccessDenied,
    BadRequest,
    RequestTimeout,
    RuleBroken,
    SpooledError,
    WrongShape,
)
from spooled_lite.outbound.targets import Policy, check_target
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.admission import Storing, admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.kept_json import may_be_refused
from spooled_lite.wire.http.paging import Page, page, paged, time_ms
from spooled_lite.wire.http.resources.job_views import (
    full_job,
    history_row,
    job_state,
    job_summary,
    life_entry,
)
from spooled_lite.wire.shapes.job_actions import STATES
from spooled_lite.wire.shapes.job_bodies import BulkJobs, CreateJob, JobFields, SetPriority
from spooled_lite.wire.shapes.jobs import (
    BulkAnswer,
    BulkFailed,
    BulkStored,
    JobIdAndStatus,
    JobStats,
    PriorityChanged,
)

R = TypeVar("R")

SLOW_LIST_SECONDS_MAX: Final = 2.0  # of a list that no index answers
STATUS_IDS_MAX: Final = 100
TAG_CHARACTERS_MAX: Final = 1_024
HISTORY_SHOWN: Final = 100  # with a job that is asked for with its history

STATUS_ALIASES: Final = {
    **{status: status for status in STATUSES},
    "dead_letter": "deadletter",
    "dead-letter": "deadletter",
    "canceled": "cancelled",
}
_ORDERS: Final = frozenset(
    {
        "created_at",
        "updated_at",
        "scheduled_at",
        "completed_at",
        "priority",
        "status",
        "queue_name",
        "retry_count",
    }
)


async def create(call: Call) -> Reply:
    body = await call.body(CreateJob)
    if not body.idempotency_key:
        body.idempotency_key = _key_of_header(call)
    job = await call.off_loop(new_job, call, body)
    call.scope.check(job.queue_name)
    call.notes.queue, call.notes.jobs = job.queue_name, 1
    stored = await call.write(enqueue, call.org, job, admission_of(call), call.scope)
    row = stored.row if stored.created else await in_full(call.reads, stored.row)
    view = full_job(row, call.org_id)
    view.created = stored.created
    return reply(view, 201 if stored.created else 200)


async def create_bulk(call: Call) -> Reply:
    body = await call.body(BulkJobs)
    items = body.items()
    shared = body.shared_queue()
    if shared is not None:
        call.scope.check(shared)
    jobs, failed = await call.off_loop(_bulk_items, call, body, items, shared)
    call.notes.queue, call.notes.jobs = shared, len(jobs)
    outcomes = await call.write(
        enqueue_bulk, call.org, [job for _, job in jobs], admission_of(call), call.scope
    )
    return reply(_bulk_answer([index for index, _ in jobs], outcomes, failed))


async def list_all(call: Call) -> Reply:
    shown = page(call)
    rows = await listed(call, shown, _statuses(call.query.get("status")), list_jobs)
    is_detailed = any(call.query.get(name) for name in ("worker_id", "state"))
    return paged([job_summary(row, call.org_id, is_detailed=is_detailed) for row in rows], shown)


async def get(call: Call) -> Reply:
    job_id = call.path("id")
    row = await call.reads.point(get_job, call.org, job_id, call.scope)
    view = full_job(await in_full(call.reads, row), call.org_id)
    if "history" in (each.strip() for each in call.query.get("include", "").split(",")):
        steps = await call.reads.read(
            history,
            call.org,
            job_id,
            call.scope,
            direction="asc",
            limit=HISTORY_SHOWN,
            offset=0,
        )
        view.history = [life_entry(step, job_id) for step in steps]
    return reply(view)


async def stats(call: Call) -> Reply:
    queue_name = call.query.get("queue_name") or call.query.get("queue")
    found = await call.reads.read(job_stats, call.org, call.scope, queue_name)
    return reply(JobStats(**found))


async def statuses(call: Call) -> Reply:
    given = call.query.get("ids")
    if given is None:
        raise BadRequest("Query parameter `ids` is required")
    job_ids = [part for each in given.split(",") if (part := each.strip())]
    if len(job_ids) > STATUS_IDS_MAX:
        raise BadRequest(f"Query parameter `ids` may name at most {STATUS_IDS_MAX} jobs")
    rows = await call.reads.read(job_statuses, call.org, job_ids, call.scope)
    return reply([job_state(row) for row in rows])


async def delete(call: Call) -> Reply:
    await Acting(call, "job", "cancel", call.path("id")).write(
        cancel_job, call.org, call.path("id"), call.scope
    )
    return NO_CONTENT


async def cancel(call: Call) -> Reply:
    row = await Acting(call, "job", "cancel", call.path("id")).write(
        cancel_job, call.org, call.path("id"), call.scope
    )
    return reply(full_job(await in_full(call.reads, row), call.org_id))


async def retry(call: Call) -> Reply:
    caps = admission_of(call).caps
    row = await Acting(call, "job", "retry", call.path("id")).write(
        retry_job, call.org, call.path("id"), call.scope, caps
    )
    return reply(full_job(await in_full(call.reads, row), call.org_id))


async def priority(call: Call) -> Reply:
    body = await call.body(SetPriority)
    before, row = await Acting(call, "job", "priority", call.path("id")).write(
        set_priority, call.org, call.path("id"), body.priority, call.scope
    )
    return reply(PriorityChanged(row["id"], before, row["priority"]))


async def history_of(call: Call) -> Reply:
    shown = page(call, default=100, max=500)
    direction: Literal["asc", "desc"] = (
        "desc" if call.query.get("order_dir", "").lower() == "desc" else "asc"
    )
    job_id = call.path("id")
    rows = await call.reads.read(
        history,
        call.org,
        job_id,
        call.scope,
        direction=direction,
        limit=shown.fetch,
        offset=shown.offset,
    )
    return paged([history_row(row, job_id) for row in rows], shown)


async def listed(
    call: Call,
    shown: Page,
    statuses: Sequence[str] | None,
    find: Callable[[Reading, int, JobFilter, Scope], list[R]],
) -> list[R]:
    """A page of jobs by the query of J2. A list that no index answers has two seconds."""
    return await read_jobs(call, filter_of(call, shown, statuses), find)


async def read_jobs(
    call: Call, wanted: JobFilter, find: Callable[[Reading, int, JobFilter, Scope], list[R]]
) -> list[R]:
    """Raises RequestTimeout: the list was slow; it names the filter that made it so."""
    slow = slow_filter(wanted)
    if slow is None:
        return await call.reads.read(find, call.org, wanted, call.scope)
    try:
        return await call.reads.read_within(
            SLOW_LIST_SECONDS_MAX, find, call.org, wanted, call.scope
        )
    except RequestTimeout:
        raise RequestTimeout(
            f"The filter `{slow}` took longer than {SLOW_LIST_SECONDS_MAX:g} seconds;"
            " narrow the list by queue, status or time"
        ) from None


def filter_of(call: Call, shown: Page, statuses: Sequence[str] | None) -> JobFilter:
    query = call.query
    queue_name = query.get("queue_name") or query.get("queue")
    tag = query.get("tag") or None
    if tag is not None and len(tag) > TAG_CHARACTERS_MAX:
        raise BadRequest(f"Query parameter `tag` is longer than {TAG_CHARACTERS_MAX} characters")
    order_by = query.get("order_by", "")
    return JobFilter(
        queue_name=queue_name if queue_name and is_queue_name(queue_name) else None,
        statuses=statuses,
        text=query.get("q") or None,
        job_type=query.get("job_type") or None,
        kind=_kind(query.get("kind")),
        task_name=query.get("task_name") or None,
        created_after_ms=time_ms(call, "created_after"),
        created_before_ms=time_ms(call, "created_before"),
        tag=tag,
        workflow_id=query.get("workflow_id") or None,
        worker_id=query.get("worker_id") or None,
        state=_state(query.get("state")),
        error_key=_error_key(query.get("error_key")),
        order_by=order_by if order_by in _ORDERS else "created_at",
        descending=query.get("order_dir", "").lower() != "asc",
        rows_max=shown.fetch,
        offset=shown.offset,
    )


def _statuses(given: str | None) -> Sequence[str] | None:
    """Unknown names are dropped; if none remain there is no filter (contract: J2)."""
    names = [STATUS_ALIASES.get(each.strip().lower()) for each in (given or "").split(",")]
    known = list(dict.fromkeys(name for name in names if name is not None))
    return known or None


def _state(given: str | None) -> WaitingState | None:
    """Raises BadRequest for an unknown one."""
    for state in STATES:
        if given == state:
            return state
    if given:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(STATES)}")
    return None


def _kind(given: str | None) -> Kind | None:
    """Raises BadRequest for an unknown one."""
    for kind in RULES:
        if given == kind:
            return kind
    if given:
        raise BadRequest(f"Query parameter `kind` must be one of: {', '.join(RULES)}")
    return None


def _error_key(given: str | None) -> int | None:
    """Raises BadRequest: no error is shown so."""
    if not given:
        return None
    key = key_shown(given)
    if key is None:
        raise BadRequest("Query parameter `error_key` must have 16 hexadecimal digits")
    return key


def _key_of_header(call: Call) -> str | None:
    key = call.header("idempotency-key")
    if key is not None and len(key) > 255:
        raise RuleBroken.of(
            "idempotency_key", "Header `Idempotency-Key` is longer than 255 characters", "length"
        )
    return key or None


def _check_webhook(call: Storing, url: str | None, field: str) -> None:
    """In production the address is looked at before the job is stored (contract: J1)."""
    settings = call.settings
    if url is not None and settings.environment == "production":
        check_target(url, Policy.of(settings), field=field)


def new_job(call: Storing, body: CreateJob) -> NewJob:
    """What core is to store. Raises: as `check_payload_of_plan`, `JobFields.new_job` and
    `check_target`."""
    check_payload_of_plan(call, bytes(body.payload))
    job = body.new_job(payload_bytes_max=call.settings.queue_max_payload_size_bytes)
    _check_webhook(call, job.completion_webhook, "completion_webhook")
    return job


def _bulk_items(
    call: Call, body: BulkJobs, items: Sequence[bytes], shared: str | None
) -> tuple[list[tuple[int, NewJob]], list[BulkFailed]]:
    """The jobs that may be stored, and what is wrong with the others; each with its place."""
    jobs: list[tuple[int, NewJob]] = []
    failed: list[BulkFailed] = []
    is_plain = not may_be_refused(b"\n".join(items))  # one look is cheaper than a hundred
    for index, item in enumerate(items):
        try:
            job = _bulk_item(call, body, shared, item, index, is_plain=is_plain)
            jobs.append((index, job))
        except (WrongShape, AccessDenied):
            raise  # these are about the call as a whole
        except SpooledError as error:
            failed.append(BulkFailed(index, error.message))
    return jobs, failed


def _bulk_item(
    call: Call, body: BulkJobs, shared: str | None, raw: bytes, index: int, *, is_plain: bool
) -> NewJob:
    at = f"jobs[{index}]"
    item = decode(JobFields, raw, at=at, is_plain=is_plain)
    # Before the other rules of the item: one queue outside the scope refuses the whole call.
    named = item.queue if item.queue_name is None else item.queue_name
    if named is not None:
        call.scope.check(named)
    check_payload_of_plan(call, bytes(item.payload), f"{at}.payload")
    job = item.new_job(
        payload_bytes_max=call.settings.queue_max_payload_size_bytes,
        at=f"{at}.",
        queue_name=shared,
        priority=body.default_priority or 0,
        max_retries=body.default_max_retries,
        timeout_seconds=body.default_timeout_seconds,
    )
    _check_webhook(call, job.completion_webhook, f"{at}.completion_webhook")
    return job


def _bulk_answer(
    indexes: Sequence[int],
    outcomes: Sequence[Enqueued | RuleBroken],
    failed: list[BulkFailed],
) -> BulkAnswer:
    succeeded: list[BulkStored] = []
    jobs: list[JobIdAndStatus] = []
    for index, outcome in zip(indexes, outcomes, strict=True):
        if isinstance(outcome, RuleBroken):
            failed.append(BulkFailed(index, _named(outcome, index)))
            continue
        row = outcome.row
        succeeded.append(BulkStored(index, row["id"], outcome.created))
        jobs.append(JobIdAndStatus(row["id"], row["status"]))
    return BulkAnswer(
        succeeded=succeeded,
        failed=sorted(failed, key=lambda each: each.index),
        total=len(succeeded) + len(failed),
        success_count=len(succeeded),
        failure_count=len(failed),
        created=sum(1 for each in succeeded if each.created),
        jobs=jobs,
    )


def _named(error: RuleBroken, index: int) -> str:
    """The message of core about a field of a job, with the name of the item's field."""
    message = error.message
    for problem in error.details:
        message = message.replace(f"`{problem.field}`", f"`jobs[{index}].{problem.field}`")
    return message
