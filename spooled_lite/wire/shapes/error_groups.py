"""Errors for a dashboard: one row per error, over all queues it happened in."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.jobs.errors import TITLE_CHARS_MAX, shown_key
from spooled_lite.core.overview.errors import JOB_TYPES_MAX, QUEUES_SHOWN_MAX, ErrorGroup
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID, QueueName

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
ErrorKey = Annotated[str, about("What attempts with this error have in common: 16 hexadecimal digits, all 0 for the errors of queues with too many different ones", "9b1c5a7e0f3d2468")]
Title = Annotated[str, about(f"The first line of the error, up to {TITLE_CHARS_MAX} characters, with `?` in place of numbers, ids and quoted text", "HTTP ? from https://api.example.org")]
DeadCount = Annotated[int, a_count("Dead letters with this error", 96)]
FailedInHour = Annotated[int, a_count("Attempts that failed so in the last hour", 120)]
FirstAt = Annotated[str, a_time("When it happened first")]
LastAt = Annotated[str, a_time("When it happened last")]
JobTypes = Annotated[list[str], about(f"Up to {JOB_TYPES_MAX} types of jobs, of the newest dead letters", ["charge.capture"])]
SampleJobId = Annotated[str, about("The newest dead letter, else the job that failed last", AN_ID)]
Retried = Annotated[int, a_count("Dead letters that were put back by hand", 3)]
CompletedSince = Annotated[int, a_count("How many of those have completed since", 3)]
Count = Annotated[int, a_count("Its dead letters; with `kind=failing`, the attempts that failed in the last hour", 96)]
# fmt: on


class QueueOfError(Struct, frozen=True):
    name: QueueName
    count: Count


class ErrorOverview(Struct, frozen=True, kw_only=True):
    """A row of GET /dashboard/errors."""

    key: ErrorKey
    title: Title
    dead_count: DeadCount
    failed_1h: FailedInHour
    first_at: FirstAt
    last_at: LastAt
    queues: Annotated[
        list[QueueOfError],
        about(f"The queues it happened in, at most {QUEUES_SHOWN_MAX}, the most affected first"),
    ]
    job_types: JobTypes
    sample_job_id: SampleJobId | None
    retried: Retried
    completed_since: CompletedSince

    @classmethod
    def of(cls, group: ErrorGroup) -> Self:
        return cls(
            key=shown_key(group.key),
            title=group.title,
            dead_count=group.dead_count,
            failed_1h=group.failed_1h,
            first_at=format_ms(group.first_at_ms),
            last_at=format_ms(group.last_at_ms),
            queues=[QueueOfError(name, count) for name, count in group.queues.items()],
            job_types=list(group.job_types),
            sample_job_id=group.sample_job_id,
            retried=group.retried,
            completed_since=group.completed_since,
        )
