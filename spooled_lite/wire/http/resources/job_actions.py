"""Acts on many jobs: count them first, then act in passes. Contract: amendments, 2 (S6)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from spooled_lite.core.jobs.choice import (
    Choice,
    Until,
    WaitingState,
    WindowEnd,
    choose,
    find_named,
    newest,
)
from spooled_lite.core.jobs.choice_statements import ChosenRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.errors import key_shown
from spooled_lite.core.jobs.priority import set_priorities
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.lifecycle.cancel import cancel_several
from spooled_lite.core.lifecycle.promote import run_now
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.maintenance.remove import remove_finished
from spooled_lite.errors import QuotaExceeded, RuleBroken, Unavailable, WrongShape
from spooled_lite.times import format_ms, parse_optional_ms
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.job_actions import (
    ACTIONS,
    JOB_IDS_MAX,
    MATCHED_MAX,
    SAMPLE_MAX,
    STATES,
    ActionCounted,
    ActionDone,
    ActionFilter,
    ActOnJobs,
    SampledJob,
)

COUNT_SECONDS: Final = 0.2  # of a count; then it says that there may be more
ACT_SECONDS: Final = 2.0  # of a call; then it says where to go on
# Jobs of one pass, which is a transaction. The first bound is for acts that also write history or
# delete rows of other tables.
PASS_WITH_HISTORY: Final = 100
PASS_WITHOUT_HISTORY: Final = 500

_MAY_DELETE: Final = "jobs:delete"
_OPPOSITE: Final = "not_delayed"
NUMBER_MAX: Final = 2**62  # of a cursor: what SQLite takes


class Act(Struct, frozen=True):
    """What can be done with many jobs."""

    statuses: tuple[str, ...]  # of the jobs that it is for
    rows_max: int  # of a pass
    run: Callable[[Acting, Sequence[str], int], Awaitable[tuple[int, Counter[str]]]]
    count: Callable[[Any], int]  # how many the result of a write says were acted on
    is_for_delayed: bool = False


async def act_on_many(call: Call) -> Reply:
    body = await call.body(ActOnJobs)
    act = _act_of(call, body)
    if body.job_ids is not None:
        return await _on_named(call, body, act, body.job_ids)
    choice = _choice_of(call, body, act)
    if body.dry_run:
        return reply(await _counted(call, choice, act))
    return reply(await _done(call, body, choice, act))


# -- what is asked for ---------------------------------------------------------------------------


def _act_of(call: Call, body: ActOnJobs) -> Act:
    act = ACTS.get(body.action)
    if act is None:
        raise _wrong("action", f"must be one of: {', '.join(ACTIONS)}")
    if body.action == "set_priority" and body.priority is None:
        raise WrongShape.missing("priority")
    if body.action == "delete" and call.settings.enforce_key_permissions:
        assert call.caller is not None, "the route requires a caller"
        call.caller.check_may(_MAY_DELETE)
    if body.job_ids is not None and (body.filter is not None or body.all):
        raise _wrong("job_ids", "cannot be combined with `filter` or `all`")
    if body.job_ids is not None and len(body.job_ids) > JOB_IDS_MAX:
        raise _wrong("job_ids", f"may name at most {JOB_IDS_MAX} jobs")
    return act


def _choice_of(call: Call, body: ActOnJobs, act: Act) -> Choice:
    asked = _narrowing(body.filter or ActionFilter())
    if asked == ActionFilter() and not body.all:
        raise RuleBroken.of(
            "filter",
            "Field `filter` says nothing; send `all: true` to act on all jobs",
            "empty_filter",
        )
    if asked.queue_name is not None:
        call.scope.check(asked.queue_name)
    statuses = asked.statuses or act.statuses
    if unknown := [each for each in statuses if each not in STATUSES]:
        raise _wrong("filter.statuses", f"names `{unknown[0]}`, which is no status")
    if not body.dry_run:
        statuses = [each for each in statuses if each in act.statuses]
    return Choice(
        statuses=list(dict.fromkeys(statuses)),
        queue_name=asked.queue_name,
        state=_state_of(asked.state),
        is_delayed=act.is_for_delayed,
        job_type=asked.job_type,
        error_key=_error_key_of(asked.error_key),
        tag=asked.tag,
        text=asked.text,
        created_after_ms=parse_optional_ms(asked.created_after, "filter.created_after"),
        created_before_ms=parse_optional_ms(asked.created_before, "filter.created_before"),
    )


def _narrowing(asked: ActionFilter) -> ActionFilter:
    """The filter with empty values taken for missing ones."""
    return structs.replace(asked, statuses=asked.statuses or None, text=asked.text or None)


def _state_of(given: str | None) -> WaitingState | None:
    for state in STATES:
        if given == state:
            return state
    if given is not None:
        raise _wrong("filter.state", f"must be one of: {', '.join(STATES)}")
    return None


def _error_key_of(given: str | None) -> int | None:
    if given is None:
        return None
    key = key_shown(given)
    if key is None:
        raise _wrong("filter.error_key", "must have 16 hexadecimal digits")
    return key


def _wrong(field: str, rule: str) -> RuleBroken:
    return RuleBroken.of(field, f"Field `{field}` {rule}", "invalid_value")


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
    eligible = [row for row in found if _why_not(row, act) is None]
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
        until=_text_of(until),
    )


def _why_not(row: ChosenRow, act: Act) -> str | None:
    """Why the act does not apply to a job; None if it does."""
    if row["status"] not in act.statuses:
        return row["status"]
    return _OPPOSITE if act.is_for_delayed and row["run_at_ms"] is None else None


# -- acting --------------------------------------------------------------------------------------


async def _done(call: Call, body: ActOnJobs, choice: Choice, act: Act) -> ActionDone:
    acting = _acting(call, body, act)
    loop = asyncio.get_running_loop()
    until_seconds = loop.time() + ACT_SECONDS
    began, until = await _from(call, body, choice)
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
    cursor = None if is_through else _cursor_of(after, until)
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
    begin = 0 if body.cursor is None else _numbers_of(body.cursor, "cursor", 1)[0]
    if begin not in range(len(named) + 1):
        raise _wrong("cursor", "is not one of a call with these jobs")
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
    reasons = [(row, _why_not(row, act)) for row in rows]
    skipped = Counter(why for _, why in reasons if why is not None)
    job_ids = [row["id"] for row, why in reasons if why is None]
    if not job_ids:
        return 0, skipped
    done, others = await act.run(acting, job_ids, priority)
    skipped += others
    if changed := len(job_ids) - done - sum(others.values()):
        skipped["changed"] += changed
    return done, skipped


async def _retry(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    caps = admission_of(call).caps
    done, skipped, left = 0, 0, list(job_ids)
    while left:
        wanted = DeadLetters(job_ids=left, limit=len(left))
        # The first pass has seen to the cap of active jobs for all of them.
        retried = await acting.write(
            retry_dead_letters, call.org, wanted, call.scope, caps, len(left) < len(job_ids)
        )
        done, skipped = done + len(retried.job_ids), skipped + len(retried.skipped)
        left = retried.left
    return done, Counter({"workflow_limit": skipped} if skipped else {})


async def _cancel(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    return await acting.write(cancel_several, call.org, job_ids, call.scope), Counter()


async def _delete(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    """Fewer at a time when they are large."""
    call, done = acting.call, 0
    while True:
        removed = await acting.write(remove_finished, call.org, job_ids, call.scope)
        done += removed.count
        if removed.is_through:
            return done, Counter()


async def _set_priority(
    acting: Acting, job_ids: Sequence[str], priority: int
) -> tuple[int, Counter[str]]:
    call = acting.call
    done = await acting.write(set_priorities, call.org, job_ids, priority, call.scope)
    return done, Counter()


async def _run_now(acting: Acting, job_ids: Sequence[str], _: int) -> tuple[int, Counter[str]]:
    call = acting.call
    return await acting.write(run_now, call.org, job_ids, call.scope), Counter()


_WAITING: Final = ("pending", "scheduled")
ACTS: Final[Mapping[str, Act]] = {
    "retry": Act(("deadletter",), PASS_WITH_HISTORY, _retry, lambda it: len(it.job_ids)),
    "cancel": Act(_WAITING, PASS_WITH_HISTORY, _cancel, int),
    "delete": Act(
        ("completed", "failed", "deadletter", "cancelled"),
        PASS_WITH_HISTORY,
        _delete,
        lambda it: it.count,
    ),
    "set_priority": Act(_WAITING, PASS_WITHOUT_HISTORY, _set_priority, int),
    "run_now": Act(_WAITING, PASS_WITHOUT_HISTORY, _run_now, int, is_for_delayed=True),
}


# -- where a call goes on ------------------------------------------------------------------------


async def _from(call: Call, body: ActOnJobs, choice: Choice) -> tuple[WindowEnd | None, Until]:
    """Behind which job, and up to which one. A cursor says both."""
    if body.cursor is not None:
        place, _, until = body.cursor.partition("~")
        status, _, numbers = place.partition(".")
        if status not in choice.statuses:
            raise _wrong("cursor", "is not one of a call with this filter")
        at_ms, seq = _numbers_of(numbers, "cursor", 2)
        return WindowEnd(status, at_ms, seq), Until(*_numbers_of(until, "cursor", 3))
    if body.until is not None:
        return None, Until(*_numbers_of(body.until, "until", 3))
    return None, await call.reads.read(newest, call.org, call.scope)


def _cursor_of(after: WindowEnd | None, until: Until) -> str:
    assert after is not None, "there is more"
    return f"{after.status}.{after.created_at_ms}.{after.seq}~{_text_of(until)}"


def _text_of(until: Until) -> str:
    return f"{until.created_at_ms}.{until.seq}.{until.at_ms}"


def _numbers_of(text: str, field: str, count: int) -> list[int]:
    """Raises RuleBroken: it is no text of ours."""
    try:
        numbers = [int(part) for part in text.split(".")]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(abs(number) > NUMBER_MAX for number in numbers):
        raise _wrong(field, "is none that was answered before")
    return numbers
