"""A seeded world: queues in five conditions, errors in groups, jobs of every status, workflows, schedules.

Through the API, as its users would make it; a second or two.
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx

# Names and texts that must come out as the text they are.
HOSTILE: Final = "<img src=x onerror=alert(1)>\u202eevil\u200b"
NOBODY: Final = "http://127.0.0.1:9/spooled"  # refuses each call at once
ERRORS: Final = (
    "HTTP 503 from https://api.pay.example/v2/charge (request 4f1a)",
    "HTTP 503 from https://api.pay.example/v2/charge (request 77b2)",
    "TimeoutError: upstream took longer than 30 s",
    "KeyError: 'customer_id'",
    HOSTILE,
)


class World:
    """`api`: a client of the server. Each method makes something and gives what was answered."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.made: dict[str, Any] = {}

    def job(self, queue: str, job_type: str = "mail.send", **fields: Any) -> Any:
        payload = {"job_type": job_type, **fields.pop("payload", {"customer_id": "cus_81"})}
        return self.post("/jobs", {"queue_name": queue, "payload": payload, **fields})

    def claim(self, queue: str, limit: int = 1, worker: str = "worker-1") -> list[dict[str, Any]]:
        body = {"queue_name": queue, "worker_id": worker, "limit": limit}
        jobs: list[dict[str, Any]] = self.post("/jobs/claim", body)["jobs"]
        return jobs

    def complete(self, job: Mapping[str, Any], result: Any = None) -> None:
        body = {"worker_id": "worker-1", "lease_id": job["lease_id"], "result": result}
        self.post(f"/jobs/{job['id']}/complete", body)

    def fail(self, job: Mapping[str, Any], error: str) -> None:
        body = {"worker_id": "worker-1", "lease_id": job["lease_id"], "error": error}
        self.post(f"/jobs/{job['id']}/fail", body)

    def worker(self, name: str, queue: str) -> Any:
        body = {"queue_name": queue, "hostname": name, "max_concurrency": 5, "version": "1.4.0"}
        return self.post("/workers/register", body)

    def schedule(self, name: str, cron: str = "30 2 * * *", **fields: Any) -> Any:
        body = {"name": name, "cron_expression": cron, "queue_name": "reports", **fields}
        return self.post("/schedules", {"payload_template": {"kind": "daily"}, **body})

    def post(self, path: str, body: Any) -> Any:
        answer = self.api.post(path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def dead(self, queue: str, error: str, job_type: str = "charge.capture") -> Any:
        made = self.job(queue, job_type, max_retries=0)
        [claimed] = self.claim(queue)
        self.fail(claimed, error)
        return made


def message_world(world: World) -> None:
    """A queue of messages that can be read, are read, are late or have a body of somebody else; topics."""
    world.post("/queues", {"name": "audit"})
    late = {
        "body": {"user_id": 9, "act": "invite"},
        "delay_ms": 3_600_000,
        "expires_in_ms": 86_400_000,
    }
    messages = [
        {"body": {"user_id": 5, "act": "sign-in", "password": "hush"}, "concurrency_key": "user-5"},
        {"body": HOSTILE, "topic": "events.user.created", "headers": {HOSTILE: HOSTILE}},
        {"body": {"n": 12345678901234567890}, "priority": 7, "headers": {"source": "web"}},
        late,
    ]
    sent = world.post("/queues/audit/messages", {"messages": messages})
    world.made["message"] = sent["ids"][1]
    world.post("/queues/audit/messages/read", {"quantity": 1, "hide_for_ms": 1_800_000})
    for target, pattern in (("audit", "events.#"), ("audit", "events.*.created"), ("emails", "#")):
        binding = {"target_type": "queue", "target_name": target, "pattern": pattern}
        world.post("/bindings", binding)


def inbox_world(world: World) -> None:
    """Renderers, and an inbox with what waits and what was seen."""
    for name, given in (
        ("order_li", {"event": "order-update", "template": "<li>{{data.step}}</li>"}),
        ("hostile", {"id": "{{data.id}}", "template": f"<p>{HOSTILE}{{{{message}}}}</p>"}),
    ):
        body = {"pattern": "order.*", **given}
        world.api.put(f"/realtime/renderers/{name}", json=body).raise_for_status()
    old = [
        world.post("/inbox/user-123", {"topic": "order.7", "message": text})["id"]
        for text in ("packed", HOSTILE, "shipped")
    ]
    world.post("/inbox/user-123/seen", {"ids": old[:2]})
    progress = {"topic": "import.progress", "message": "80 %", "collapse_key": "import-42"}
    for more in ({}, {"expires_in_ms": 86_400_000}):
        world.post("/inbox/user-123", {**progress, **more})


def task_world(world: World) -> None:
    """A task with runs in every state that one may be in, and one that nobody has run."""
    fields = {
        "description": f"Charge a card {HOSTILE}",
        "queue_name": "cards",
        "condition": "input.amount gt 0",
        "max_retries": 0,
        "retention_seconds": 604_800,
        "backoff": {"strategy": "full_jitter", "min_delay_ms": 500, "max_delay_ms": 10_000},
        "circuit_breaker": {"failure_threshold": 50, "open_timeout_ms": 30_000},
        "on_fail": {"queue_name": "cards_alerts", "max_retries": 3},
    }
    for name, given in (("charge_card", fields), ("send_receipt", {})):
        world.api.put(f"/tasks/{name}", json=given).raise_for_status()
    path = "/tasks/charge_card/runs"
    card = {"amount": 10, "card": HOSTILE, "token": "hush"}
    headers = {"trace_id": HOSTILE}
    ids = [world.post(path, {"input": card, "headers": headers})["id"] for _ in range(3)]
    for claimed in world.claim("cards", 2):
        if claimed["id"] == ids[0]:
            world.complete(claimed, {"txn": "t1"})
        else:
            world.fail(claimed, f"card refused {HOSTILE}")
    world.post(f"{path}/{ids[2]}/cancel", {"reason": f"ordered twice {HOSTILE}"})
    world.post(path, {"input": {"amount": 0}})
    world.post(path, {"input": 5, "concurrency_key": "order-7", "delay_ms": 3_600_000})
    world.made["run"] = world.post(
        path, {"input": card, "headers": headers, "concurrency_key": HOSTILE}
    )
    world.claim("cards", 1)


FLOW: Final = "order_flow"


def flow_world(world: World) -> None:
    """A flow with every kind of step; a run in the middle of it, and one that has failed."""
    steps: list[dict[str, Any]] = [
        {"key": "validate", "description": f"Look at the order {HOSTILE}"},
        {"key": "lines", "depends_on": ["validate"], "map": {"source": "validate"}},
        {"key": "found", "depends_on": ["validate"], "generate": True},
        {"key": "total", "depends_on": ["lines"], "reduce": {"source": "lines", "initial": 0}},
        {"key": "approve", "depends_on": ["validate"], "signal": True},
        {"key": "gift", "depends_on": ["validate"], "condition": "input.is_gift"},
        {"key": "ship", "depends_on": ["total", "approve", "gift"], "optional_deps": ["gift"]},
    ]
    document = {
        "description": f"Order handling {HOSTILE}",
        "steps": [{"queue_name": "order_steps", **step, "max_retries": 0} for step in steps],
        "on_fail": {"queue_name": "order_alerts"},
    }
    world.api.put(f"/flows/{FLOW}", json=document).raise_for_status()
    path, given = f"/flows/{FLOW}/runs", {"order_id": 7, "card": HOSTILE}
    failed = world.post(path, {"input": given})["workflow_id"]
    world.fail(world.claim("order_steps")[0], f"no such order {HOSTILE}")
    made = world.post(path, {"input": given, "concurrency_key": f"order {HOSTILE}"})
    world.complete(world.claim("order_steps")[0], [{"sku": "a"}, {"sku": "b"}, HOSTILE])
    for claimed in world.claim("order_steps", 10):
        if claimed["kind"] == "item" and claimed["step"]["item_index"] == 0:
            world.complete(claimed, 40)
    world.made["flow_run"] = {"id": made["workflow_id"], "failed": failed}


def seed(api: httpx.Client) -> World:
    """Queues: charges fails, emails is well, reports is paused, thumbnails has no worker."""
    world = World(api)
    world.made["org"] = api.get("/auth/me").json()["organization_id"]
    for error in ERRORS:
        for _ in range(2):
            world.made["dead"] = world.dead("charges", error)
    errors = api.get("/dashboard/errors").json()
    [world.made["error"]] = [row["key"] for row in errors if row["title"].endswith("?f?a)")]
    world.made["retrying"] = world.job("charges", "charge.capture", tags={"tier": "vip"})
    [claimed] = world.claim("charges")
    world.fail(claimed, ERRORS[2])
    for n in range(6):
        world.job("emails", "mail.send", payload={"to": f"user{n}@a.example", "n": n})
    for claimed in world.claim("emails", 4):
        world.complete(claimed, {"sent": True})
    world.made["running"] = world.job(
        "emails", "mail.digest", payload={"big": 12345678901234567890}
    )
    world.claim("emails", 1)
    world.made["scheduled"] = world.job("emails", scheduled_at="2099-01-01T00:00:00Z")
    for _ in range(7):
        world.made["waiting"] = world.job("thumbnails", "thumb.make")
    for _ in range(3):
        world.job("reports", "report.daily")
    world.post("/queues/reports/pause", {"reason": "warehouse is down"})
    world.made["hostile"] = world.job("hostile", HOSTILE[:60], payload={HOSTILE: [HOSTILE]})
    cancelled = world.job("thumbnails", "thumb.make")
    api.delete(f"/jobs/{cancelled['id']}").raise_for_status()
    world.made["worker"] = world.worker("worker-1", "charges")
    world.worker("worker-2", "emails")
    world.schedule("cache", "*/10 * * * * *", queue_name="thumbnails")
    world.schedule(HOSTILE, "0 9 * * MON-FRI", timezone="Asia/Kolkata", queue_name="emails")
    paused = world.schedule("monthly-invoice", "0 6 1 * *", queue_name="charges")
    world.post(f"/schedules/{paused['id']}/pause", {})
    world.made["schedule"] = world.schedule("daily-report", timezone="America/New_York")
    world.post(f"/schedules/{world.made['schedule']['id']}/trigger", {})
    steps = [
        {"key": "extract-eu", "queue_name": "etl", "payload": {}},
        {"key": "extract-us", "queue_name": "etl", "payload": {}},
        {
            "key": "clean",
            "queue_name": "etl",
            "payload": {},
            "depends_on": ["extract-eu", "extract-us"],
        },
        {
            "key": "score",
            "queue_name": "etl",
            "payload": {"model": 3},
            "depends_on": ["clean"],
            "max_retries": 0,
        },
        {"key": "report", "queue_name": "etl", "payload": {}, "depends_on": ["score"]},
    ]
    world.made["workflow"] = world.post("/workflows", {"name": "nightly-etl", "jobs": steps})
    for _ in range(2):
        for claimed in world.claim("etl", 2):
            world.complete(claimed, {"rows": 1204})
    [claimed] = world.claim("etl")
    world.fail(claimed, ERRORS[0])
    world.post("/workflows", {"name": "waiting", "jobs": steps[:2]})
    world.made["webhook"] = world.post(
        "/outgoing-webhooks",
        {"name": f"shop {HOSTILE}", "url": NOBODY, "events": ["job.created"], "secret": "hush"},
    )
    world.post(f"/outgoing-webhooks/{world.made['webhook']['id']}/test", {})
    world.made["told"] = world.job(
        "emails", "mail.welcome", payload={"n": 9007199254740993}, completion_webhook=NOBODY
    )
    limited = {"name": "mailer", "queues": ["emails"], "permissions": ["jobs:read", "jobs:write"]}
    world.made["key"] = world.post("/api-keys", {**limited, "rate_limit": 600})
    message_world(world)
    inbox_world(world)
    task_world(world)
    flow_world(world)
    org_id = api.get("/auth/me").json()["organization_id"]
    event = {"queue_name": "orders", "payload": {"order": 7}, "event_type": "order.created"}
    world.post(f"/webhooks/{org_id}/custom", event)
    return world
