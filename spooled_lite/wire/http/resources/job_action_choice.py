"""Which jobs a call acts on: its filter, and where it begins and ends among them."""

from typing import Final

from msgspec import structs

from spooled_lite.core.jobs.choice import Choice, Until, WaitingState, WindowEnd, newest
from spooled_lite.core.jobs.errors import key_shown
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.errors import RuleBroken
from spooled_lite.times import parse_optional_ms
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.resources.job_action_kinds import Act
from spooled_lite.wire.shapes.job_actions import STATES, ActionFilter, ActOnJobs

NUMBER_MAX: Final = 2**62  # of a cursor: what SQLite takes


def choice_of(call: Call, body: ActOnJobs, act: Act) -> Choice:
    """Raises: RuleBroken; as `Scope.check`, of a queue that the key is not for."""
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
        raise wrong("filter.statuses", f"names `{unknown[0]}`, which is no status")
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
        raise wrong("filter.state", f"must be one of: {', '.join(STATES)}")
    return None


def _error_key_of(given: str | None) -> int | None:
    if given is None:
        return None
    key = key_shown(given)
    if key is None:
        raise wrong("filter.error_key", "must have 16 hexadecimal digits")
    return key


# -- where a call goes on ------------------------------------------------------------------------


async def bounds_of(call: Call, body: ActOnJobs, choice: Choice) -> tuple[WindowEnd | None, Until]:
    """Behind which job, and up to which one. A cursor says both."""
    if body.cursor is not None:
        place, _, until = body.cursor.partition("~")
        status, _, numbers = place.partition(".")
        if status not in choice.statuses:
            raise wrong("cursor", "is not one of a call with this filter")
        at_ms, seq = numbers_of(numbers, "cursor", 2)
        return WindowEnd(status, at_ms, seq), Until(*numbers_of(until, "cursor", 3))
    if body.until is not None:
        return None, Until(*numbers_of(body.until, "until", 3))
    return None, await call.reads.read(newest, call.org, call.scope)


def cursor_of(after: WindowEnd | None, until: Until) -> str:
    assert after is not None, "there is more"
    return f"{after.status}.{after.created_at_ms}.{after.seq}~{text_of(until)}"


def text_of(until: Until) -> str:
    return f"{until.created_at_ms}.{until.seq}.{until.at_ms}"


def numbers_of(text: str, field: str, count: int) -> list[int]:
    """Raises RuleBroken: it is no text of ours."""
    try:
        numbers = [int(part) for part in text.split(".")]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(abs(number) > NUMBER_MAX for number in numbers):
        raise wrong(field, "is none that was answered before")
    return numbers


def wrong(field: str, rule: str) -> RuleBroken:
    return RuleBroken.of(field, f"Field `{field}` {rule}", "invalid_value")
