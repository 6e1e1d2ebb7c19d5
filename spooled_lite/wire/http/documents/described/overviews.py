"""The routes behind the pages of a dashboard."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.overview.hours import HOURS_KEPT
from spooled_lite.core.overview.queue_board import LOOKED_AT_MAX, SORTED_MAX
from spooled_lite.core.overview.series import POINTS_MAX, SCOPED_MINUTES_MAX
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import TIME, Doc, Parameter, paging
from spooled_lite.wire.http.resources import acts, overviews, series
from spooled_lite.wire.shapes.acts import ActView
from spooled_lite.wire.shapes.error_groups import ErrorOverview
from spooled_lite.wire.shapes.explained import JobExplained
from spooled_lite.wire.shapes.queue_board import QueueOverview
from spooled_lite.wire.shapes.series import SeriesView

OVERVIEWS: Final[Mapping[Handler, Doc]] = {
    overviews.queues: Doc(
        summary="List queues with what waits, runs and fails in each",
        about="Those that need attention first. An organization with more than "
        f"{SORTED_MAX:,} queues gets them by name, and only the first {LOOKED_AT_MAX:,}.",
        parameters=(
            Parameter(
                "sort",
                "Their order",
                {"type": "string", "enum": list(overviews.ORDERS), "default": "attention"},
            ),
            Parameter("search", "Only queues whose name contains this, in any case"),
            *paging(),
        ),
        answer=list[QueueOverview],
        is_paged=True,
    ),
    overviews.errors_by_kind: Doc(
        summary="List dead letters and failing attempts by error",
        about="The most frequent first. Errors are the same when their first lines are, without "
        "numbers, ids and quoted text.",
        parameters=(
            Parameter(
                "kind",
                "`dead`: errors of dead letters; `failing`: of attempts in the last hour",
                {"type": "string", "enum": list(overviews.KINDS), "default": "dead"},
            ),
            Parameter("queue", "Only errors in this queue"),
            Parameter(
                "since", "That happened at or after this time", TIME, example="2026-10-01T09:00:00Z"
            ),
            *paging(),
        ),
        answer=list[ErrorOverview],
        is_paged=True,
    ),
    acts.list_all: Doc(
        summary="List who did what",
        about="The newest first, as long as histories are kept. A row for each act of a key but "
        "creating, claiming, settling and renewing jobs, and what workers say of themselves.",
        parameters=(
            Parameter("subject", "Only what was done to this: its name, or its id"),
            Parameter("key", "Only what was done with the key of this id"),
            Parameter("kind", "Only what was done to things of this kind", example="queue"),
            Parameter("act", "Only this act", example="pause"),
            Parameter(
                "since", "That was done at or after this time", TIME, example="2026-10-01T09:00:00Z"
            ),
            *paging(),
        ),
        answer=list[ActView],
        is_paged=True,
    ),
    series.get: Doc(
        summary="Show what happened in each step of time",
        about="Of a queue, or of the organization; by hours what began more than a day ago, "
        f"as far back as {HOURS_KEPT // 24} days. A key with a "
        f"queue list sees all its queues together over {SCOPED_MINUTES_MAX} minutes at most.",
        parameters=(
            Parameter("queue", "Only this queue"),
            Parameter(
                "from",
                "Since when; an hour before `to` by default",
                TIME,
                example="2026-10-01T09:00:00Z",
            ),
            Parameter("to", "Until when; now by default", TIME, example="2026-10-01T10:00:00Z"),
            Parameter(
                "step",
                "Seconds of a step, a multiple of 60, by hours of 3600; at most "
                f"{POINTS_MAX} steps are told",
                {"type": "integer", "minimum": 60, "maximum": series.STEP_SECONDS_MAX},
                example=60,
            ),
        ),
        answer=SeriesView,
    ),
    overviews.why_waiting: Doc(
        summary="Explain why a job is not running",
        about="Every reason, its place in line, and when it would start.",
        answer=JobExplained,
    ),
}
