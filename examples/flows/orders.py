"""Orders: a person approves large ones; small ones, and bad ones, are done at once.

spooled-lite serve
SPOOLED_URL=http://127.0.0.1:8080 SPOOLED_API_KEY=sk_… python orders.py
"""

import os
import sys
from typing import Any

import httpx

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
        {"key": "validate"},
        {"key": "approve", "depends_on": ["validate"], "signal": True},
        {"key": "publish", "depends_on": ["validate", "approve"], "condition": "approve.ok"},
        {"key": "refused", "depends_on": ["approve"], "condition": "not approve.ok"},
    ]
    ask("PUT", "/flows/orders", {"steps": steps, "output_priority": ["publish", "refused"]})


# -- the worker ------------------------------------------------------------------------------------


def validate(given: Any) -> dict[str, Any]:
    """What ends the run early has an `output`."""
    prices = given["input"]["prices"]
    if min(prices) < 0:
        return {"output": "bad prices"}
    if sum(prices) < 100:
        return {"output": f"published {sum(prices)} at once"}
    return {"total": sum(prices)}


def approve(given: Any) -> Any:
    return given["signal"]


def publish(given: Any) -> Any:
    deps = given["deps"]
    return f"published {deps['validate']['total']}, approved by {deps['approve']['by']}"


def refused(given: Any) -> Any:
    return f"refused by {given['deps']['approve']['by']}"


HANDLERS = {each.__name__: each for each in (validate, approve, publish, refused)}


def work() -> None:
    """Until nothing waits for a worker."""
    while jobs := ask("POST", "/jobs/claim", {"queue_name": "orders", "worker_id": "w"})["jobs"]:
        for job in jobs:
            result = HANDLERS[job["step"]["key"]](job["payload"])
            end: dict[str, Any] = {"lease_id": job["lease_id"], "result": result}
            if isinstance(result, dict) and "output" in result:
                end["complete_workflow"] = result
            ask("POST", f"/jobs/{job['id']}/complete", end)


def run(order: str, *prices: int) -> str:
    body = {"input": {"prices": prices}, "concurrency_key": order}
    run_id: str = ask("POST", "/flows/orders/runs", body)["workflow_id"]
    return run_id


def say(order: str, run_id: str) -> None:
    found = ask("GET", f"/workflows/{run_id}/wait?timeout_ms=0")
    sys.stdout.write(f"{order}: {found['state']}, {found.get('output')}\n")


define()
runs = {"small": run("small", 20, 30), "large": run("large", 80, 90), "bad": run("bad", -1)}
work()
for order, run_id in runs.items():
    say(order, run_id)
approval = {"input": {"ok": True, "by": "ann"}}
ask("POST", f"/workflows/{runs['large']}/steps/approve/signal", approval)
work()
say("large", runs["large"])
