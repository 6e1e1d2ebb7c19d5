"""What callers of a world do at random: each act is a word and a number, which decides the rest."""

from typing import Any, Final, Protocol

import httpx
from hypothesis import strategies as st

Act = tuple[str, int]


class Caller(Protocol):
    """Who can do such acts: of a world that stands alone, or of a fork."""

    api: httpx.AsyncClient

    async def post(self, path: str, body: Any = None) -> Any: ...
    async def get(self, path: str) -> Any: ...
    async def job(self, **fields: Any) -> str: ...
    async def claim(self, worker_id: str = ..., **fields: Any) -> list[dict[str, Any]]: ...


WORDS: Final = (
    "job", "job", "job", "child", "expiring", "claim", "claim", "complete", "complete", "fail",
    "fail", "renew", "report", "cancel", "revive", "schedule", "schedule", "pause", "workflow",
    "queue", "limit", "resume", "worker", "hook", "hook",
)  # fmt: skip
ACTS: Final = st.lists(
    st.tuples(st.sampled_from(WORDS), st.integers(0, 10_000)), min_size=1, max_size=12
)
# One of each, in an order that gives the later ones something to act on.
ONE_OF_EACH: Final[list[Act]] = [
    ("queue", 77), ("hook", 3), ("hook", 4), ("worker", 1), ("job", 0), ("job", 2), ("claim", 11),
    ("schedule", 61), ("pause", 9), ("workflow", 0), ("expiring", 5), ("complete", 1), ("fail", 4),
    ("child", 3), ("job", 5), ("renew", 900), ("report", 1), ("limit", 2), ("cancel", 1),
    ("revive", 0), ("resume", 0), ("complete", 2), ("job", 4), ("schedule", 30),
]  # fmt: skip


async def act(stage: Caller, word: str, number: int) -> None:
    """Refusals are answers too: of two equal worlds both refuse."""
    match word:
        case "job":
            await stage.job(
                max_retries=number % 3,
                priority=number % 5 - 2,
                delay_seconds=number * 1_000 % 900_000,
                payload={"n": number},
            )
        case "child":
            parents = await stage.get("jobs?limit=100")
            if parents:
                await stage.job(parent_job_id=parents[number % len(parents)]["id"])
        case "expiring":
            await stage.api.post(
                "jobs",
                json={
                    "queue_name": "emails", "payload": {},
                    "expires_at": f"2030-01-{1 + number % 28:02d}T12:00:00Z",
                },
            )  # fmt: skip
        case "claim":
            await stage.claim(limit=1 + number % 3, lease_duration_secs=5 + number % 3000)
        case "complete":
            await _settle(stage, "complete", result={"n": number})
        case "fail":
            await _settle(stage, "fail", error=f"declined {number % 3}")
        case "renew":
            await _settle(stage, "heartbeat", lease_duration_secs=5 + number % 3000)
        case "report":
            await _settle(stage, "progress", progress=number % 101)
        case "cancel":
            await _of_some_job(stage, number, "cancel")
        case "revive":
            await _of_some_job(stage, number, "retry")
        case "schedule" | "pause":
            await _schedule(stage, word, number)
        case "workflow":
            await _workflow(stage, number)
        case "queue":
            body = {"backoff_base_seconds": 600 + number % 9_000, "backoff_max_seconds": 90_000}
            await stage.api.put("queues/emails/config", json=body)
        case "limit":
            limits: Any = {"rate_limit": 1 + number % 3, "max_concurrency": 1 + number % 4}
            await stage.api.put("queues/emails/config", json=limits)
        case "resume":
            await stage.api.post(f"queues/emails/{'pause' if number % 3 else 'resume'}")
        case "hook":
            url = f"https://hooks.example.com/{number}/{number % 7}"
            events = ["job.created", "job.failed", "job.deadlettered", "schedule.triggered"]
            hook: Any = {"name": f"h{number}", "url": url, "events": events[: 1 + number % 4]}
            await stage.api.post("outgoing-webhooks", json=hook)
        case "worker":
            worker = {"queue_name": "emails", "worker_id": f"w{number}", "hostname": "h"}
            await stage.post("workers/register", worker)


async def _settle(stage: Caller, way: str, **fields: Any) -> None:
    for job in await stage.claim():
        body = {"worker_id": "by hand", "lease_id": job["lease_id"], **fields}
        await stage.post(f"jobs/{job['id']}/{way}", body)


async def _of_some_job(stage: Caller, number: int, way: str) -> None:
    jobs = await stage.get("jobs?limit=100")
    if jobs:
        await stage.api.post(f"jobs/{jobs[number % len(jobs)]['id']}/{way}")


async def _schedule(stage: Caller, word: str, number: int) -> None:
    made = await stage.post(
        "schedules",
        {
            "name": f"s{number}", "cron_expression": f"{number % 60} {number % 24} * * *",
            "timezone": "America/New_York", "queue_name": "reports", "payload_template": {},
        },
    )  # fmt: skip
    if word == "pause":
        await stage.post(f"schedules/{made['id']}/pause")


async def _workflow(stage: Caller, number: int) -> None:
    jobs: list[dict[str, Any]] = [
        {"key": "a", "queue_name": "emails", "payload": {}},
        {"key": "b", "queue_name": "emails", "payload": {}, "depends_on": ["a"]},
        {"key": "c", "queue_name": "emails", "payload": {}, "depends_on": ["a", "b"]},
    ]
    await stage.post("workflows", {"name": "w", "jobs": jobs[: 2 + number % 2]})
