"""Baseline `bare`: the framework answers the same requests with decode and encode, nothing else.

`python -m benchmarks.bare READY_FILE` serves until it is told to stop.
"""

import sys
from typing import Any, Final

import msgspec
import uvicorn
from msgspec import Raw
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import serving
from spooled_lite.wire.shapes.claim_bodies import ClaimJobs
from spooled_lite.wire.shapes.job_bodies import Complete, CreateJob
from spooled_lite.wire.shapes.jobs import ClaimedJob, Job

ID: Final = "3f2b8a52-7f0c-4f65-9d3e-0a1b2c3d4e5f"
AT: Final = "2026-11-24T12:00:00.000Z"
NULL: Final = Raw(b"null")

_encode: Final = msgspec.json.Encoder().encode
_create: Final = msgspec.json.Decoder(CreateJob)
_claim: Final = msgspec.json.Decoder(ClaimJobs)
_complete: Final = msgspec.json.Decoder(Complete)

# What the application answers, as constants.
JOB: Final = Job(
    id=ID,
    organization_id=ID,
    queue_name=serving.QUEUE,
    queue=serving.QUEUE,
    status="pending",
    payload=Raw(b'{"to":"someone@example.com","template":"welcome","user_id":12345}'),
    result=NULL,
    retry_count=0,
    attempt=0,
    attempts=0,
    max_retries=3,
    last_error=None,
    error=None,
    created_at=AT,
    scheduled_at=None,
    started_at=None,
    completed_at=None,
    expires_at=None,
    priority=0,
    tags=NULL,
    timeout_seconds=300,
    parent_job_id=None,
    completion_webhook=None,
    assigned_worker_id=None,
    worker_id=None,
    lease_id=None,
    lease_expires_at=None,
    idempotency_key=None,
    updated_at=AT,
    workflow_id=None,
    dependency_mode=None,
    dependencies_met=None,
    progress=None,
    progress_message=None,
    created=True,
)
CLAIMED: Final = {
    "jobs": [
        ClaimedJob(
            id=ID,
            queue_name=serving.QUEUE,
            queue=serving.QUEUE,
            status="processing",
            payload=JOB.payload,
            priority=0,
            retry_count=0,
            attempts=1,
            max_retries=3,
            timeout_seconds=300,
            lease_id=ID,
            lease_expires_at=AT,
            tags=NULL,
            created_at=AT,
            started_at=AT,
            idempotency_key=None,
            workflow_id=None,
            parent_job_id=None,
        )
    ]
}


async def create(request: Request) -> Response:
    _create.decode(await request.body())
    return _json(JOB, 201)


async def claim(request: Request) -> Response:
    _claim.decode(await request.body())
    return _json(CLAIMED)


async def complete(request: Request) -> Response:
    _complete.decode(await request.body())
    return _json({"success": True})


def _json(value: Any, status: int = 200) -> Response:
    return Response(_encode(value), status_code=status, media_type="application/json")


ROUTES: Final = [
    Route("/api/v1/jobs", create, methods=["POST"]),
    Route("/api/v1/jobs/claim", claim, methods=["POST"]),
    Route("/api/v1/jobs/{id}/complete", complete, methods=["POST"]),
]


async def serve(ready_file: str) -> None:
    config = uvicorn.Config(
        Starlette(routes=ROUTES),
        host="127.0.0.1",
        port=0,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    config.load()
    server = uvicorn.Server(config)

    async def start() -> str:
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    await serving.until_stopped(start, ready_file)
    server.should_exit = True
    await server.shutdown()


if __name__ == "__main__":
    serving.run(serve(sys.argv[1]))
