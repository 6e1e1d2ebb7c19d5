"""Workflows over HTTP: contract schedules-workflows-webhooks, sections 2 and 6.3."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, problem, refusal
from tests.wire.http.raw_http import run
from tests.wire.http.served import Api
from tests.wire.http.workflow_calls import WorkflowApi, a_step, a_workflow
from tests.wire.waiting.stage import Stage, a_stage, given

MIB = 1024 * 1024


@pytest.fixture
def api() -> Iterator[WorkflowApi]:
    with WorkflowApi(":memory:", Settings()) as it:
        yield it


# -- what is answered ----------------------------------------------------------------------------


def test_a_new_workflow_is_answered_with_every_field(api: WorkflowApi) -> None:
    created = api.workflow(description="nightly", metadata={"team": [1, 2.50]})

    ids = created.pop("job_ids")
    assert [each["key"] for each in ids] == ["a", "b"]
    assert all(len(each["job_id"]) == 36 and set(each) == {"key", "job_id"} for each in ids)
    workflow_id = created.pop("workflow_id")
    assert len(workflow_id) == 36
    assert created == {
        "id": workflow_id,
        "organization_id": api.served.org_id,
        "name": "etl",
        "description": "nightly",
        "status": "pending",
        "total_jobs": 2,
        "completed_jobs": 0,
        "failed_jobs": 0,
        "progress_percent": 0.0,
        "created_at": NOW,
        "started_at": None,
        "completed_at": None,
        "updated_at": NOW,
        "metadata": {"team": [1, 2.5]},
    }


def test_the_example_of_the_contract(api: WorkflowApi) -> None:
    body = {
        "name": "etl",
        "jobs": [
            {"key": "extract", "queue_name": "etl", "payload": {}},
            {"key": "load", "queue_name": "etl", "payload": {}, "depends_on": ["extract"]},
        ],
    }

    created = api.shown("POST", "workflows", 201, json=body)

    assert set(created) == {
        *("workflow_id", "id", "organization_id", "name", "description", "status", "job_ids"),
        *("total_jobs", "completed_jobs", "failed_jobs", "progress_percent"),
        *("created_at", "started_at", "completed_at", "updated_at", "metadata"),
    }
    assert [job["id"] for job in api.claim("etl", limit=9)] == [created["job_ids"][0]["job_id"]]


SUMMARY = {
    *("id", "organization_id", "name", "description", "status", "total_jobs", "completed_jobs"),
    *("failed_jobs", "progress_percent", "created_at", "started_at", "completed_at"),
    *("updated_at", "metadata"),
}


def test_the_detail_has_the_jobs_their_edges_and_the_progress(api: WorkflowApi) -> None:
    created = api.workflow(
        a_step("a", payload={"job_type": "extract", "n": 1}, tags=["x"], priority=7),
        a_step("b", "a", dependency_type="completion", max_retries=1, timeout_ms=1_500),
        a_step("c", "a", "b", dependency_mode="any"),
    )
    ids = api.ids(created)
    api.complete("a", result={"rows": 5})

    shown = api.detail(created["id"])

    assert set(shown) == SUMMARY | {"jobs", "dependencies", "progress", "estimated_completion"}
    assert shown["progress"] == {
        **{"total": 3, "completed": 1, "failed": 0},
        **{"pending": 2, "processing": 0, "cancelled": 0},
    }
    assert (shown["status"], shown["completed_jobs"]) == ("running", 1)
    assert shown["progress_percent"] == pytest.approx(100 / 3)
    assert (shown["started_at"], shown["estimated_completion"]) == (NOW, None)
    assert shown["dependencies"] == [
        edge(ids["a"], ids["b"], "completion"),
        edge(ids["a"], ids["c"], "success"),
        edge(ids["b"], ids["c"], "success"),
    ]
    assert [job["key"] for job in shown["jobs"]] == ["a", "b", "c"]
    assert shown["jobs"][0] == {
        **{"id": ids["a"], "organization_id": api.served.org_id, "workflow_id": created["id"]},
        **{"key": "a", "queue": "a", "queue_name": "a", "job_type": "extract"},
        **{"status": "completed", "payload": {"job_type": "extract", "n": 1}},
        **{"result": {"rows": 5}, "error": None, "priority": 7, "max_retries": 3},
        **{"attempt": 0, "retry_count": 0, "timeout_ms": 300_000, "timeout_seconds": 300},
        **{"backoff_type": "exponential", "metadata": ["x"], "depends_on": []},
        **{"dependency_mode": "all", "dependencies_met": True, "parent_job_id": None},
        **{"created_at": NOW, "scheduled_at": None, "started_at": NOW, "completed_at": NOW},
        **{"failed_at": None, "next_retry_at": None},
    }
    b, c = shown["jobs"][1:]
    assert (b["job_type"], b["max_retries"], b["timeout_ms"]) == ("job", 1, 2_000)
    assert (c["depends_on"], c["dependency_mode"]) == ([ids["a"], ids["b"]], "any")
    assert (c["dependencies_met"], c["status"]) == (True, "pending")


def edge(parent: str, child: str, condition: str) -> dict[str, str]:
    return {"parent_job_id": parent, "child_job_id": child, "dependency_type": condition}


def test_a_failure_is_an_object_in_the_detail_and_a_text_by_itself(api: WorkflowApi) -> None:
    created = api.failed()
    path, ids = f"workflows/{created['id']}", api.ids(created)

    [in_detail, cancelled] = api.shown("GET", path)["jobs"]
    by_itself = api.shown("GET", f"{path}/jobs/{ids['a']}")

    assert in_detail["error"] == {
        **{"type": "JobError", "error_type": "JobError", "message": "boom", "stack": None}
    }
    assert (in_detail["failed_at"], in_detail["completed_at"]) == (NOW, None)
    assert by_itself["error"] == "boom"
    assert cancelled["error"]["message"] == "Parent job failed or was deadlettered"
    assert set(by_itself) == set(in_detail) | {"job_id", "depends_on_keys"}
    rest = {name: value for name, value in in_detail.items() if name != "error"}
    assert rest.items() <= by_itself.items()


def test_a_job_that_will_be_retried_says_when(api: WorkflowApi) -> None:
    created = api.workflow()
    api.shown("POST", f"jobs/{api.take('a')['id']}/fail", json={"error": "boom"})

    job = api.detail(created["id"])["jobs"][0]

    assert (job["status"], job["attempt"], job["retry_count"]) == ("pending", 1, 1)
    assert job["next_retry_at"] == "2027-01-15T08:00:01.000Z"
    assert (job["failed_at"], job["error"]["message"]) == (None, "boom")


def test_the_jobs_come_in_their_order_and_in_pages(api: WorkflowApi) -> None:
    created = api.workflow(*(a_step(key) for key in ("z", "y", "x")), a_step("w", "z", "x"))
    path = f"workflows/{created['id']}/jobs"

    everything = api.get(path)
    page = api.get(f"{path}?limit=2&offset=1")

    assert [job["key"] for job in everything.json()] == ["z", "y", "x", "w"]
    assert everything.headers["X-Has-More"] == "false"
    assert [job["key"] for job in page.json()] == ["y", "x"]
    assert page.headers["X-Has-More"] == "true"
    last = everything.json()[-1]
    assert (last["job_id"], last["depends_on_keys"]) == (last["id"], ["z", "x"])
    assert last == api.shown("GET", f"{path}/{last['id']}")


def test_status_rows_say_how_each_job_stands(api: WorkflowApi) -> None:
    created = api.workflow(a_step("a"), a_step("b"), a_step("c", "a", "b"))
    api.complete("a")
    api.fail("b")

    path = f"workflows/{created['id']}/jobs/status"
    rows: Any = api.shown("GET", path)

    ids = api.ids(created)
    assert rows == [
        row("a", ids["a"], "completed", [], 100, None),
        row("b", ids["b"], "deadletter", [], 0, "boom"),
        row(
            *("c", ids["c"], "cancelled", ["a", "b"], 0),
            "Parent job failed or was deadlettered",
        ),
    ]


def row(
    key: str, job_id: str, status: str, above: list[str], progress: int, error: str | None
) -> dict[str, Any]:
    return {
        **{"key": key, "job_id": job_id, "status": status, "depends_on": above},
        **{"progress": progress, "retry_count": 0, "error": error},
    }


def test_a_job_shows_its_workflow(api: WorkflowApi) -> None:
    created = api.workflow()

    job = api.job(api.ids(created)["b"])

    assert (job["workflow_id"], job["dependencies_met"]) == (created["id"], False)
    assert job["dependency_mode"] == "all"


# -- the list ------------------------------------------------------------------------------------


def test_the_list_is_newest_first_in_pages_and_filtered(api: WorkflowApi) -> None:
    ids = []
    for number in range(5):
        ids.append(api.workflow(a_step("a"), name=f"w{number}")["id"])
        api.skip(seconds=1)
    api.shown("POST", f"workflows/{ids[1]}/cancel")

    def found(query: str = "") -> list[str]:
        listed: Any = api.shown("GET", f"workflows{query}")
        return [each["id"] for each in listed]

    assert found() == ids[::-1]
    assert found("?limit=2&offset=1") == [ids[3], ids[2]]
    assert api.get("workflows?limit=5").headers["X-Has-More"] == "false"
    assert api.get("workflows?limit=4").headers["X-Has-More"] == "true"
    assert found("?status=cancelled") == [ids[1]]
    assert found("?status=completed") == []
    assert found("?status=odd&order_by=name&order_dir=asc") == ids[::-1]
    [listed] = api.get("workflows?status=cancelled").json()
    assert set(listed) == SUMMARY


# -- cancel, retry, delete -----------------------------------------------------------------------

EMPTY = [{}, {"content": b""}, {"json": {}}, {"json": []}]


@pytest.mark.parametrize("body", EMPTY)
def test_cancel_answers_the_summary_and_needs_no_body(
    api: WorkflowApi, body: dict[str, Any]
) -> None:
    created = api.workflow()
    path = f"workflows/{created['id']}/cancel"

    cancelled = api.shown("POST", path, **body)

    assert set(cancelled) == SUMMARY
    assert (cancelled["status"], cancelled["completed_at"]) == ("cancelled", NOW)
    assert api.shown("POST", path, json={"reason": "again", "stop_running": True}) == cancelled
    assert api.claim("a") == []


def test_jobs_that_run_are_told_to_stop_by_a_refusal_with_the_reason(api: WorkflowApi) -> None:
    created = api.workflow(a_step("a"), a_step("b", "a"))
    job = api.take("a")
    path = f"jobs/{job['id']}/heartbeat"

    cancelled = api.shown("POST", f"workflows/{created['id']}/cancel", json={"stop_running": True})
    assert (set(cancelled), cancelled["status"]) == (SUMMARY, "cancelled")
    assert api.job(job["id"])["status"] == "processing"
    # A refusal that changes something: not for the watch.
    answer = Api.request(api, "POST", path, json={"lease_id": job["lease_id"]})

    assert answer.status_code == 409
    assert answer.json() == {
        "code": "LEASE_EXPIRED",
        "error": "lease_expired",
        "message": "Lease expired",
        "details": {
            "status": "cancelled",
            "by_this_lease": False,
            "reason": "workflow_canceled",
        },
    }
    assert api.job(job["id"])["status"] == "cancelled"
    assert api.history(job["id"]) == ["created", "claimed", "cancelled"]
    # The answer may have been lost: asked again it is the same, and nothing more happens.
    for act in ("heartbeat", "renew-lease", "complete"):
        again = api.post(f"jobs/{job['id']}/{act}", json={"lease_id": job["lease_id"]})
        assert again.json() == answer.json()


def test_a_job_that_was_told_to_stop_may_complete_and_does_not_fail(api: WorkflowApi) -> None:
    created = api.workflow(a_step("a"), a_step("b"))
    one, other = api.take("a"), api.take("b")
    api.shown("POST", f"workflows/{created['id']}/cancel", json={"stop_running": True})

    api.shown("POST", f"jobs/{one['id']}/complete", json={"lease_id": one["lease_id"]})
    failed = api.shown("POST", f"jobs/{other['id']}/fail", json={"error": "boom"})

    assert failed == {
        "success": True,
        "will_retry": False,
        "next_retry_delay_secs": 0,
        "status": "cancelled",
    }
    assert api.job(other["id"])["last_error"] == "boom"
    shown = api.detail(created["id"])
    assert (shown["status"], shown["completed_jobs"], shown["failed_jobs"]) == ("cancelled", 1, 0)
    assert shown["progress"]["cancelled"] == 1
    assert api.get("jobs/dlq").json() == []


@pytest.mark.parametrize("body", [{}, {"stop_running": None}, {"stop_running": False}])
def test_jobs_that_run_are_not_told_to_stop_unless_asked_to(
    api: WorkflowApi, body: dict[str, Any]
) -> None:
    created = api.workflow(a_step("a"))
    job = api.take("a")

    api.shown("POST", f"workflows/{created['id']}/cancel", json=body)

    api.shown("POST", f"jobs/{job['id']}/heartbeat", json={"lease_id": job["lease_id"]})
    failed = api.shown("POST", f"jobs/{job['id']}/fail", json={"error": "boom"})
    assert (failed["will_retry"], failed["status"]) == (True, "pending")


@pytest.mark.parametrize("value", ["true", 1, [], {}])
def test_stop_running_of_another_type_is_refused_by_name(api: WorkflowApi, value: Any) -> None:
    created = api.workflow()

    answer = api.post(f"workflows/{created['id']}/cancel", json={"stop_running": value})

    assert problem(answer) == (422, "stop_running", "invalid_type")
    assert api.detail(created["id"])["status"] == "pending"


@pytest.mark.parametrize("body", EMPTY)
def test_retry_answers_the_summary_and_needs_no_body(
    api: WorkflowApi, body: dict[str, Any]
) -> None:
    created = api.failed()

    again = api.shown("POST", f"workflows/{created['id']}/retry", **body)

    assert set(again) == SUMMARY
    assert (again["status"], again["failed_jobs"], again["completed_at"]) == ("running", 0, None)
    api.complete("a", "b")
    done = api.detail(created["id"])
    assert (done["status"], done["progress_percent"]) == ("completed", 100.0)


def test_only_failed_workflows_are_retried(api: WorkflowApi) -> None:
    answer = api.post(f"workflows/{api.workflow()['id']}/retry")

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert "failed" in answer.json()["message"]


@pytest.mark.parametrize("start", ["a", ["a"], ["b", "a", "b"]])
def test_a_finished_workflow_is_run_again_from_a_job_on(api: WorkflowApi, start: Any) -> None:
    created = api.workflow()
    api.complete("a", "b")
    path = f"workflows/{created['id']}/rerun"
    expected = {"steps": 2, "keys": ["a", "b"]}

    assert api.shown("POST", path, json={"from": start, "dry_run": True}) == expected
    assert api.detail(created["id"])["status"] == "completed"
    assert api.shown("POST", path, json={"from": start}) == expected

    assert api.detail(created["id"])["status"] == "running"
    api.complete("a", "b")
    assert api.detail(created["id"])["status"] == "completed"


def test_a_rerun_is_an_act_and_its_dry_run_or_refusal_is_none(api: WorkflowApi) -> None:
    created = api.workflow()
    path = f"workflows/{created['id']}/rerun"
    assert api.post(path, json={"from": "a"}).status_code == 409
    api.complete("a", "b")
    assert api.post(path, json={"from": "nobody"}).status_code == 400
    api.shown("POST", path, json={"from": "a", "dry_run": True})
    assert api.get("acts").json() == []

    api.shown("POST", path, json={"from": "a"})

    [told] = api.get("acts").json()
    shown = [told[name] for name in ("kind", "act", "subject", "subject_name", "count")]
    assert shown == ["workflow", "rerun", created["id"], created["name"], 2]
    [*_, last] = api.get(f"jobs/{api.ids(created)['a']}/history").json()
    assert last["details"]["by"] == told["key_name"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        *[({}, 422), ({"from": []}, 400), ({"from": 7}, 422), ({"from": "x"}, 400)],
        *[({"from": [1]}, 422), ({"from": {"a": 1}}, 422), ({"from": None}, 422)],
        *[({"from": "a", "dry_run": "yes"}, 422), ({"from": ["a"] * 1001}, 400)],
    ],
)
def test_a_rerun_names_jobs_of_the_workflow(
    api: WorkflowApi, body: dict[str, Any], expected: int
) -> None:
    created = api.workflow()
    api.complete("a", "b")

    assert api.post(f"workflows/{created['id']}/rerun", json=body).status_code == expected
    assert api.detail(created["id"])["status"] == "completed"


def test_a_workflow_of_another_organization_is_not_run_again(api: WorkflowApi) -> None:
    created = api.workflow()
    api.complete("a", "b")
    path, other = f"workflows/{created['id']}/rerun", api.other_org()

    for body in ({"from": "a"}, {"from": "a", "dry_run": True}):
        assert refusal(api.request("POST", path, json=body, key=other)) == (404, "NOT_FOUND")

    assert api.detail(created["id"])["status"] == "completed"


def test_a_workflow_that_runs_is_not_run_again(api: WorkflowApi) -> None:
    answer = api.post(f"workflows/{api.workflow()['id']}/rerun", json={"from": "a"})

    assert refusal(answer) == (409, "CONFLICT")


def test_what_has_ended_is_not_cancelled(api: WorkflowApi) -> None:
    created = api.workflow(a_step("a"))
    api.complete("a")

    assert refusal(api.post(f"workflows/{created['id']}/cancel")) == (409, "CONFLICT")


def test_deleting_leaves_the_jobs(api: WorkflowApi) -> None:
    created = api.workflow()
    path = f"workflows/{created['id']}"
    assert refusal(api.delete(path)) == (409, "CONFLICT")
    api.shown("POST", f"{path}/cancel")

    answer = api.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(api.get(path)) == (404, "NOT_FOUND")
    for job_id in api.ids(created).values():
        assert api.job(job_id)["workflow_id"] is None


def test_a_retried_step_starts_its_workflow_again(api: WorkflowApi) -> None:
    created = api.failed()

    job = api.shown("POST", f"jobs/{api.ids(created)['a']}/retry")

    assert job["status"] == "pending"
    assert api.detail(created["id"])["status"] == "running"
    api.complete("a", "b")
    assert api.detail(created["id"])["status"] == "completed"


def test_a_dead_letter_of_a_workflow_too_many_is_skipped() -> None:
    settings = Settings(plan_enforcement="off")
    with WorkflowApi(":memory:", settings) as api:
        api.write(limit, {"max_workflows": 1})
        failed = api.failed()
        other = api.workflow(a_step("x"))

        answer = api.shown("POST", "jobs/dlq/retry", json={})

        dead = api.ids(failed)["a"]
        assert (answer["retried_count"], answer["skipped_jobs"]) == (0, [dead])
        assert api.post(f"jobs/{dead}/retry").json()["resource"] == "workflows"
        api.shown("POST", f"workflows/{other['id']}/cancel")
        assert api.shown("POST", "jobs/dlq/retry", json={})["retried_jobs"] == [dead]


def limit(tx: Tx, limits: dict[str, int]) -> None:
    blob = json.dumps(limits).encode()
    tx.execute("UPDATE organizations SET custom_limits = :blob", {"blob": blob})
    row = tx.row(Statement(OrgRow, "SELECT * FROM organizations"))
    assert row is not None
    tx.emit("org.changed", row["seq"], row=row)


# -- who may -------------------------------------------------------------------------------------

BY_ID = [
    *(("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")),
    *(("GET", "/jobs"), ("GET", "/jobs/status"), ("GET", "/jobs/{job}")),
]


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_an_unknown_or_foreign_workflow_is_not_there(
    api: WorkflowApi, method: str, path: str
) -> None:
    created = api.workflow()
    path = path.replace("{job}", api.ids(created)["a"])
    foreign = api.other_org()

    for workflow_id in (UNKNOWN_ID, "no-such-workflow"):
        assert refusal(api.request(method, f"workflows/{workflow_id}{path}")) == (404, "NOT_FOUND")
    answer = api.request(method, f"workflows/{created['id']}{path}", key=foreign)
    assert refusal(answer) == (404, "NOT_FOUND")


def test_a_job_that_is_no_step_of_it_is_not_there(api: WorkflowApi) -> None:
    one, other = api.workflow(), api.workflow(a_step("x"))
    plain = api.enqueue()

    for job_id in (UNKNOWN_ID, plain["id"], api.ids(other)["x"]):
        answer = api.get(f"workflows/{one['id']}/jobs/{job_id}")
        assert refusal(answer) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_a_key_needs_all_queues_of_a_workflow(api: WorkflowApi, method: str, path: str) -> None:
    created = api.failed()
    path = path.replace("{job}", api.ids(created)["a"])
    some, every = api.issue(queues=("a",)), api.issue(queues=("a", "b"))

    answer = api.request(method, f"workflows/{created['id']}{path}", key=some)

    assert refusal(answer) == (403, "ACCESS_DENIED")
    assert api.request(method, f"workflows/{created['id']}{path}", key=every).status_code != 403


def test_a_key_stores_and_lists_only_what_is_in_its_queues(api: WorkflowApi) -> None:
    key = api.issue(queues=("a", "b"))
    outside = api.workflow(a_step("a"), a_step("c"))

    answer = api.post("workflows", json=a_workflow(a_step("a"), a_step("c")), key=key)
    inside = api.post("workflows", json=a_workflow(), key=key)

    assert refusal(answer) == (403, "ACCESS_DENIED")
    assert inside.status_code == 201
    assert [each["id"] for each in api.get("workflows", key=key).json()] == [inside.json()["id"]]
    assert len(api.get("workflows").json()) == 2
    assert outside["id"] not in api.get("workflows?status=pending", key=key).text


# -- the results of the parents ------------------------------------------------------------------


@pytest.mark.parametrize("by", ["claim", "dequeue"])
def test_a_claimed_step_has_the_results_it_builds_on(api: WorkflowApi, by: str) -> None:
    created = api.workflow(a_step("a"), a_step("b"), a_step("c", "a", "b"), a_step("d"))
    api.complete("a", result={"n": 1.50, "list": [1, None]})
    api.complete("b")

    body = {"queue_name": "c", "worker_id": "w"}
    answer = api.shown("POST", f"jobs/{by}", json=body)
    job = answer["jobs"][0] if by == "claim" else answer

    assert job["workflow_id"] == created["id"]
    step = job["step"]
    assert step["deps"] == {"a": {"n": 1.5, "list": [1, None]}, "b": None}
    assert "deps_omitted" not in step
    assert (step["workflow_id"], step["key"]) == (created["id"], "c")
    assert api.take("d")["step"]["deps"] == {}


def test_an_ordinary_job_has_no_step(api: WorkflowApi) -> None:
    assert "step" not in api.claimed()


def test_results_over_a_mebibyte_are_left_out_and_can_be_read(api: WorkflowApi) -> None:
    created = api.workflow(
        *(a_step("a"), a_step("b"), a_step("fits", "a"), a_step("much", "a", "b"))
    )
    for key, length in (("a", MIB - 2), ("b", 1)):
        api.complete(key, result="x" * length)

    fits, much = api.take("fits")["step"], api.take("much")["step"]

    assert len(fits["deps"]["a"]) == MIB - 2
    assert much["deps_omitted"] is True
    assert "deps" not in much
    path = f"workflows/{created['id']}/jobs/{api.ids(created)['b']}"
    assert api.shown("GET", path)["result"] == "x"


def test_one_answer_has_four_mebibytes_of_results(api: WorkflowApi) -> None:
    parents = [a_step(f"p{n}") for n in range(6)]
    # The fourth is small: it still fits after three large ones and before one more.
    sizes = [MIB - 2, MIB - 2, MIB - 2, 10, MIB - 2, 5]
    children = [a_step(f"c{n}", f"p{n}", queue_name="children") for n in range(6)]
    api.workflow(*parents, *children)
    for number, length in enumerate(sizes):
        api.complete(f"p{number}", result="x" * length)

    jobs = api.claim("children", limit=10)

    assert [job["step"]["key"] for job in jobs] == [f"c{n}" for n in range(6)]
    shown = [len(job["step"].get("deps", {}).get(f"p{n}", "")) for n, job in enumerate(jobs)]
    assert shown == [MIB - 2, MIB - 2, MIB - 2, 10, 0, 5]
    assert [job["step"].get("deps_omitted", False) for job in jobs] == [*[False] * 4, True, False]


# -- waiting claims ------------------------------------------------------------------------------


def test_a_waiting_claim_gets_the_step_its_parent_releases() -> None:
    async def main() -> None:
        async with a_stage() as stage:
            created = await stage.post("workflows", a_workflow())
            a, b = (each["job_id"] for each in created["job_ids"])
            [job] = await stage.claim("a")
            client = await stage.waiting("b", worker_id="w-2")
            batches = watched(stage)

            await stage.post(f"jobs/{a}/complete", {"lease_id": job["lease_id"], "result": 7})

            assert await given(client) == [b]
            together = [set(types) for types in batches if "job.completed" in types]
            assert together == [{"job.completed", "job.claimed"}], "in one transaction"

    run(main())


def test_a_waiting_claim_gets_the_step_that_waits_for_a_failure() -> None:
    async def main() -> None:
        async with a_stage() as stage:
            jobs = [a_step("a"), a_step("b", "a", dependency_type="failure")]
            created = await stage.post("workflows", a_workflow(*jobs))
            a, b = (each["job_id"] for each in created["job_ids"])
            await stage.claim("a")
            client = await stage.waiting("b", worker_id="w-2")

            await stage.post(f"jobs/{a}/fail", {"error": "boom", "no_retry": True})

            assert await given(client) == [b]

    run(main())


def watched(stage: Stage) -> list[list[str]]:
    """The types of the events of every batch from now on."""
    batches: list[list[str]] = []
    stage.it.services.bus.listen(lambda events: batches.append([each.type for each in events]))
    return batches
