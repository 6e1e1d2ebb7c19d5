"""What a load is, where it goes, and what is measured of it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

CONNECTIONS: Final = 64
BULK_JOBS: Final = 100  # the most the API takes in one call
PAYLOAD: Final = {"to": "someone@example.com", "template": "welcome", "user_id": 12345}
WORKER_ID: Final = "bench"
LEASE_SECONDS: Final = 3_600  # longer than any run: nothing comes back to be claimed again
NOTHING: Final = '{"jobs":[]}'  # what a claim that found nothing is answered


class LoadTarget(Struct, frozen=True):
    url: str
    api_key: str


class Load(Struct, frozen=True, kw_only=True):
    """One POST, again and again; where it takes a job, also the POST that settles it."""

    path: str
    body: str
    then_path: str | None = None  # with `{id}`, as the answer names it
    then_body: str | None = None  # with `{lease_id}`


class Measured(Struct, frozen=True, kw_only=True):
    """What one run of a load came to."""

    request_count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed_count: int  # refused, or the connection broke
    empty_count: int = 0  # claims that found nothing

    @property
    def per_second(self) -> float:
        return self.request_count / self.seconds


def enqueue(queue_name: str) -> Load:
    return Load(path="/api/v1/jobs", body=_json({"queue_name": queue_name, "payload": PAYLOAD}))


def bulk(queue_name: str) -> Load:
    jobs = [{"payload": PAYLOAD}] * BULK_JOBS
    return Load(path="/api/v1/jobs/bulk", body=_json({"queue_name": queue_name, "jobs": jobs}))


def work(queue_name: str) -> Load:
    """Claim one job, complete it: two requests."""
    return Load(
        path="/api/v1/jobs/claim",
        body=_json(claim(queue_name)),
        then_path="/api/v1/jobs/{id}/complete",
        then_body='{"worker_id":"' + WORKER_ID + '","lease_id":"{lease_id}"}',
    )


def claim(queue_name: str, **more: Any) -> dict[str, Any]:
    lease = {"lease_duration_secs": LEASE_SECONDS}
    return {"queue_name": queue_name, "worker_id": WORKER_ID, "limit": 1, **lease, **more}


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not pass. 0 for none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
