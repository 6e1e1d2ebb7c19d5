"""REST routes for workers that hold many jobs: renew many leases, settle many jobs.

Contract: amendments, G3 and G4.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.lifecycle import renew as leases
from spooled_lite.core.lifecycle import settle
from spooled_lite.core.lifecycle.end_run import (
    RunEnded,
    complete_and_cancel_run,
    complete_with_run,
)
from spooled_lite.core.lifecycle.settle import Failed
from spooled_lite.errors import SpooledError
from spooled_lite.storage.transaction import PreparedStep, together
from spooled_lite.times import format_ms
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.body import ClientGone, decode
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.claiming import lease_ms_of
from spooled_lite.wire.http.resources.then import settled_with
from spooled_lite.wire.http.settling import add_run, completion, failure, whole_seconds
from spooled_lite.wire.shapes.job_bodies import Complete
from spooled_lite.wire.shapes.many_attempts import (
    HeldLease,
    JobsSettled,
    LeasesRenewed,
    NamedJob,
    RenewedLease,
    RenewLeases,
    SettledJob,
    SettleJob,
    SettleJobs,
)
from spooled_lite.wire.waiting.stops import StopWatch

# Renewals in one transaction. A row is written again whole, up to 70 KB with its headers and tags:
# these take 20 ms at most.
RENEWED_AT_ONCE: Final = 50

# Failures in one transaction. A job that follows one has a copy of the payload: up to 5 MB. A run
# that ends may close some thousand steps and items.
FAILED_AT_ONCE: Final = 10
_COSTLY: Final = (settle.fail, complete_with_run, complete_and_cancel_run)


async def renew_many(call: Call) -> Reply:
    body = await call.body(RenewLeases)
    lease_ms = lease_ms_of(body.lease_duration_secs, call.settings.worker_lease_duration_secs)
    call.notes.jobs = len(body.leases)
    if not body.wait_ms or not body.leases:
        return reply(LeasesRenewed(await _renewed(call, body, body.leases, lease_ms)))
    call.allow_seconds(body.wait_ms / 1000)
    # From before the renewals on: what is told to stop meanwhile wakes it.
    with call.services.stops.watch(call.org, [each.id for each in body.leases]) as watch:
        results = await _renewed(call, body, body.leases, lease_ms)
        if all(each.success for each in results):
            await _until_stopped(call, body, lease_ms, watch, results)
    return reply(LeasesRenewed(results))


async def _renewed(
    call: Call, body: RenewLeases, held: Sequence[HeldLease], lease_ms: int
) -> list[RenewedLease]:
    results: list[RenewedLease] = []
    for first in range(0, len(held), RENEWED_AT_ONCE):
        some = held[first : first + RENEWED_AT_ONCE]
        steps: list[PreparedStep] = [
            (
                leases.renew,
                (
                    call.org,
                    each.id,
                    Claimant(worker_id=body.worker_id, lease_id=each.lease_id),
                    lease_ms,
                    call.scope,
                ),
            )
            for each in some
        ]
        renewals = await call.write(together, steps)
        results += map(_told_of_renewal, some, renewals)
    return results


async def _until_stopped(
    call: Call, body: RenewLeases, lease_ms: int, watch: StopWatch, results: list[RenewedLease]
) -> None:
    """Wait until one of the jobs is told to stop, and put what it is told into the results.

    Raises:
        ClientGone: the caller has left.
        Unauthorized, AccessDenied: the caller has lost its rights.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + (body.wait_ms or 0) / 1000
    leaving = asyncio.create_task(call.until_gone(), name="until-gone")
    try:
        while all(each.success for each in results) and not call.services.state.is_stopping:
            await asyncio.wait(
                {watch.hint.woken, leaving},
                timeout=until - loop.time(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if leaving.done():
                raise ClientGone
            if loop.time() >= until and not watch.told:
                return
            told = watch.take()
            await call.admit_again()
            places = [place for place, each in enumerate(body.leases) if each.id in told]
            again = [body.leases[place] for place in places]
            for place, result in zip(
                places, await _renewed(call, body, again, lease_ms), strict=True
            ):
                results[place] = result
    finally:
        leaving.cancel()


def _told_of_renewal(held: HeldLease, renewal: int | Exception) -> RenewedLease:
    if isinstance(renewal, Exception):
        return RenewedLease(id=held.id, success=False, error=_as_refused(renewal))
    return RenewedLease(id=held.id, success=True, lease_expires_at=format_ms(renewal))


async def settle_many(call: Call) -> Reply:
    """Those without `then` together, and after them each other one in an operation of its own."""
    body = await call.body(SettleJobs)
    items = body.items()
    call.notes.jobs = len(items)
    prepared = await call.off_loop(_prepared, call, items)
    steps = [each.step for each in prepared if each.step is not None and each.then is None]
    plain = iter(await _settled_together(call, steps))
    outcomes: list[SettledJob] = []
    for place, each in enumerate(prepared):
        if each.step is None:
            outcomes.append(_told_of_settling(each, each.error))
        elif each.then is None:
            outcomes.append(_told_of_settling(each, next(plain)))
        else:
            outcomes.append(await _settled_with(call, each, f"jobs[{place}]"))
    return reply(JobsSettled(outcomes))


async def _settled_together(call: Call, steps: Sequence[PreparedStep]) -> list[Any]:
    """In as few operations as may be, each with few failures."""
    groups: list[list[PreparedStep]] = [[]]
    failures = 0
    for step in steps:
        if step[0] in _COSTLY:
            if failures == FAILED_AT_ONCE:
                groups.append([])
                failures = 0
            failures += 1
        groups[-1].append(step)
    writes = [call.write(together, group) for group in groups if group]
    return [outcome for outcomes in await asyncio.gather(*writes) for outcome in outcomes]


class _Settling(Struct, frozen=True):
    """What is to be done about one job, and with it; or what is wrong with the item."""

    job_id: str | None
    step: PreparedStep | None = None
    then: Sequence[Raw] | None = None
    completed: Complete | None = None  # unless it has failed
    error: SpooledError | None = None


def _prepared(call: Call, items: Sequence[bytes]) -> list[_Settling]:
    return [_prepare(call, item, f"jobs[{index}]") for index, item in enumerate(items)]


def _prepare(call: Call, item: bytes, place: str) -> _Settling:
    job_id = None
    try:
        job_id = decode(NamedJob, item, at=place).id
        body = decode(SettleJob, item, at=place)
    except SpooledError as error:
        return _Settling(job_id, error=error)
    try:
        if body.has_failed:
            return _Settling(job_id, failure(call, job_id, body), body.then)
        answer = Complete(
            worker_id=body.worker_id,
            lease_id=body.lease_id,
            result=body.result,
            complete_workflow=body.complete_workflow,
            cancel_run=body.cancel_run,
        )
        return _Settling(job_id, completion(call, job_id, answer), body.then, answer)
    except SpooledError as error:
        return _Settling(job_id, error=error.placed(place))


async def _settled_with(call: Call, settling: _Settling, place: str) -> SettledJob:
    assert settling.step is not None
    assert settling.then is not None
    try:
        outcome, told = await settled_with(call, settling.step, settling.then, f"{place}.then")
    except SpooledError as error:
        return _told_of_settling(settling, error)
    settled = _told_of_settling(settling, outcome)
    settled.then = told
    return settled


def _told_of_settling(
    settling: _Settling, outcome: Failed | RunEnded | Exception | None
) -> SettledJob:
    job_id = settling.job_id
    if isinstance(outcome, RunEnded):
        assert settling.completed is not None, "a failure ends no run by itself"
        settled = SettledJob(id=job_id, success=True, status=outcome.job_status or "completed")
        add_run(settled, settling.completed, outcome)
        return settled
    if isinstance(outcome, Exception):
        return SettledJob(id=job_id, success=False, error=_as_refused(outcome))
    if outcome is None:
        return SettledJob(id=job_id, success=True, status="completed")
    return SettledJob(
        id=job_id,
        success=True,
        status=outcome.status,
        will_retry=outcome.will_retry,
        next_retry_delay_secs=whole_seconds(outcome),
    )


def _as_refused(error: Exception) -> dict[str, Any]:
    assert isinstance(error, SpooledError), "the storage answers with nothing else"
    return envelope(error)
