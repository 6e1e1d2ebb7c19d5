"""Acts on many jobs: the body and the answers. Contract: amendments, 2 (S6)."""

from typing import Annotated, Final, get_args

from msgspec import Meta, Struct

from spooled_lite.core.jobs.choice import WaitingState
from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID, QueueName
from spooled_lite.wire.shapes.error_groups import ErrorKey
from spooled_lite.wire.shapes.job_bodies import PriorityGiven

ACTIONS: Final = ("retry", "cancel", "delete", "set_priority", "run_now")
STATES: Final[tuple[WaitingState, ...]] = get_args(WaitingState)
JOB_IDS_MAX: Final = 1_000
SAMPLE_MAX: Final = 5
MATCHED_MAX: Final = 10_000  # matching jobs are counted up to this number
CURSOR_CHARS_MAX: Final = 200

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
_ACTS: Final = (
    "`retry`: puts dead letters back, their retries counted from 0. "
    "`cancel`: cancels waiting jobs. "
    "`delete`: deletes finished jobs; needs the permission `jobs:delete`. "
    "`set_priority`: of waiting jobs. "
    "`run_now`: waiting jobs whose time has not come, or that wait for a retry, need not wait for it any more"
)
Action = Annotated[str, about(f"What is done. {_ACTS}", "retry", enum=list(ACTIONS))]
Statuses = Annotated[list[str], about("Only jobs in one of these; without any, those that the action is for", ["deadletter"], items={"type": "string", "enum": list(STATUSES)})]
State = Annotated[str, about("`retrying`: jobs that wait for their next attempt; `blocked`: jobs that wait for others", enum=list(STATES))]
JobType = Annotated[str, about("Only jobs of this type", "welcome_mail")]
Tag = Annotated[str, about("A tag in the list, or a name in the object of tags", "welcome")]
Text = Annotated[str, about("Text that the id begins with, or that the queue name or job type contains", "mail")]
CreatedAfter = Annotated[str, a_time("Created at or after this time")]
CreatedBefore = Annotated[str, a_time("Created before this time", "2026-10-02T09:00:00.000Z")]
JobIds = Annotated[list[str], about(f"These jobs, up to {JOB_IDS_MAX:,}", [AN_ID], maxItems=JOB_IDS_MAX)]
All = Annotated[bool, about("All jobs that the action is for; needed when the filter says nothing", False)]
DryRun = Annotated[bool, about("Only count what would be acted on", True)]
Until = Annotated[str, Meta(max_length=CURSOR_CHARS_MAX), about("`until` of a count: jobs that were created, or came to their end, after it are left out", "1796000000000.17.1796000000000")]
Cursor = Annotated[str, Meta(max_length=CURSOR_CHARS_MAX), about("`cursor` of an answer, to go on where that call stopped; with the same filter or ids")]
# fmt: on


class ActionFilter(Struct, kw_only=True):
    """The jobs to act on: those that fit every field that is given."""

    queue_name: QueueName | None = None
    statuses: Statuses | None = None
    state: State | None = None
    job_type: JobType | None = None
    error_key: ErrorKey | None = None
    tag: Tag | None = None
    text: Text | None = None
    created_after: CreatedAfter | None = None
    created_before: CreatedBefore | None = None


class ActOnJobs(Struct, kw_only=True):
    """Body of POST /jobs/actions."""

    action: Action
    filter: Annotated[ActionFilter | None, about("Which jobs are meant")] = None
    job_ids: JobIds | None = None
    all: All = False
    priority: PriorityGiven | None = None
    dry_run: DryRun = False
    until: Until | None = None
    cursor: Cursor | None = None


# fmt: off
Matched = Annotated[int, a_count(f"Jobs that match, counted up to {MATCHED_MAX:,}", 96)]
IsExact = Annotated[bool, about("Whether these are all of them; false: there may be more", True)]
Eligible = Annotated[int, a_count("How many of them the action is for", 96)]
ByQueue = Annotated[dict[str, int], about("The eligible ones by queue", {"charges": 96})]
ByType = Annotated[dict[str, int], about("The eligible ones by job type", {"charge.capture": 96})]
OldestAt = Annotated[str, a_time("When the oldest eligible one was created; null: there is none")]
CountedUntil = Annotated[str, about("The newest job at the time of the count; send it with the act", "1796000000000.17.1796000000000")]
Done = Annotated[int, a_count("How many were acted on", 96)]
Skipped = Annotated[dict[str, int], about("How many were not, by reason: the status that the action is not for, `not_found`, `not_delayed` (for `run_now`), `workflow_limit`, or `changed` in the meantime", {"processing": 2})]
NextCursor = Annotated[str, about("Send it to go on; null: that was all")]
# fmt: on


class SampledJob(Struct, frozen=True):
    id: job.JobId
    queue_name: QueueName
    job_type: JobType
    status: job.Status
    created_at: Annotated[str, a_time("When it was created")]


class ActionCounted(Struct, frozen=True, kw_only=True):
    """Answer of POST /jobs/actions with `dry_run`."""

    matched: Matched
    is_exact: IsExact
    eligible: Eligible
    by_queue: ByQueue
    by_type: ByType
    oldest_at: OldestAt | None
    sample: Annotated[list[SampledJob], about(f"Up to {SAMPLE_MAX} of the eligible ones")]
    until: CountedUntil


class ActionDone(Struct, frozen=True, kw_only=True):
    """Answer of POST /jobs/actions."""

    done: Done
    skipped: Skipped
    cursor: NextCursor | None
