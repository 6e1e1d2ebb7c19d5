"""A worker of the official client works off runs of a task, which it takes for jobs of a queue."""

from typing import Any

from spooled_lite.testing import Server

TASK = "greet"


def test_a_worker_of_the_queue_of_a_task_completes_its_runs() -> None:
    seen: list[Any] = []

    def handle(job: Any) -> dict[str, Any]:
        seen.append(job.payload)
        if job.payload == {"value": 3} and job.retry_count == 0:
            raise ValueError("not at once")
        return {"about": job.payload}

    with Server(seed=1) as server:
        server.call("PUT", f"/tasks/{TASK}", {"max_retries": 1})
        asked = [{"name": "ada"}, 3]
        runs = [server.call("POST", f"/tasks/{TASK}/runs", {"input": each}) for each in asked]
        with server.worker(TASK, handle, concurrency=1):
            server.clock.advance("1m")  # which waits for the worker, and reaches the retry

        ended = [server.call("GET", f"/tasks/{TASK}/runs/{run['id']}") for run in runs]

    assert [each["state"] for each in ended] == ["completed", "completed"]
    assert [each["output"] for each in ended] == [
        {"about": {"name": "ada"}},
        {"about": {"value": 3}},
    ]
    assert seen == [{"name": "ada"}, {"value": 3}, {"value": 3}]


def test_a_worker_leaves_a_run_that_was_cancelled_meanwhile() -> None:
    with Server(seed=1) as server:
        server.call("PUT", f"/tasks/{TASK}", {"max_retries": 0})
        run = server.call("POST", f"/tasks/{TASK}/runs", {"input": {}})

        def handle(job: Any) -> dict[str, Any]:
            server.call("POST", f"/tasks/{TASK}/runs/{job.job_id}/cancel", {"reason": "too late"})
            return {}

        with server.worker(TASK, handle, concurrency=1):
            server.clock.advance("1s")
        ended = server.call("GET", f"/tasks/{TASK}/runs/{run['id']}")

    assert (ended["state"], ended["cancel_reason"]) == ("canceled", "too late")
    assert ended["result"] is None
