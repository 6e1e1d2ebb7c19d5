"""The routes of jobs, their attempts and dead letters."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.jobs import records
from spooled_lite.errors import Conflict, LeaseExpired, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import TIME, Doc, Parameter, paging
from spooled_lite.wire.http.documents.described.fields import ID, LEASE
from spooled_lite.wire.http.resources import attempts, dead_letters, dependencies, jobs
from spooled_lite.wire.shapes import jobs as shapes
from spooled_lite.wire.shapes.attempts import AttemptFailed, LeaseRenewed
from spooled_lite.wire.shapes.common import Success
from spooled_lite.wire.shapes.dead_letters import PurgedDeadLetters, RetriedDeadLetters
from spooled_lite.wire.shapes.dependencies import DependenciesAdded, JobDependencies

_QUEUE: Final = (
    Parameter("queue_name", "Only of this queue"),
    Parameter("queue", "The same as `queue_name`"),
)
_DIRECTION: Final = {"type": "string", "enum": ["asc", "desc"]}
_FILTER: Final = (
    *_QUEUE,
    Parameter("q", "Id that begins so, or queue name or job type that contains it"),
    Parameter("job_type", "Only of this type"),
    Parameter("created_after", "Not made before", TIME, example="2026-10-01T09:00:00Z"),
    Parameter("created_before", "Made before", TIME, example="2026-10-02T09:00:00Z"),
    Parameter(
        "tag",
        "A tag of the list, or a name of the object",
        {"type": "string", "maxLength": jobs.TAG_CHARACTERS_MAX},
    ),
    Parameter("workflow_id", "Only steps of this workflow"),
    Parameter(
        "order_by",
        "The order; others count as `created_at`",
        {"type": "string", "enum": sorted(jobs._ORDERS), "default": "created_at"},
    ),
    Parameter("order_dir", "Its direction", {**_DIRECTION, "default": "desc"}),
    *paging(),
)
_COST: Final = (
    "An order by time, with or without a queue or a status, is answered by an index. Any other "
    f"filter or order has {jobs.SLOW_LIST_SECONDS_MAX:g} seconds, after which the answer is 408."
)
_FENCE: Final = (
    "`lease_id` and `worker_id` may be left out; one that is sent has to be the current one. "
    "A lease that is over is refused either way."
)
_WAITS: Final = (
    "Answers at once; with `wait_ms` it stands in the line of its queue until there is a job or "
    "the time is up."
)
_HELD: Final = (Conflict, LeaseExpired)
_CLAIM: Final = {"queue_name": "emails", "worker_id": "mailer-1", "lease_duration_secs": 30}
_HOLDER: Final = {"worker_id": "mailer-1", "lease_id": LEASE}

JOBS: Final[Mapping[Handler, Doc]] = {
    jobs.create: Doc(
        summary="Store a job",
        about="200 with the first job when its idempotency key is known; nothing else happens then."
        " A queue that is not there is made.",
        body=records.CreateJob,
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
                {"type": "string", "maxLength": 255},
                place="header",
            ),
        ),
        answer=shapes.Job,
        statuses=(201, 200),
        errors=(QuotaExceeded,),
    ),
    jobs.create_bulk: Doc(
        summary="Store up to 100 jobs",
        about="A bad one fails alone. A wrong type, or a queue the key may not use, refuses all.",
        body=records.BulkJobs,
        parts=(records.JobFields,),
        example={
            "queue_name": "emails",
            "jobs": [{"payload": {"to": "ada@example.org"}}, {"payload": 2, "priority": 5}],
        },
        answer=shapes.BulkAnswer,
        errors=(QuotaExceeded,),
    ),
    jobs.list_all: Doc(
        summary="A page of jobs",
        about=_COST,
        parameters=(
            Parameter(
                "status",
                "One status or several, separated by commas; unknown ones are dropped",
                example="pending,processing",
            ),
            *_FILTER,
        ),
        answer=list[shapes.JobSummary],
        is_paged=True,
    ),
    jobs.stats: Doc(
        summary="How many jobs stand where",
        parameters=_QUEUE,
        answer=shapes.JobStats,
    ),
    jobs.statuses: Doc(
        summary="Where the named jobs stand",
        about="Those that are unknown, or outside the queues of the key, are left out.",
        parameters=(
            Parameter(
                "ids",
                f"Up to {jobs.STATUS_IDS_MAX} ids, separated by commas",
                is_required=True,
                example=ID,
            ),
        ),
        answer=list[shapes.JobState],
    ),
    jobs.get: Doc(
        summary="One job in full",
        parameters=(Parameter("include", "`history` adds its life", example="history"),),
        answer=shapes.Job,
    ),
    jobs.delete: Doc(summary="Cancel a waiting job", statuses=(204,), errors=(Conflict,)),
    jobs.cancel: Doc(
        summary="Cancel a waiting job, and show it", answer=shapes.Job, errors=(Conflict,)
    ),
    jobs.retry: Doc(
        summary="Put a dead letter back, one retry further",
        answer=shapes.Job,
        errors=(Conflict,),
    ),
    jobs.priority: Doc(
        summary="Move a waiting job forward or back",
        body=records.SetPriority,
        example={"priority": 10},
        answer=shapes.PriorityChanged,
    ),
    jobs.history_of: Doc(
        summary="A page of the life of a job",
        parameters=(
            Parameter("order_dir", "Oldest or newest first", {**_DIRECTION, "default": "asc"}),
            *paging(default=100, most=500),
        ),
        answer=list[shapes.HistoryRow],
        is_paged=True,
    ),
    dependencies.get: Doc(
        summary="What a job waits for, and what waits for it", answer=JobDependencies
    ),
    dependencies.add: Doc(
        summary="Let a waiting job wait for others",
        body=records.AddDependencies,
        needs=("depends_on", "depends_on_job_ids", "dependency_job_ids"),
        example={"depends_on": [ID], "dependency_mode": "all"},
        answer=DependenciesAdded,
        errors=(Conflict,),
    ),
    attempts.claim: Doc(
        summary="Take due jobs under a lease",
        about=_WAITS,
        body=records.ClaimJobs,
        needs=("queue_name", "queue"),
        example={**_CLAIM, "limit": 5},
        answer=shapes.ClaimedJobs,
    ),
    attempts.dequeue: Doc(
        summary="Take one job",
        about=f"Under a lease of {attempts.DEQUEUE_LEASE_SECONDS} seconds; null when there is none."
        f" {_WAITS}",
        body=records.DequeueJob,
        needs=("queue_name", "queue"),
        example=_CLAIM,
        answer=shapes.Job | None,
    ),
    attempts.complete: Doc(
        summary="Settle a job that is done",
        about=_FENCE,
        body=records.Complete,
        example={**_HOLDER, "result": {"message_id": "m-1"}},
        answer=Success,
        errors=_HELD,
    ),
    attempts.fail: Doc(
        summary="End an attempt that failed",
        about="The job is retried after its backoff, or becomes a dead letter; one that was told to"
        f" stop is cancelled. {_FENCE}",
        body=records.Fail,
        needs=("error", "reason", "error_message"),
        example={**_HOLDER, "error": "Connection refused"},
        answer=AttemptFailed,
        errors=_HELD,
    ),
    attempts.renew: Doc(
        summary="Renew a lease",
        about="It then ends so many seconds from now. That of a job that was told to stop ends at"
        " once: 409 `LEASE_EXPIRED` with the `reason` `workflow_canceled` in `details`, and the job"
        f" is cancelled. {_FENCE}",
        body=records.Renew,
        example={**_HOLDER, "lease_duration_secs": 30},
        answer=LeaseRenewed,
        errors=_HELD,
    ),
    attempts.progress: Doc(
        summary="Keep the last progress",
        about=_FENCE,
        body=records.Progress,
        example={**_HOLDER, "progress": 40, "message": "20 of 50 sent"},
        answer=Success,
        errors=_HELD,
    ),
    dead_letters.list_all: Doc(
        summary="A page of dead letters",
        about=_COST,
        parameters=_FILTER,
        answer=list[shapes.Job],
        is_paged=True,
    ),
    dead_letters.retry: Doc(
        summary="Put dead letters back into their queues",
        about="Oldest first, with their retries counted from 0. An empty body means all.",
        body=records.RetryDeadLetters,
        example={"queue_name": "emails", "limit": dead_letters.RETRY_MAX},
        answer=RetriedDeadLetters,
        errors=(QuotaExceeded,),
    ),
    dead_letters.purge: Doc(
        summary="Delete dead letters for good",
        body=records.PurgeDeadLetters,
        needs=("confirm",),
        example={"confirm": True, "queue_name": "emails", "older_than": "2026-10-01T00:00:00Z"},
        answer=PurgedDeadLetters,
    ),
}
