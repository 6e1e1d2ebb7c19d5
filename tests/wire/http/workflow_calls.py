"""Calls about workflows in short: each step has a queue of its own, named after it."""

from typing import Any

from tests.wire.http.job_calls import WatchedApi


def a_step(key: str, *depends_on: str, **more: Any) -> dict[str, Any]:
    return {
        **{"key": key, "queue_name": key, "payload": {"of": key}},
        **({"depends_on": list(depends_on)} if depends_on else {}),
        **more,
    }


def a_workflow(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "etl", "jobs": list(jobs or [a_step("a"), a_step("b", "a")]), **more}


class WorkflowApi(WatchedApi):
    def workflow(self, *jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What a new workflow is answered with."""
        return self.shown("POST", "workflows", 201, json=a_workflow(*jobs, **more))

    def ids(self, created: dict[str, Any]) -> dict[str, str]:
        return {each["key"]: each["job_id"] for each in created["job_ids"]}

    def take(self, key: str) -> dict[str, Any]:
        [job] = self.claim(key)
        return job

    def complete(self, *keys: str, result: Any = None) -> None:
        for key in keys:
            job_id = self.take(key)["id"]
            self.shown("POST", f"jobs/{job_id}/complete", json={"result": result})

    def fail(self, key: str) -> None:
        body = {"error": "boom", "no_retry": True}
        self.shown("POST", f"jobs/{self.take(key)['id']}/fail", json=body)

    def detail(self, workflow_id: str) -> dict[str, Any]:
        return self.shown("GET", f"workflows/{workflow_id}")

    def failed(self) -> dict[str, Any]:
        """A workflow whose first step has died; the second was cancelled for it."""
        created = self.workflow()
        self.fail("a")
        self.until(f"workflows/{created['id']}", lambda shown: shown["status"] == "failed")
        return created
