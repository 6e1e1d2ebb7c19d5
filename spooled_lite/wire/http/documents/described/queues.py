"""The routes of queues and workers."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.workers.query import LISTED_MAX
from spooled_lite.core.workers.records import SILENCE_MS, WORKER_STATUSES
from spooled_lite.errors import Conflict, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter, paging
from spooled_lite.wire.http.resources import queues, workers
from spooled_lite.wire.shapes import queues as shapes
from spooled_lite.wire.shapes import workers as worker_shapes
from spooled_lite.wire.shapes.jobs import JobSummary

QUEUES: Final[Mapping[Handler, Doc]] = {
    queues.list_all: Doc(
        summary="List queues by name",
        parameters=(
            Parameter("search", "Only those whose name contains this"),
            *paging(100, 500),
        ),
        answer=list[shapes.QueueView],
        is_paged=True,
    ),
    queues.create: Doc(
        summary="Create a queue, or change the one with this name",
        body=shapes.CreateQueue,
        needs=("name", "queue_name", "queue"),
        example={"name": "emails", "max_retries": 5, "rate_limit": 50},
        answer=shapes.QueueView,
        statuses=(201, 200),
        errors=(QuotaExceeded,),
    ),
    queues.get: Doc(summary="Show one queue", answer=shapes.QueueView),
    queues.update: Doc(
        summary="Change a queue",
        about="Creates it if it does not exist. Fields that are left out do not change.",
        body=shapes.UpdateQueue,
        example={"max_retries": 5, "rate_limit": None, "enabled": True},
        answer=shapes.QueueView,
        errors=(QuotaExceeded,),
    ),
    queues.delete: Doc(
        summary="Delete an idle queue",
        parameters=(
            Parameter("delete_jobs", "Also delete its jobs, whether it is idle or not", FLAG),
        ),
        statuses=(204,),
        errors=(Conflict,),
    ),
    queues.stats: Doc(
        summary="Show the counts and times of a queue",
        about="All values are 0 when there is no such queue.",
        answer=shapes.QueueStats,
    ),
    queues.pause_queue: Doc(
        summary="Pause a queue",
        about="It hands out no jobs; claimed jobs go on. Creates the queue if it does not exist.",
        body=shapes.PauseQueue,
        example={"reason": "Maintenance"},
        answer=shapes.QueuePaused,
        errors=(QuotaExceeded,),
    ),
    queues.resume_queue: Doc(summary="Resume a queue", answer=shapes.QueueResumed),
    queues.purge: Doc(
        summary="Delete every job that is not being processed",
        answer=shapes.QueuePurged,
    ),
}

WORKERS: Final[Mapping[Handler, Doc]] = {
    workers.list_all: Doc(
        summary="List workers, those with the latest heartbeats first",
        parameters=(
            Parameter("queue_name", "Only workers of this queue"),
            Parameter("queue", "The same as `queue_name`"),
            Parameter(
                "status",
                "Only workers of this status",
                {"type": "string", "enum": list(WORKER_STATUSES)},
            ),
            Parameter("search", "Only workers whose id or hostname contains this, in any case"),
            *paging(LISTED_MAX, LISTED_MAX),
        ),
        answer=list[worker_shapes.WorkerView],
        is_paged=True,
    ),
    workers.jobs: Doc(
        summary="List the jobs that a worker holds",
        about="The newest first. Jobs outside the queues of the key are left out.",
        parameters=paging(LISTED_MAX, LISTED_MAX),
        answer=list[JobSummary],
        is_paged=True,
    ),
    workers.register: Doc(
        summary="Register a worker",
        body=worker_shapes.RegisterWorker,
        needs=("queue_name", "queue", "queue_names"),
        example={
            "worker_id": "mailer-1",
            "queue_name": "emails",
            "hostname": "mail-host",
            "max_concurrency": 5,
        },
        answer=worker_shapes.WorkerRegistered,
        statuses=(201,),
        errors=(Conflict, QuotaExceeded),
    ),
    workers.get: Doc(summary="Show one worker", answer=worker_shapes.WorkerView),
    workers.heartbeat: Doc(
        summary="Report that a worker is alive",
        about=f"Without a heartbeat for {SILENCE_MS // 1000} seconds a worker counts as offline;"
        " it keeps its jobs until their leases end.",
        body=worker_shapes.HeartbeatWorker,
        example={"current_jobs": 2, "status": "healthy"},
        answer=worker_shapes.HeartbeatTaken,
    ),
    workers.deregister: Doc(
        summary="Mark a worker offline",
        about="It keeps its leases until they end.",
        statuses=(204,),
    ),
}
