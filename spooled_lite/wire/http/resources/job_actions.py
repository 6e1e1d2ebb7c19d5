"""Acts on many jobs: count them first, then act in passes. Contract: amendments, 2 (S6)."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.choice import Choice, Until, choose, find_named, newest
from spooled_lite.core.jobs.choice_statements import ChosenRow
from spooled_lite.errors import QuotaExceeded, Unavailable, WrongShape
from spooled_lite.times import format_ms
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.resources.job_action_choice import (
    bounds_of,
    choice_of,
    cursor_of,
    numbers_of,
    text_of,
    wrong,
)
from spooled_lite.wire.http.resources.job_action_kinds import ACTS, Act
from spooled_lite.wire.shapes.job_actions import (
    ACTIONS,
    JOB_IDS_MAX,
    MATCHED_MAX,
    SAMPLE_MAX,
    ActionCounted,
    ActionDone,
    ActOnJobs,
    SampledJob,
)

COUNT_SECONDS: Final = 0.2  # of a count; then it says that there may be more
ACT_SECONDS: Final = 2.0  # of a call; then it says where to go on
_MAY_DELETE: Final = "jobs:delete"


async def act_on_many(call: Call) -> Reply:
    body = await call.body(ActOnJobs)
    act = _act_of(call, body)
    if body.job_ids is not None:
        return await _on_named(call, body, act, body.job_ids)
    choice = choice_of(call, body, act)
    if body.dry_run:
        return reply(await _counted(call, choice, act))
    return reply(await _done(call, body, choice, act))


# -- what is asked for ---------------------------------------------------------------------------


def _act_of(call: Call, body: ActOnJobs) -> Act:
    act = ACTS.get(body.action)
    if act is None:
        raise wrong("action", f"must be one of: {', '.join(ACTIONS)}")
    if body.action == "set_priority" and body.priority is None:
        raise WrongShape.missing("priority")
    if body.action == "delete" and call.settings.enforce_key_permissions:
        assert call.caller is not None, "the route requires a caller"
        call.caller.check_may(_MAY_DELETE)
    if body.job_ids is not None and (body.filter is not None or body.all):
        raise wrong("job_ids", "cannot be combined with `filter` or `all`")
    if body.job_ids is not None and len(body.job_ids) > JOB_IDS_MAX:
        raise wrong("job_ids", f"may name at most {JOB_IDS_MAX} jobs")
    return act


# -- counting ------------------------------------------------------------------------------------


async def _counted(call: Call, choice: Choice, act: Act) -> ActionCounted:
    loop = asyncio.get_running_loop()
    until_seconds = loop.time() + COUNT_SECONDS
    until = await call.reads.read(newest, call.org, call.scope)
    found: list[ChosenRow] = []
    after, is_through = None, not choice.statuses
    while not is_through and len(found) <= MATCHED_MAX and loop.time() < until_seconds:
        window = await call.reads.read(
            choose, call.org, choice, call.scope, until, after, rows_max=MATCHED_MAX + 1
        )
        found += window.rows
        after, is_through = window.after, window.after is None
    is_exact = is_through and len(found) <= MATCHED_MAX
    return _count_of(found[:MATCHED_MAX], act, until, is_exact=is_exact)


def _count_of(
    found: Sequence[ChosenRow], act: Act, until: Until, *, is_exact: bool
) -> ActionCounted:
    eligible = [row for row in found if act.why_not(row) is None]
    return ActionCounted(
        matched=len(found),
        is_exact=is_exact,
        eligible=len(eligible),
        by_queue=dict(Counter(row["queue_name"] for row in eligible).most_common()),
        by_type=dict(Counter(row["job_type"] for row in eligible).most_common()),
        oldest_at=(format_ms(min(row["created_at_ms"] for row in eligible)) if eligible else None),
        sample=[
            SampledJob(
                row["id"],
                row["queue_name"],
                row["job_type"],
                row["status"],
                format_ms(row["created_at_ms"]),
            )
            for row in eligible[:SAMPLE_MAX]
        ],
        until=text_of(until),
    )


# -- acting --------------------------------------------------------------------------------------


async def _done(call: Call, body: ActOnJobs, choice: Choice, act: Act) -> ActionDone:
    acting = _acting(call, body, act)
    loop = asyncio.get_running_loop()
    until_seconds = loop.time() + ACT_SECONDS
    began, until = await bounds_of(call, body, choice)
    after = began
    done, skipped = 0, Counter[str]()
    is_through = not choice.statuses
    # At least one window, so that each further call gets on.
    while not is_through and (after == began or loop.time() < until_seconds):
        window = await call.reads.read(
            choose, call.org, choice, call.scope, until, after, rows_max=act.rows_max
        )
        try:
            some, others = await _one_pass(acting, act, window.rows, body.priority or 0)
        except (QuotaExceeded, Unavailable):
            if not done:
                raise
            break  # answer with what was done; a call that goes on gets the error
        done, skipped = done + some, skipped + others
        after, is_through = window.after, window.after is None
    cursor = None if is_through else cursor_of(after, until)
    return ActionDone(done=done, skipped=dict(skipped), cursor=cursor)


async def _on_named(call: Call, body: ActOnJobs, act: Act, job_ids: Sequence[str]) -> Reply:
    named = list(dict.fromkeys(job_ids))
    if body.dry_run:
        rows = await call.reads.read(find_named, call.org, named, call.scope)
        until = await call.reads.read(newest, call.org, call.scope)
        return reply(_count_of(rows, act, until, is_exact=True))
    acting = _acting(call, body, act)
    loop = asyncio.get_running_loop()
    until_seconds = loop.time() + ACT_SECONDS
    begin = 0 if body.cursor is None else numbers_of(body.cursor, "cursor", 1)[0]
    if begin not in range(len(named) + 1):
        raise wrong("cursor", "is not one of a call with these jobs")
    done, skipped = 0, Counter[str]()
    while begin < len(named) and (loop.time() < until_seconds or not done):
        some = named[begin : begin + act.rows_max]
        rows = await call.reads.read(find_named, call.org, some, call.scope)
        try:
            count, others = await _one_pass(acting, act, rows, body.priority or 0)
        except (QuotaExceeded, Unavailable):
            if not done:
                raise
            break
        if len(rows) < len(some):
            others["not_found"] += len(some) - len(rows)
        done, skipped, begin = done + count, skipped + others, begin + len(some)
    cursor = str(begin) if begin < len(named) else None
    return reply(ActionDone(done=done, skipped=dict(skipped), cursor=cursor))


def _acting(call: Call, body: ActOnJobs, act: Act) -> Acting:
    """With one job, with those of one queue, or with some of several."""
    queue_name = None if body.filter is None else body.filter.queue_name
    if queue_name is not None:
        return Acting(call, "queue", body.action, queue_name, count=act.count)
    named = body.job_ids or ()
    return Acting(call, "job", body.action, named[0] if len(named) == 1 else "", count=act.count)


async def _one_pass(
    acting: Acting, act: Act, rows: Sequence[ChosenRow], priority: int
) -> tuple[int, Counter[str]]:
    """Act on one pass of jobs; returns how many changed, and why the others did not."""
    reasons = [(row, act.why_not(row)) for row in rows]
    skipped = Counter(why for _, why in reasons if why is not None)
    job_ids = [row["id"] for row, why in reasons if why is None]
    if not job_ids:
        return 0, skipped
    done, others = await act.run(acting, job_ids, priority)
    skipped += others
    if changed := len(job_ids) - done - sum(others.values()):
        skipped["changed"] += changed
    return done, skipped
