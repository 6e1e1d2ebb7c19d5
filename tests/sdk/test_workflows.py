"""The workflows calls of the official client, and the user onboarding of its introduction."""

from typing import Any

import httpx
import pytest
from spooled.client import SpooledClient
from spooled.errors import ConflictError, NotFoundError, ValidationError

from tests.sdk.driven import a_client
from tests.sdk.test_attempts import claim_one
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow


def a_job(queue: str, key: str, *depends_on: str, **more: Any) -> dict[str, Any]:
    item = {"key": key, "queue_name": f"{queue}-{key}", "payload": {"of": key}, **more}
    return {**item, "depends_on": list(depends_on)} if depends_on else item


def diamond(queue: str) -> list[dict[str, Any]]:
    return [
        a_job(queue, "a"),
        a_job(queue, "b", "a"),
        a_job(queue, "c", "a"),
        a_job(queue, "d", "b", "c"),
    ]


def create(client: SpooledClient, jobs: list[dict[str, Any]], **more: Any) -> tuple[str, Any]:
    """The id of a new workflow, and those of its jobs by key."""
    created = client.workflows.create({"name": "etl", "jobs": jobs, **more})
    return created.workflow_id, {each.key: each.job_id for each in created.job_ids}


def complete(client: SpooledClient, queue: str, *keys: str, result: Any = None) -> None:
    for key in keys:
        job = claim_one(client, f"{queue}-{key}")
        holder = {"worker_id": "w", "lease_id": job.lease_id}
        client.jobs.complete(job.id, {**holder, "result": result})


def die(client: SpooledClient, queue: str, key: str) -> None:
    job = claim_one(client, f"{queue}-{key}")
    holder = {"worker_id": "w", "lease_id": job.lease_id}
    client.jobs.fail(job.id, {**holder, "error": "boom"})


def waiting(client: SpooledClient, queue: str, key: str) -> bool:
    return client.jobs.claim({"queue_name": f"{queue}-{key}", "worker_id": "w"}).jobs == []


def test_a_new_workflow_names_its_jobs_in_their_order(client: SpooledClient, queue: str) -> None:
    created = client.workflows.create(
        {
            "name": "etl",
            "description": "every night",
            "metadata": {"team": "x"},
            "jobs": diamond(queue),
        }
    )

    assert created.status == "pending"
    assert [each.key for each in created.job_ids] == ["a", "b", "c", "d"]
    shown = client.workflows.get(created.workflow_id)
    assert (shown.id, shown.name, shown.status) == (created.workflow_id, "etl", "pending")
    assert (shown.total_jobs, shown.completed_jobs, shown.failed_jobs) == (4, 0, 0)
    assert (shown.progress_percent, shown.started_at, shown.completed_at) == (0.0, None, None)
    assert (shown.description, shown.metadata) == ("every night", {"team": "x"})


def test_a_job_can_be_claimed_right_after_what_it_waits_for(
    client: SpooledClient, queue: str
) -> None:
    workflow_id, ids = create(client, diamond(queue))
    assert waiting(client, queue, "b")

    complete(client, queue, "a", "b")
    assert client.workflows.get(workflow_id).status == "running"
    assert waiting(client, queue, "d")
    complete(client, queue, "c", "d")

    shown = client.workflows.get(workflow_id)
    assert (shown.status, shown.completed_jobs, shown.failed_jobs) == ("completed", 4, 0)
    assert shown.progress_percent == 100.0
    assert shown.started_at is not None
    assert shown.completed_at is not None
    assert {job.status for job in client.workflows.jobs.list(workflow_id)} == {"completed"}
    assert ids["d"] in {job.id for job in client.jobs.list({"queue_name": f"{queue}-d"})}


def test_the_jobs_of_a_workflow_come_with_everything(client: SpooledClient, queue: str) -> None:
    jobs = [a_job(queue, "a", priority=3, max_retries=0, timeout_seconds=9), a_job(queue, "b", "a")]
    workflow_id, ids = create(client, jobs)
    die(client, queue, "a")

    a, b = client.workflows.jobs.list(workflow_id)

    assert (a.id, a.key, a.queue_name) == (ids["a"], "a", f"{queue}-a")
    assert (a.status, a.payload, a.priority) == ("deadletter", {"of": "a"}, 3)
    assert (a.timeout_seconds, a.error.message if a.error else None) == (9, "boom")
    assert (b.status, b.depends_on) == ("cancelled", [ids["a"]])
    assert client.workflows.jobs.get(workflow_id, ids["b"]).id == ids["b"]
    rows = client.workflows.jobs.get_status(workflow_id)
    assert [(row.key, row.job_id, row.status) for row in rows] == [
        ("a", ids["a"], "deadletter"),
        ("b", ids["b"], "cancelled"),
    ]
    with pytest.raises(NotFoundError):
        client.workflows.jobs.get(workflow_id, "no-such-job")


def test_the_list_is_newest_first_and_filtered(own_server: ServerProcess, kind: str) -> None:
    with a_client(kind, own_server.url) as client:
        ids = [create(client, [a_job("q", "a")])[0] for _ in range(4)]
        client.workflows.cancel(ids[2])

        def found(**params: Any) -> list[str]:
            return [each.id for each in client.workflows.list(params)]

        assert [each.id for each in client.workflows.list()] == ids[::-1]
        assert found(limit=2, offset=1) == [ids[2], ids[1]]
        assert found(status="cancelled") == [ids[2]]
        assert found(status="completed") == []


def test_a_cancelled_workflow_ends_what_waits(client: SpooledClient, queue: str) -> None:
    workflow_id, _ = create(client, diamond(queue))
    job = claim_one(client, f"{queue}-a")

    cancelled = client.workflows.cancel(workflow_id)
    client.jobs.complete(job.id, {"worker_id": "w", "lease_id": job.lease_id})

    assert (cancelled.status, client.workflows.get(workflow_id).status) == ("cancelled",) * 2
    assert waiting(client, queue, "b")
    assert client.workflows.cancel(workflow_id).status == "cancelled"


def test_what_is_completed_cannot_be_cancelled(client: SpooledClient, queue: str) -> None:
    workflow_id, _ = create(client, [a_job(queue, "a")])
    complete(client, queue, "a")

    with pytest.raises(ConflictError):
        client.workflows.cancel(workflow_id)


def test_a_failed_workflow_is_retried(client: SpooledClient, queue: str) -> None:
    workflow_id, _ = create(client, [a_job(queue, "a", max_retries=0), a_job(queue, "b", "a")])
    with pytest.raises(ValidationError, match="failed"):
        client.workflows.retry(workflow_id)
    die(client, queue, "a")
    assert client.workflows.get(workflow_id).status == "failed"

    again = client.workflows.retry(workflow_id)

    assert (again.status, again.failed_jobs) == ("running", 0)
    complete(client, queue, "a", "b")
    assert client.workflows.get(workflow_id).status == "completed"


@pytest.mark.parametrize("mode", ["all", "any"])
def test_modes_and_later_dependencies(client: SpooledClient, queue: str, mode: str) -> None:
    jobs = [a_job(queue, "a"), a_job(queue, "b"), a_job(queue, "c")]
    _, ids = create(client, jobs)

    added = client.workflows.jobs.add_dependencies(
        ids["c"], {"dependency_job_ids": [ids["a"], ids["b"]], "dependency_mode": mode}
    )

    assert (added.added_count, added.dependencies_met, added.job_id) == (2, False, ids["c"])
    complete(client, queue, "a")
    seen = client.workflows.jobs.get_dependencies(ids["c"])
    assert (seen.dependency_mode, seen.dependencies_met) == (mode, mode == "any")
    assert {each.job_id: each.completed for each in seen.dependencies} == {
        ids["a"]: True,
        ids["b"]: False,
    }
    assert waiting(client, queue, "c") == (mode == "all")


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ([a_job("q", "a", "b"), a_job("q", "b", "a")], "Circular dependency"),
        ([a_job("q", "a", "nobody")], "unknown job 'nobody'"),
        ([a_job("q", "a"), a_job("q", "a")], "Duplicate job key 'a'"),
    ],
)
def test_a_graph_that_cannot_run_is_refused(
    client: SpooledClient, jobs: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        client.workflows.create({"name": "etl", "jobs": jobs})


def test_what_is_not_there_is_not_found(client: SpooledClient) -> None:
    for call in (client.workflows.get, client.workflows.cancel, client.workflows.retry):
        with pytest.raises(NotFoundError):
            call("no-such-workflow")
    with pytest.raises(NotFoundError):
        client.workflows.jobs.get_dependencies("no-such-job")


def test_user_onboarding_as_the_introduction_has_it(
    server: ServerProcess, client: SpooledClient, queue: str
) -> None:
    """Steps are named by `name` and `queue`, with a key that has permissions for jobs only."""

    def call(path: str, body: Any, *, key: str) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"{server.url}/api/v1{path}", headers=headers, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    words = ["jobs:write", "jobs:read", "queues:read"]
    key = call("/api-keys", {"name": "w", "permissions": words}, key=API_KEY)["key"]
    user = {"user_id": "usr_123", "email": "new@example.com"}
    created = call(
        "/workflows",
        {
            "name": "user-onboarding",
            "jobs": [
                {"name": "create-account", "queue": f"{queue}-users", "payload": user},
                {
                    **{"name": "send-welcome", "queue": f"{queue}-emails", "payload": user},
                    "depends_on": ["create-account"],
                },
                {
                    **{"name": "setup-defaults", "queue": f"{queue}-setup", "payload": user},
                    "depends_on": ["create-account"],
                },
                {
                    **{"name": "notify-team", "queue": f"{queue}-team", "payload": user},
                    "depends_on": ["send-welcome", "setup-defaults"],
                },
            ],
        },
        key=key,
    )

    done = []
    for name in ("users", "setup", "emails", "team"):
        job = call("/jobs/dequeue", {"queue": f"{queue}-{name}", "worker_id": "w"}, key=key)
        assert job["payload"] == user
        done.append((job["step"]["key"], sorted(job["step"]["deps"])))
        call(f"/jobs/{job['id']}/complete", {"result": {"step": name}}, key=key)
    assert done == [
        ("create-account", []),
        ("setup-defaults", ["create-account"]),
        ("send-welcome", ["create-account"]),
        ("notify-team", ["send-welcome", "setup-defaults"]),
    ]
    assert client.workflows.get(created["workflow_id"]).status == "completed"
