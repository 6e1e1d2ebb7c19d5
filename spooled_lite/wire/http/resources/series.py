"""The figures of charts. Contract: amendments, 2 (S1)."""

from typing import Final

from spooled_lite.core.overview.hours import HOURS_KEPT
from spooled_lite.core.overview.series import POINTS_MAX, SeriesWanted, series
from spooled_lite.errors import BadRequest
from spooled_lite.storage.counters import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import integer, time_ms
from spooled_lite.wire.shapes.series import SeriesView

# In minutes; one of these is chosen when the caller names none.
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240, 360)
# What begins earlier is told by hours. Half an hour more than a day, so that a call for the last
# day that took a moment to arrive is told by minutes; these are kept for 25 hours.
MINUTES_BACK: Final = DAY_MINUTES + 30
STEP_SECONDS_MAX: Final = 86_400
_HOUR_MS: Final = 60 * MINUTE_MS


async def get(call: Call) -> Reply:
    wanted = _wanted(call)
    found = await call.reads.read(series, call.org, call.scope, wanted)
    return reply(SeriesView.of(found))


def _wanted(call: Call) -> SeriesWanted:
    """Raises BadRequest, AccessDenied."""
    now_ms = call.now_ms
    queue_name = call.query.get("queue") or call.query.get("queue_name") or None
    if queue_name is not None:
        call.scope.check(queue_name)
    until_ms, since_ms = time_ms(call, "to"), time_ms(call, "from")
    to_ms = now_ms if until_ms is None else min(until_ms, now_ms)
    from_ms = to_ms - _HOUR_MS + MINUTE_MS if since_ms is None else since_ms
    from_ms = max(from_ms, now_ms - HOURS_KEPT * _HOUR_MS)
    if from_ms > to_ms:
        raise BadRequest("Query parameter `from` must not be later than `to`")
    is_by_hour = from_ms < now_ms - MINUTES_BACK * MINUTE_MS
    step = _step_minutes(call, (to_ms - from_ms) // MINUTE_MS + 1, is_by_hour=is_by_hour)
    begins_ms = from_ms // (step * MINUTE_MS) * step * MINUTE_MS
    return SeriesWanted(
        queue_name=queue_name,
        from_ms=begins_ms,
        to_ms=to_ms,
        step_minutes=step,
        is_by_hour=is_by_hour,
    )


def _step_minutes(call: Call, minutes: int, *, is_by_hour: bool) -> int:
    """The one that is named, else the shortest one that gives few enough points."""
    seconds = integer(call, "step", default=0, least=0, most=STEP_SECONDS_MAX)
    least = HOUR_MINUTES if is_by_hour else 1
    if seconds == 0:
        return next(
            step for step in STEPS if step >= least and _points(minutes, step) <= POINTS_MAX
        )
    step, rest = divmod(seconds, 60)
    if rest or step % least or _points(minutes, step) > POINTS_MAX:
        raise BadRequest(
            f"Query parameter `step` must be a multiple of {least * 60} seconds for these times,"
            f" and give at most {POINTS_MAX} points"
        )
    return step


def _points(minutes: int, step: int) -> int:
    """At most: the first one begins at a multiple of the step."""
    return (minutes + step - 2) // step + 1
