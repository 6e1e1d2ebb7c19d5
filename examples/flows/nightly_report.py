"""A nightly report: one item for each shop, worked off side by side, folded into one report.

spooled-lite serve
SPOOLED_URL=http://127.0.0.1:8080 SPOOLED_API_KEY=sk_… python nightly_report.py
"""

import os
import sys
from typing import Any

import httpx

SHOPS = [{"shop": name, "sold": sold} for name, sold in (("north", 3), ("south", 0), ("west", 9))]

api = httpx.Client(
    base_url=f"{os.environ['SPOOLED_URL']}/api/v1",
    headers={"Authorization": f"Bearer {os.environ['SPOOLED_API_KEY']}"},
    timeout=30,
)


def ask(method: str, path: str, body: Any = None) -> Any:
    answer = api.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json()


def define() -> None:
    steps = [
        {"key": "shops", "map": {"source": "input"}, "item_queue_name": "shops"},
        {"key": "report", "depends_on": ["shops"], "reduce": {"source": "shops", "initial": 0}},
    ]
    body = {"steps": steps, "retention_seconds": 90 * 86_400}
    ask("PUT", "/flows/nightly_report", body)
    schedule = {"cron_expression": "0 2 * * *", "input": SHOPS, "catch_up": "one"}
    ask("PUT", "/flows/nightly_report/schedule", schedule)


def claimed(queue_name: str) -> list[Any]:
    claim = {"queue_name": queue_name, "worker_id": "w", "limit": 10, "wait_ms": 5_000}
    jobs: list[Any] = ask("POST", "/jobs/claim", claim)["jobs"]
    return jobs


def complete(job: Any, result: Any) -> None:
    ask("POST", f"/jobs/{job['id']}/complete", {"lease_id": job["lease_id"], "result": result})


def work_items(count: int) -> None:
    """What a shop has sold, in any order."""
    while count:
        for job in reversed(claimed("shops")):
            item = job["step"]["item"]
            complete(job, {"shop": item["shop"], "turnover": item["sold"] * 10})
            count -= 1


def fold(run_id: str) -> None:
    """What the items gave, in their order, whatever order they were worked off in."""
    [job] = claimed("nightly_report")
    told = job["payload"]["reduce"]
    items = ask("GET", f"/workflows/{run_id}/steps/{told['source']}")["output"]
    total = told["initial"] + sum(item["turnover"] for item in items)
    complete(job, {"total": total, "lines": [f"{it['shop']} {it['turnover']}" for it in items]})


define()
run_id = ask("POST", "/flows/nightly_report/runs", {"input": SHOPS})["workflow_id"]
work_items(len(SHOPS))
fold(run_id)
outcome = ask("GET", f"/workflows/{run_id}/wait?timeout_ms=5000")
sys.stdout.write(f"{outcome['state']}: {outcome['output']}\n")
