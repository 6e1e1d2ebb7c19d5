"""Claims over HTTP: hand out jobs or messages now, or wait for them, with their payloads."""

import re
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.flows.handlers import queues_of_steps
from spooled_lite.core.jobs.bodies import is_whole
from spooled_lite.core.jobs.columns import JobRow, StepPhase
from spooled_lite.core.jobs.records import LEASE_SECONDS_MAX, LEASE_SECONDS_MIN
from spooled_lite.core.lifecycle.handlers import NO_QUEUE, HandlerClaim, HandlerPlace
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent
from spooled_lite.core.tasks.query import queues_of_tasks
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.bodies import claimed_in_full
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.shapes.claim_bodies import NamedHandlers
from spooled_lite.wire.waiting.claims import (
    AnyClaim,
    Claimer,
    Left,
    claim_now,
    claim_or_wait,
    give_back,
    handed,
)

_UUID: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


async def claimed(call: Call, wanted: AnyClaim, *, wait_ms: int) -> Sequence[JobRow]:
    """What the claim was handed, whole; nothing when there is nothing within `wait_ms`, and at once
    when it is made again and holds nothing any more.

    Raises ClientGone: the caller left, and what it was handed has gone back to its queue.
    """
    call.notes.queue = wanted.queue_name
    try:
        if not wait_ms:
            return await _whole(call, await claim_now(call.db, claimer_of(call), wanted))
        call.allow_seconds(wait_ms / 1000)
        rows = await claim_or_wait(
            call.db, call.services.waiting, claimer_of(call), wanted, wait_ms=wait_ms
        )
        return await _whole(call, rows)
    except Left:
        raise ClientGone from None
    except LeaseIdSpent:
        return ()


async def handler_claim(
    call: Call,
    queue_name: str | None,
    handlers: NamedHandlers,
    *,
    phase: StepPhase | None,
    worker_id: str,
    limit: int,
    lease_ms: int,
    lease_id: str | None,
) -> HandlerClaim:
    """A claim for handlers, in one queue or in all that the key may use.

    It waits where work for them is made. Raises AccessDenied: the queue is outside the scope.
    """
    tasks, steps = handlers.task_names, handlers.steps
    named = [*tasks, *(step.handler for step in steps)]
    if queue_name is not None:
        call.scope.check(queue_name)
        queues: list[tuple[str, ...]] = [(queue_name,)] * len(named)
    else:
        queues = []
        if tasks:
            found = await call.reads.read(queues_of_tasks, call.org, tasks)
            queues += [(each,) for each in found]
        if steps:
            queues += await call.reads.read(queues_of_steps, call.org, steps)
    places = [
        HandlerPlace(queue, handler)
        for those, handler in zip(queues, named, strict=True)
        for queue in those
        if call.scope.allows(queue)
    ]
    return HandlerClaim(
        queue_name=queue_name,
        task_names=tasks,
        steps=steps,
        phase=phase,
        places=places or [HandlerPlace(NO_QUEUE, "")],
        worker_id=worker_id,
        limit=limit,
        lease_ms=lease_ms,
        lease_id=lease_id,
    )


def chosen_lease(given: str) -> str:
    """The id a caller has chosen for its lease, in lower case. Raises RuleBroken: it is no UUID."""
    if _UUID.fullmatch(given) is None:
        raise RuleBroken.of("lease_id", "Field `lease_id` must be a UUID", "format")
    return given.lower()


def claimer_of(call: Call) -> Claimer:
    caller = call.caller
    assert caller is not None, "a claim is authenticated"
    token_id = None if caller.token is None else caller.token.jti
    return Claimer(
        call.org,
        caller.key,
        caller.secret_id,
        call.is_gone,
        call.until_gone,
        token_id,
    )


async def _whole(call: Call, rows: Sequence[JobRow]) -> Sequence[JobRow]:
    """The claimed jobs with their payloads. Raises Left: its caller left while they were read."""
    call.notes.jobs = len(rows)
    if all(map(is_whole, rows)):
        return rows
    caller = claimer_of(call)
    try:
        found = await claimed_in_full(call, rows)
    except BaseException:
        give_back(call.db, caller, rows)
        raise
    return handed(call.db, caller, found)


def lease_ms_of(
    seconds: int | None, default_seconds: int, field: str = "lease_duration_secs"
) -> int:
    """Raises RuleBroken below the least lease; 0 and nothing are the default."""
    if not seconds:
        return default_seconds * 1000
    if seconds < LEASE_SECONDS_MIN:
        raise RuleBroken.of(
            field,
            f"Field `{field}` must be between {LEASE_SECONDS_MIN} and {LEASE_SECONDS_MAX}",
            "range",
        )
    return seconds * 1000
