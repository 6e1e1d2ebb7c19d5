"""REST routes of dead letters. Contract: jobs, section 10 (J20-J22)."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from spooled_lite.core.jobs.dead_letters import EVER_MS, DeadLetters
from spooled_lite.core.jobs.query import list_whole_jobs
from spooled_lite.core.lifecycle.retry import Retried, retry_dead_letters
from spooled_lite.core.maintenance.remove import purge_dead_letters_pass
from spooled_lite.errors import BadRequest
from spooled_lite.times import parse_optional_ms
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.bodies import page_in_full, tracebacks_in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.job_filters import listed
from spooled_lite.wire.http.resources.job_views import dead_letter
from spooled_lite.wire.shapes.dead_letters import PurgedDeadLetters, RetriedDeadLetters
from spooled_lite.wire.shapes.job_bodies import PurgeDeadLetters, RetryDeadLetters

RETRY_MAX: Final = 100
PURGE_MAX: Final = 10_000


async def list_all(call: Call) -> Reply:
    shown = page(call)
    rows = await listed(call, shown, ["deadletter"], list_whole_jobs)
    found = await page_in_full(call.reads, rows[: shown.limit])
    tracebacks = await tracebacks_in_full(call.reads, found)
    jobs = [dead_letter(row, call.org_id, tracebacks.get(row["id"])) for row in found]
    return paged(jobs, shown, has_more=len(rows) > shown.limit)


async def retry(call: Call) -> Reply:
    body = await call.body_or_empty(RetryDeadLetters)
    wanted = DeadLetters(
        job_ids=body.job_ids,
        queue_name=_queue_name(call, body.queue_name, body.queue),
        limit=body.limit or RETRY_MAX,
    )
    retried = await _retry_in_passes(call, wanted)
    return reply(RetriedDeadLetters.of(retried.job_ids, retried.skipped))


async def purge(call: Call) -> Reply:
    body = await call.body(PurgeDeadLetters)
    if bytes(body.confirm) != b"true":
        raise BadRequest("A purge cannot be undone; send `confirm: true`")
    older_than_ms = parse_optional_ms(body.older_than, "older_than")
    wanted = DeadLetters(
        queue_name=_queue_name(call, body.queue_name, body.queue),
        created_before_ms=EVER_MS if older_than_ms is None else older_than_ms,
        limit=body.limit or PURGE_MAX,
    )
    return reply(PurgedDeadLetters(await _purge_in_passes(call, wanted)))


async def _retry_in_passes(call: Call, wanted: DeadLetters) -> Retried:
    """Each pass is a transaction of its own, so a crash in between undoes no finished pass."""
    caps = admission_of(call).caps
    job_ids: list[str] = []
    skipped: list[str] = []
    acting = _acting(call, "retry", wanted, lambda retried: len(retried.job_ids))
    while True:
        # The first pass has seen to the cap of active jobs for all of them.
        retried = await acting.write(
            retry_dead_letters, call.org, wanted, call.scope, caps, bool(job_ids)
        )
        job_ids += retried.job_ids
        skipped += retried.skipped
        if not retried.left:
            return Retried(job_ids, skipped)
        wanted = DeadLetters(job_ids=retried.left, limit=len(retried.left))


async def _purge_in_passes(call: Call, wanted: DeadLetters) -> int:
    """Each pass is a transaction of its own, so a crash in between undoes no finished pass."""
    purged_count = 0
    acting = _acting(call, "purge", wanted, lambda purged: purged.count)
    while True:
        left = msgspec.structs.replace(wanted, limit=wanted.limit - purged_count)
        purged = await acting.write(purge_dead_letters_pass, call.org, left, call.scope)
        purged_count += purged.count
        if purged.after is None:
            return purged_count


def _acting(call: Call, act: str, wanted: DeadLetters, count: Callable[[Any], int]) -> Acting:
    """With the jobs of one queue, or with some of several."""
    if wanted.queue_name is not None:
        return Acting(call, "queue", act, wanted.queue_name, count=count)
    return Acting(call, "job", act, count=count)


def _queue_name(call: Call, name: str | None, alias: str | None) -> str | None:
    """The queue an act is limited to. Raises AccessDenied when the key may not use it."""
    found = name if name is not None else alias
    if found is not None:
        call.scope.check(found)
    return found
