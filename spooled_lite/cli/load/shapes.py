"""The description of a load, its target and the measured results."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

CONNECTIONS: Final = 64
BULK_JOBS: Final = 100  # the most that the API accepts in one call
PAYLOAD: Final = {"to": "someone@example.com", "template": "welcome", "user_id": 12345}
WORKER_ID: Final = "bench"
LEASE_SECONDS: Final = 3_600  # longer than any run, so that no lease runs out meanwhile
NOTHING: Final = '{"jobs":[]}'  # the answer to a claim that found nothing


class LoadTarget(Struct, frozen=True):
    url: str
    api_key: str


class Load(Struct, frozen=True, kw_only=True):
    """A POST that is sent again and again, and the POST that settles the job it claimed, if any."""

    path: str
    body: str
    then_path: str | None = None  # contains `{id}` in place of the claimed job's id
    then_body: str | None = None  # contains `{lease_id}` in the same way


class Measured(Struct, frozen=True, kw_only=True):
    """The results of one run of a load."""

    request_count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed_count: int  # requests that were refused or whose connection broke
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
    """Claim one job and complete it, in two requests."""
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
    """The value that this share of the values does not exceed; 0 when there are none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
