"""REST routes for workers: claim, complete, fail, renew, report progress.

The same acts over gRPC are in wire/grpc/acts.py. Contract: jobs, J11-J16 and J23.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle import renew as leases
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.core.lifecycle.end_run import RunEnded
from spooled_lite.core.lifecycle.settle import Failed, release_rest
from spooled_lite.core.steps.given import GivenToWorker
from spooled_lite.times import format_ms
from spooled_lite.wire.given import given_to_workers
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.claiming import (
    chosen_lease,
    claimed,
    claimer_of,
    handler_claim,
    lease_ms_of,
)
from spooled_lite.wire.http.resources.job_views import claimed_job, full_job
from spooled_lite.wire.http.resources.step_views import add_step, says_all
from spooled_lite.wire.http.resources.then import settled_with
from spooled_lite.wire.http.settling import add_run, completion, failure, whole_seconds
from spooled_lite.wire.shapes.attempts import AttemptCompleted, AttemptFailed, LeaseRenewed
from spooled_lite.wire.shapes.claim_bodies import ClaimJobs, DequeueJob
from spooled_lite.wire.shapes.common import Success
from spooled_lite.wire.shapes.job_bodies import Complete, Fail, Progress, Renew
from spooled_lite.wire.shapes.jobs import ClaimedJobs
from spooled_lite.wire.waiting.claims import AnyClaim, Left, give_back, handed

DEQUEUE_LEASE_SECONDS: Final = 300

SUCCESS: Final = reply(Success())


async def claim(call: Call) -> Reply:
    body = await call.body(ClaimJobs)
    rows = await _claim(
        call,
        body,
        limit=body.limit or 1,
        lease_seconds=call.settings.worker_lease_duration_secs,
    )
    given = await _given(call, rows, copies=1 if body.raw else 2)
    jobs = [claimed_job(row) for row in (rows[: len(given)] if given else rows)]
    for job, row, each in zip(jobs, rows, given, strict=False):
        add_step(job, row, each)
        if body.raw and says_all(each, row):
            job.payload = UNSET
    return reply(ClaimedJobs(jobs))


async def dequeue(call: Call) -> Reply:
    body = await call.body(DequeueJob)
    rows = await _claim(call, body, limit=1, lease_seconds=DEQUEUE_LEASE_SECONDS)
    if not rows:
        return reply(None)
    view = full_job(rows[0], call.org_id)
    view.leased_until = view.lease_expires_at
    for each in await _given(call, rows, copies=2):
        add_step(view, rows[0], each)
    return reply(view)


async def complete(call: Call) -> Reply:
    body = await call.body_or_empty(Complete)
    operation, arguments = completion(call, call.path("id"), body)
    call.notes.jobs = 1
    answer = AttemptCompleted()
    if body.then is not None:
        settled, answer.then = await settled_with(call, (operation, arguments), body.then)
    else:
        settled = await call.write(operation, *arguments)
        if settled is None:
            return SUCCESS
    if isinstance(settled, RunEnded):
        add_run(answer, body, settled)
    return reply(answer)


async def fail(call: Call) -> Reply:
    body = await call.body(Fail)
    call.notes.jobs = 1
    operation, arguments = failure(call, call.path("id"), body)
    told: list[Any] | UnsetType = UNSET
    failed: Failed
    if body.then is not None:
        failed, told = await settled_with(call, (operation, arguments), body.then)
    else:
        failed = await call.write(operation, *arguments)
    return reply(
        AttemptFailed(
            will_retry=failed.will_retry,
            next_retry_delay_secs=whole_seconds(failed),
            status=failed.status,
            then=told,
        )
    )


async def renew(call: Call) -> Reply:
    body = await call.body_or_empty(Renew)
    names = ("lease_duration_secs", "extension_secs", "extension_seconds")
    field = next((each for each in names if getattr(body, each) is not None), names[0])
    default_seconds = call.settings.worker_lease_duration_secs
    lease_ms = lease_ms_of(getattr(body, field), default_seconds, field)
    renewal = await call.write(leases.renew, call.org, call.path("id"), body, lease_ms, call.scope)
    return reply(LeaseRenewed(lease_expires_at=format_ms(leases.end_of(renewal))))


async def progress(call: Call) -> Reply:
    body = await call.body(Progress)
    await call.write(
        leases.report_progress,
        call.org,
        call.path("id"),
        body,
        body.progress,
        body.message,
        call.scope,
    )
    return SUCCESS


async def _claim(
    call: Call, body: DequeueJob, *, limit: int, lease_seconds: int
) -> Sequence[JobRow]:
    lease_ms = lease_ms_of(body.lease_duration_secs, lease_seconds)
    lease_id = None if body.lease_id is None else chosen_lease(body.lease_id)
    worker_id = body.worker_id or f"worker-{lease_id or call.request_id.decode()}"
    handlers = body.handlers() if isinstance(body, ClaimJobs) else None
    wanted: AnyClaim
    if isinstance(body, ClaimJobs) and handlers is not None:
        wanted = await handler_claim(
            call,
            body.queue_if_named(),
            handlers,
            phase=body.phase,
            worker_id=worker_id,
            limit=limit,
            lease_ms=lease_ms,
            lease_id=lease_id,
        )
    else:
        wanted = Claim(
            queue_name=body.named_queue(),
            worker_id=worker_id,
            limit=limit,
            lease_ms=lease_ms,
            lease_id=lease_id,
        )
        call.scope.check(wanted.queue_name)
    return await claimed(call, wanted, wait_ms=body.wait_ms or 0)


async def _given(
    call: Call, rows: Sequence[JobRow], *, copies: int
) -> Sequence[GivenToWorker | None]:
    """What the workers of the first of the claimed jobs are given. There is no room for the others
    in the answer, and they go back; nothing when no job is a step.
    """
    for row in rows:
        if row["workflow_id"] is not None or row["kind"] == "item":
            break
    else:
        return ()
    try:
        given = await given_to_workers(call.reads, rows, copies=copies)
    except BaseException:
        give_back(call.db, claimer_of(call), rows)
        raise
    try:
        handed(call.db, claimer_of(call), rows)  # the caller may have left during the read
    except Left:
        raise ClientGone from None
    if len(given) < len(rows):
        call.notes.jobs = len(given)
        call.db.submit(call.org, release_rest, rows[len(given) :])
    return given
