"""REST routes that store jobs, one or many. Contract: jobs, J1 and J8."""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import Enqueued, enqueue, enqueue_bulk
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.errors import AccessDenied, RuleBroken, SpooledError, WrongShape
from spooled_lite.outbound.targets import Policy, check_target
from spooled_lite.wire.admission import Storing, admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.kept_json import may_be_refused
from spooled_lite.wire.http.once import REPLAYED, Once, key_of_header
from spooled_lite.wire.http.resources.job_views import full_job
from spooled_lite.wire.shapes.job_bodies import BulkJobs, CreateJob, JobFields
from spooled_lite.wire.shapes.jobs import BulkAnswer, BulkFailed, BulkStored, JobIdAndStatus

StoredItems: TypeAlias = list[Enqueued | RuleBroken]


async def create(call: Call) -> Reply:
    body = await call.body(CreateJob)
    names_no_key = not body.idempotency_key
    if names_no_key:
        body.idempotency_key = key_of_header(call)
    job = await call.off_loop(new_job, call, body)
    call.scope.check(job.queue_name)
    check_on_fail(call, job, body)
    call.notes.queue, call.notes.jobs = job.queue_name, 1
    stored = await call.write(enqueue, call.org, job, admission_of(call), call.scope)
    row = stored.row if stored.created else await in_full(call.reads, stored.row)
    view = full_job(row, call.org_id)
    view.created = stored.created
    if stored.created:
        return reply(view, 201)
    return reply(view, 200, (REPLAYED,) if names_no_key else ())


async def create_bulk(call: Call) -> Reply:
    body = await call.body(BulkJobs)
    items = body.items()
    shared = body.shared_queue()
    if shared is not None:
        call.scope.check(shared)
    jobs, failed = await call.off_loop(_bulk_items, call, body, items, shared)
    call.notes.queue, call.notes.jobs = shared, len(jobs)
    indexes = [index for index, _ in jobs]
    answer = partial(_bulk_answer, indexes, failed)
    return await Once[StoredItems](call, answer).write(
        enqueue_bulk, call.org, [job for _, job in jobs], admission_of(call), call.scope
    )


def _check_webhook(call: Storing, url: str | None, field: str) -> None:
    """In production the address is looked at before the job is stored (contract: J1)."""
    settings = call.settings
    if url is not None and settings.environment == "production":
        check_target(url, Policy.of(settings), field=field)


def check_on_fail(call: Call, job: NewJob, body: JobFields) -> None:
    """Raises AccessDenied: the key may store no job where the one that follows would go."""
    if body.on_fail is not None:
        call.scope.check(body.on_fail.queue_name or on_fail_queue(job.queue_name))


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
    check_on_fail(call, job, item)
    return job


def _bulk_answer(
    indexes: Sequence[int], failed_before: Sequence[BulkFailed], outcomes: StoredItems
) -> Reply:
    failed = list(failed_before)
    succeeded: list[BulkStored] = []
    jobs: list[JobIdAndStatus] = []
    for index, outcome in zip(indexes, outcomes, strict=True):
        if isinstance(outcome, RuleBroken):
            failed.append(BulkFailed(index, _named(outcome, index)))
            continue
        row = outcome.row
        succeeded.append(BulkStored(index, row["id"], outcome.created))
        jobs.append(JobIdAndStatus(row["id"], row["status"]))
    answer = BulkAnswer(
        succeeded=succeeded,
        failed=sorted(failed, key=lambda each: each.index),
        total=len(succeeded) + len(failed),
        success_count=len(succeeded),
        failure_count=len(failed),
        created=sum(1 for each in succeeded if each.created),
        jobs=jobs,
    )
    return reply(answer)


def _named(error: RuleBroken, index: int) -> str:
    """The message of core about a field of a job, with the name of the item's field."""
    message = error.message
    for problem in error.details:
        message = message.replace(f"`{problem.field}`", f"`jobs[{index}].{problem.field}`")
    return message
