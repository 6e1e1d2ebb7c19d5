"""The routes of queues and workers."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.queues import records
from spooled_lite.core.workers.records import SILENCE_MS
from spooled_lite.errors import Conflict, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described import answers
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter
from spooled_lite.wire.http.resources import queues, workers
from spooled_lite.wire.shapes import workers as shapes

QUEUES: Final[Mapping[Handler, Doc]] = {
    queues.list_all: Doc(summary="The first 100 queues by name", answer=list[records.QueueView]),
    queues.create: Doc(
        summary="Make a queue, or change the one of this name",
        body=records.CreateQueue,
        needs=("name", "queue_name", "queue"),
        example={"name": "emails", "max_retries": 5, "rate_limit": 50},
        answer=records.QueueView,
        statuses=(201, 200),
        errors=(QuotaExceeded,),
    ),
    queues.get: Doc(summary="One queue", answer=records.QueueView),
    queues.update: Doc(
        summary="Change a queue",
        about="Makes it when it is not there. What is left out stays as it is.",
        body=records.UpdateQueue,
        example={"max_retries": 5, "rate_limit": None, "enabled": True},
        answer=records.QueueView,
        errors=(QuotaExceeded,),
    ),
    queues.delete: Doc(
        summary="Delete an idle queue",
        parameters=(Parameter("delete_jobs", "With all its jobs, idle or not", FLAG),),
        statuses=(204,),
        errors=(Conflict,),
    ),
    queues.stats: Doc(
        summary="Counts and times of a queue",
        about="Zeros when there is no such queue.",
        answer=records.QueueStats,
    ),
    queues.pause_queue: Doc(
        summary="Hand out nothing more",
        about="Jobs under a lease go on. A queue that is not there is made.",
        body=records.PauseQueue,
        example={"reason": "Maintenance"},
        answer=records.QueuePaused,
        errors=(QuotaExceeded,),
    ),
    queues.resume_queue: Doc(summary="Hand out again", answer=records.QueueResumed),
    queues.purge: Doc(
        summary="Delete every job that is not being processed",
        answer=answers.QueuePurged,
    ),
}

WORKERS: Final[Mapping[Handler, Doc]] = {
    workers.list_all: Doc(summary="The 100 workers heard of last", answer=list[shapes.WorkerView]),
    workers.register: Doc(
        summary="Make a worker known, or known again",
        body=shapes.RegisterWorker,
        needs=("queue_name", "queue", "queue_names"),
        example={
            "worker_id": "mailer-1",
            "queue_name": "emails",
            "hostname": "mail-host",
            "max_concurrency": 5,
        },
        answer=shapes.WorkerRegistered,
        statuses=(201,),
        errors=(Conflict, QuotaExceeded),
    ),
    workers.get: Doc(summary="One worker", answer=shapes.WorkerView),
    workers.heartbeat: Doc(
        summary="A worker's sign of life",
        about=f"Without one for {SILENCE_MS // 1000} seconds it counts as offline;"
        " its jobs stay until their leases are over.",
        body=shapes.HeartbeatWorker,
        example={"current_jobs": 2, "status": "healthy"},
        answer=shapes.HeartbeatTaken,
    ),
    workers.deregister: Doc(
        summary="A worker goes offline", about="Its leases stay.", statuses=(204,)
    ),
}
