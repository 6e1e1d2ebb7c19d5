"""The routes of jobs, their attempts and dead letters."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.jobs.payload_path import EQUALS_CHARS_MAX, PATH_CHARS_MAX
from spooled_lite.core.jobs.search import TEXT_CHARS_MAX, WHERES
from spooled_lite.errors import AccessDenied, Conflict, LeaseExpired, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import TIME, Doc, Parameter, paging
from spooled_lite.wire.http.once import KEY_CHARS_MAX
from spooled_lite.wire.http.resources import (
    attempts,
    dead_letters,
    dependencies,
    job_actions,
    job_filters,
    jobs,
    new_jobs,
    search,
)
from spooled_lite.wire.shapes import claim_bodies
from spooled_lite.wire.shapes import job_bodies as bodies
from spooled_lite.wire.shapes import jobs as shapes
from spooled_lite.wire.shapes.attempts import AttemptCompleted, AttemptFailed, LeaseRenewed
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID, Success
from spooled_lite.wire.shapes.dead_letters import PurgedDeadLetters, RetriedDeadLetters
from spooled_lite.wire.shapes.dependencies import DependenciesAdded, JobDependencies
from spooled_lite.wire.shapes.job_actions import STATES, ActionCounted, ActionDone, ActOnJobs
from spooled_lite.wire.shapes.run_bodies import CancelJob
from spooled_lite.wire.shapes.search import SearchAnswer

_QUEUE: Final = (
    Parameter("queue_name", "Only jobs of this queue"),
    Parameter("queue", "The same as `queue_name`"),
)
_DIRECTION: Final = {"type": "string", "enum": ["asc", "desc"]}
_ALSO_OF_SEARCH: Final = frozenset(
    {"job_type", "created_after", "created_before", "tag", "error_key"}
)
_FILTER: Final = (
    *_QUEUE,
    Parameter("q", "Text that the id begins with, or that the queue name or job type contains"),
    Parameter("job_type", "Only jobs of this type"),
    Parameter(
        "created_after", "Created at or after this time", TIME, example="2026-10-01T09:00:00Z"
    ),
    Parameter("created_before", "Created before this time", TIME, example="2026-10-02T09:00:00Z"),
    Parameter(
        "tag",
        "A tag in the list, or a name in the object of tags",
        {"type": "string", "maxLength": job_filters.TAG_CHARACTERS_MAX},
    ),
    Parameter("workflow_id", "Only jobs of this workflow"),
    Parameter("worker_id", "Only jobs that this worker holds"),
    Parameter(
        "state",
        "`retrying`: only jobs that wait for their next attempt; `blocked`: only jobs that wait "
        "for others; or the `state` that waits and runs show",
        {"type": "string", "enum": list(job_filters.LISTED_STATES)},
    ),
    Parameter("finished_after", "Only jobs that ended at or after this time, in any way", TIME),
    Parameter("finished_before", "Only jobs that ended before this time", TIME),
    Parameter(
        "error_key",
        "Only dead letters with this error: the `key` of a row of `GET /dashboard/errors`",
        {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        example="9b1c5a7e0f3d2468",
    ),
    Parameter(
        "order_by",
        "The field to order by; unknown ones count as `created_at`",
        {"type": "string", "enum": sorted(job_filters.JOB_ORDERS), "default": "created_at"},
    ),
    Parameter("order_dir", "The direction of the order", {**_DIRECTION, "default": "desc"}),
    *paging(),
)
_SEARCH: Final = (
    Parameter(
        "text",
        "What is looked for; this or `path` is needed",
        {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX},
        example="cus_81x",
    ),
    Parameter(
        "path",
        "Where in the payload: names and positions, such as `customer.id`, `items[0].sku` or "
        '`headers["x-id"]`',
        {"type": "string", "maxLength": PATH_CHARS_MAX},
    ),
    Parameter(
        "equals",
        "With `path`: the text, number, true, false or null that stands there. In quotation marks "
        "it is a text only; a number is found as it is written",
        {"type": "string", "maxLength": EQUALS_CHARS_MAX},
    ),
    Parameter(
        "where",
        f"Only there, of `text`: some of {', '.join(f'`{each}`' for each in WHERES)}, joined by "
        "commas",
    ),
    *_QUEUE,
    Parameter("status", "Only jobs with one of these statuses, joined by commas"),
    *(each for each in _FILTER if each.name in _ALSO_OF_SEARCH),
    Parameter(
        "state",
        "`retrying`: only jobs that wait for their next attempt; `blocked`: only jobs that wait "
        "for others",
        {"type": "string", "enum": list(STATES)},
    ),
    Parameter(
        "limit",
        "How many jobs to answer with",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": search.JOBS_SHOWN_MAX,
            "default": search.JOBS_SHOWN,
        },
    ),
    Parameter("cursor", "Of the answer before: look further from there"),
)
_COST: Final = (
    "An order by time, with or without a queue or a status, is answered by an index. Any other "
    f"filter or order has {job_filters.SLOW_LIST_SECONDS_MAX:g} seconds, after which the answer "
    "is 408."
)
_FENCE: Final = (
    "`lease_id` and `worker_id` may be left out; if sent, they must be the current ones. "
    "A lease that has ended is always refused."
)
_THEN: Final = (
    "The operations in `then` are stored in the same commit. When one is refused, nothing is stored"
    " and the job is held as before; `details.index` is the number of that one."
)
_WAITS: Final = (
    "Answers at once; with `wait_ms` it waits in the line of its queue until there is a job or "
    "the time is up."
)
_HELD: Final = (Conflict, LeaseExpired)
_CLAIM: Final = {"queue_name": "emails", "worker_id": "mailer-1", "lease_duration_secs": 30}
_HOLDER: Final = {"worker_id": "mailer-1", "lease_id": A_LEASE}

JOBS: Final[Mapping[Handler, Doc]] = {
    job_actions.act_on_many: Doc(
        summary="Act on many jobs: retry, cancel, delete, change the priority, run now",
        about=f"With `dry_run` it counts, for {job_actions.COUNT_SECONDS:g} seconds at most. "
        f"Without, it acts for about {job_actions.ACT_SECONDS:g} seconds, in small transactions; "
        "send `cursor` to go on. "
        "What was done stays done when a later part is refused.",
        body=ActOnJobs,
        example={
            "action": "retry",
            "filter": {"queue_name": "emails", "statuses": ["deadletter"]},
            "dry_run": True,
        },
        answer=(ActionCounted, ActionDone),
        errors=(AccessDenied, QuotaExceeded),
    ),
    search.search: Doc(
        summary="Search payloads, results and errors",
        about="By an id, the beginning of one or an idempotency key it answers at once. Otherwise "
        f"it looks through jobs, the newest first, for about {search.SECONDS:g} seconds, and says "
        "how far it came; send `cursor` to look further. Upper and lower case differ, except in "
        "ids. JSON is searched as it was sent, however it escapes letters.",
        parameters=_SEARCH,
        answer=SearchAnswer,
    ),
    new_jobs.create: Doc(
        summary="Create a job",
        about="200 with the first job when its idempotency key is known; nothing else happens then."
        " Creates the queue if it does not exist.",
        body=bodies.CreateJob,
        needs=("queue_name", "queue"),
        example={
            "queue_name": "emails",
            "payload": {"job_type": "welcome_mail", "to": "ada@example.org"},
            "priority": 10,
            "idempotency_key": "welcome-42",
        },
        parameters=(
            Parameter(
                "Idempotency-Key",
                "Counts as `idempotency_key` when the body has none",
                {"type": "string", "maxLength": KEY_CHARS_MAX},
                place="header",
            ),
        ),
        answer=shapes.Job,
        statuses=(201, 200),
        errors=(QuotaExceeded,),
    ),
    new_jobs.create_bulk: Doc(
        summary="Create up to 100 jobs",
        about="An invalid job fails alone. A wrong type or a queue the key may not use fails all.",
        body=bodies.BulkJobs,
        parts=(bodies.JobFields,),
        example={
            "queue_name": "emails",
            "jobs": [{"payload": {"to": "ada@example.org"}}, {"payload": 2, "priority": 5}],
        },
        answer=shapes.BulkAnswer,
        errors=(QuotaExceeded,),
    ),
    jobs.list_all: Doc(
        summary="List jobs",
        about="With `worker_id` or `state` a row also has `worker_id` and `dependencies_met`. "
        + _COST,
        parameters=(
            Parameter(
                "status",
                "One status or several, separated by commas; unknown ones are ignored",
                example="pending,processing",
            ),
            *_FILTER,
        ),
        answer=list[shapes.JobSummary],
        is_paged=True,
    ),
    jobs.stats: Doc(
        summary="Count jobs by status",
        parameters=_QUEUE,
        answer=shapes.JobStats,
    ),
    jobs.statuses: Doc(
        summary="Show the status of jobs by id",
        about="Jobs that are unknown, or outside the queues of the key, are left out.",
        parameters=(
            Parameter(
                "ids",
                f"Up to {jobs.STATUS_IDS_MAX} ids, separated by commas",
                is_required=True,
                example=AN_ID,
            ),
        ),
        answer=list[shapes.JobState],
    ),
    jobs.get: Doc(
        summary="Show one job in full",
        parameters=(Parameter("include", "`history` adds its life", example="history"),),
        answer=shapes.Job,
    ),
    jobs.delete: Doc(summary="Cancel a waiting job", statuses=(204,), errors=(Conflict,)),
    jobs.cancel: Doc(
        summary="Cancel a waiting job, and show it",
        about="With `force` also one that a worker has: its heartbeat and its result are refused "
        "with 409 `LEASE_EXPIRED` and the `reason` `job_canceled`. Runs of tasks are cancelled so "
        "in any case; one that has ended stays as it is, and `applied` is false.",
        body=CancelJob,
        example={"reason": "operator"},
        answer=shapes.Job,
        errors=(Conflict, LeaseExpired),
    ),
    jobs.retry: Doc(
        summary="Retry a dead letter",
        answer=shapes.Job,
        errors=(Conflict,),
    ),
    jobs.priority: Doc(
        summary="Change the priority of a waiting job",
        body=bodies.SetPriority,
        example={"priority": 10},
        answer=shapes.PriorityChanged,
    ),
    jobs.history_of: Doc(
        summary="List the history of a job",
        parameters=(
            Parameter(
                "order_dir",
                "Oldest (`asc`) or newest (`desc`) first",
                {**_DIRECTION, "default": "asc"},
            ),
            *paging(default=100, most=500),
        ),
        answer=list[shapes.HistoryRow],
        is_paged=True,
    ),
    dependencies.get: Doc(
        summary="Show what a job waits for, and what waits for it", answer=JobDependencies
    ),
    dependencies.add: Doc(
        summary="Make a waiting job wait for other jobs",
        body=bodies.AddDependencies,
        needs=("depends_on", "depends_on_job_ids", "dependency_job_ids"),
        example={"depends_on": [AN_ID], "dependency_mode": "all"},
        answer=DependenciesAdded,
        errors=(Conflict,),
    ),
    attempts.claim: Doc(
        summary="Claim due jobs",
        about=f"{_WAITS} With `task_names` and `step_handlers` it hands out runs of these tasks and"
        " work of these steps of flows alone: that of one queue, or of all queues that the key may"
        " use, by priority, then by age. With `raw` a step or an item has no `payload` where `step`"
        " says the same. An answer with steps has at most 8 MiB: fewer jobs, at least one.",
        body=claim_bodies.ClaimJobs,
        needs=("queue_name", "queue", "task_names", "step_handlers"),
        example={**_CLAIM, "limit": 5},
        answer=shapes.ClaimedJobs,
    ),
    attempts.dequeue: Doc(
        summary="Claim one job",
        about=f"Under a lease of {attempts.DEQUEUE_LEASE_SECONDS} seconds; null when there is none."
        f" {_WAITS}",
        body=claim_bodies.DequeueJob,
        needs=("queue_name", "queue"),
        example=_CLAIM,
        answer=shapes.Job | None,
    ),
    attempts.complete: Doc(
        summary="Complete a job",
        about=f"{_THEN} {_FENCE}",
        body=bodies.Complete,
        example={**_HOLDER, "result": {"message_id": "m-1"}},
        answer=AttemptCompleted,
        errors=_HELD,
    ),
    attempts.fail: Doc(
        summary="Fail an attempt",
        about="The job is retried after its backoff, or becomes a dead letter; one that was told to"
        " stop is cancelled. With `released` it is handed back, and nothing is counted."
        f" {_THEN} {_FENCE}",
        body=bodies.Fail,
        needs=("error", "reason", "error_message", "released"),
        example={**_HOLDER, "error": "Connection refused"},
        answer=AttemptFailed,
        errors=_HELD,
    ),
    attempts.renew: Doc(
        summary="Renew a lease",
        about="It then ends that many seconds from now. If the job was told to stop, it ends at"
        " once: 409 `LEASE_EXPIRED` with the `reason` `workflow_canceled` in `details`, and the job"
        f" is cancelled. {_FENCE}",
        body=bodies.Renew,
        example={**_HOLDER, "lease_duration_secs": 30},
        answer=LeaseRenewed,
        errors=_HELD,
    ),
    attempts.progress: Doc(
        summary="Store the progress of a job",
        about=_FENCE,
        body=bodies.Progress,
        example={**_HOLDER, "progress": 40, "message": "20 of 50 sent"},
        answer=Success,
        errors=_HELD,
    ),
    dead_letters.list_all: Doc(
        summary="List dead letters",
        about=_COST,
        parameters=_FILTER,
        answer=list[shapes.Job],
        is_paged=True,
    ),
    dead_letters.retry: Doc(
        summary="Retry dead letters",
        about="Oldest first, with `retry_count` 0. An empty body means all dead letters.",
        body=bodies.RetryDeadLetters,
        example={"queue_name": "emails", "limit": dead_letters.RETRY_MAX},
        answer=RetriedDeadLetters,
        errors=(QuotaExceeded,),
    ),
    dead_letters.purge: Doc(
        summary="Delete dead letters",
        body=bodies.PurgeDeadLetters,
        needs=("confirm",),
        example={"confirm": True, "queue_name": "emails", "older_than": "2026-10-01T00:00:00Z"},
        answer=PurgedDeadLetters,
    ),
}
