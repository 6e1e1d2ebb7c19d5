"""The figures of charts. Contract: amendments, 2 (S1)."""

from typing import Final

import spooled_lite
from spooled_lite.core.overview.series import POINTS_MAX, Mark, SeriesWanted, series
from spooled_lite.errors import BadRequest
from spooled_lite.storage.counters import DAY_MINUTES, MINUTE_MS
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import integer, time_ms
from spooled_lite.wire.shapes.series import SeriesView

STEPS: Final = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
)  # minutes; one of these is chosen when the caller names none
STEP_SECONDS_MAX: Final = 86_400
_HOUR_MS: Final = 60 * MINUTE_MS


async def get(call: Call) -> Reply:
    wanted = _wanted(call)
    found = await call.reads.read(series, call.org, call.scope, wanted)
    started_at_ms = call.services.state.started_at_ms
    marks = [Mark(started_at_ms, "started", spooled_lite.__version__)]
    shown = [mark for mark in marks if wanted.from_ms <= mark.at_ms <= wanted.to_ms]
    return reply(SeriesView.of(found, *shown))


def _wanted(call: Call) -> SeriesWanted:
    """Raises BadRequest, AccessDenied."""
    now_ms = call.now_ms
    queue_name = call.query.get("queue") or call.query.get("queue_name") or None
    if queue_name is not None:
        call.scope.check(queue_name)
    until_ms, since_ms = time_ms(call, "to"), time_ms(call, "from")
    to_ms = now_ms if until_ms is None else min(until_ms, now_ms)
    from_ms = to_ms - _HOUR_MS + MINUTE_MS if since_ms is None else since_ms
    from_ms = max(from_ms, now_ms - DAY_MINUTES * MINUTE_MS)
    if from_ms > to_ms:
        raise BadRequest("Query parameter `from` must not be later than `to`")
    step = _step_minutes(call, (to_ms - from_ms) // MINUTE_MS + 1)
    begins_ms = from_ms // (step * MINUTE_MS) * step * MINUTE_MS
    return SeriesWanted(queue_name=queue_name, from_ms=begins_ms, to_ms=to_ms, step_minutes=step)


def _step_minutes(call: Call, minutes: int) -> int:
    """The one that is named, else the shortest one that gives few enough points."""
    seconds = integer(call, "step", default=0, least=0, most=STEP_SECONDS_MAX)
    if seconds == 0:
        return next(step for step in STEPS if _points(minutes, step) <= POINTS_MAX)
    step, rest = divmod(seconds, 60)
    if rest or _points(minutes, step) > POINTS_MAX:
        raise BadRequest(
            "Query parameter `step` must be a multiple of 60 seconds, and give at most"
            f" {POINTS_MAX} points"
        )
    return step


def _points(minutes: int, step: int) -> int:
    """At most: the first one begins at a multiple of the step."""
    return (minutes + step - 2) // step + 1
