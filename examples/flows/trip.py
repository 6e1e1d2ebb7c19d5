"""A trip: flight, hotel and car are booked; when one of them fails, the others are given back.

spooled-lite serve
SPOOLED_URL=http://127.0.0.1:8080 SPOOLED_API_KEY=sk_… python trip.py
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
        {"key": "flight"},
        {"key": "hotel", "depends_on": ["flight"]},
        {"key": "car", "depends_on": ["hotel"], "max_retries": 0},
    ]
    ask("PUT", "/flows/trip", {"steps": steps, "on_fail": {"queue_name": "trip_undo"}})


def claimed(queue_name: str) -> list[Any]:
    claim = {"queue_name": queue_name, "worker_id": "w", "wait_ms": 2_000}
    jobs: list[Any] = ask("POST", "/jobs/claim", claim)["jobs"]
    return jobs


def book(city: str) -> None:
    """There is no car in Venice."""
    for _ in range(3):
        [job] = claimed("trip")
        what = job["step"]["key"]
        if what == "car" and city == "Venice":
            error = {"lease_id": job["lease_id"], "error": "no cars there"}
            ask("POST", f"/jobs/{job['id']}/fail", error)
        else:
            result = {"booking": f"{what}-{city}"}
            end = {"lease_id": job["lease_id"], "result": result}
            ask("POST", f"/jobs/{job['id']}/complete", end)


def undo() -> None:
    """What has been booked is given back, the last one first."""
    [job] = claimed("trip_undo")
    failure = job["payload"]["failure"]
    say(f"{failure['failed_step_name']} failed: {failure['error_message']}")
    for key in reversed(failure["completed_steps"]):
        step = ask("GET", f"/workflows/{failure['workflow_id']}/steps/{key}")
        say(f"gave back {step['output']['booking']}")
    ask("POST", f"/jobs/{job['id']}/complete", {"lease_id": job["lease_id"]})


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def travel(city: str) -> None:
    run_id = ask("POST", "/flows/trip/runs", {"input": city})["workflow_id"]
    book(city)
    outcome = ask("GET", f"/workflows/{run_id}/wait?timeout_ms=5000")
    say(f"{city}: {outcome['state']}")
    if outcome["state"] == "failed":
        undo()


define()
travel("Rome")
travel("Venice")
