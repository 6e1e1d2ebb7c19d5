"""What POST /workflows takes and refuses: contract schedules-workflows-webhooks, 2.2 row 11."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import problem, refusal, sent
from tests.wire.http.workflow_calls import WorkflowApi, a_step, a_workflow


@pytest.fixture
def api() -> Iterator[WorkflowApi]:
    """After a refusal nothing may be stored: the calls look by themselves."""
    with WorkflowApi(":memory:", Settings()) as it:
        yield it


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


def with_job(**fields: Any) -> dict[str, Any]:
    """A workflow whose second job has these fields, too."""
    return a_workflow(a_step("a"), {**a_step("b", "a"), **fields})


# -- aliases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "key"),
    [
        ({"id": "i"}, "i"),
        ({"name": "n"}, "n"),
        ({"step_name": "s"}, "s"),
        ({"key": "k", "id": "i", "name": "n", "step_name": "s"}, "k"),
        ({"key": None, "name": "n", "step_name": "s"}, "n"),
    ],
)
@pytest.mark.parametrize("queue", ["queue", "queue_name"])
def test_a_job_has_its_key_and_queue_under_any_name(
    api: WorkflowApi, item: dict[str, Any], key: str, queue: str
) -> None:
    created = api.workflow({**item, queue: "emails", "payload": 1})

    assert [each["key"] for each in created["job_ids"]] == [key]
    assert api.take("emails")["step"]["key"] == key


@pytest.mark.parametrize(
    "said",
    [
        {"depends_on": ["a"]},
        {"depends_on": "a"},
        {"dependencies": ["a"]},
        {"dependencies": "a"},
        {"depends_on": None, "dependencies": ["a"]},
        {"depends_on": ["a", "a"]},
        {"depends_on": ["a"], "dependencies": ["nobody"]},
    ],
)
def test_dependencies_may_be_said_in_several_ways(api: WorkflowApi, said: dict[str, Any]) -> None:
    created = api.workflow(a_step("a"), {**a_step("b"), **said})

    ids = api.ids(created)
    assert api.detail(created["id"])["dependencies"] == [
        {"parent_job_id": ids["a"], "child_job_id": ids["b"], "dependency_type": "success"}
    ]


@pytest.mark.parametrize(
    ("said", "mode", "condition"),
    [
        ({}, "all", "success"),
        ({"dependency_mode": "any"}, "any", "success"),
        ({"dependency_type": "any"}, "any", "success"),
        ({"dependency_type": "success"}, "all", "success"),
        ({"dependency_type": "completion", "dependency_mode": "any"}, "any", "completion"),
        ({"dependency_type": "failure"}, "all", "failure"),
    ],
)
def test_a_mode_and_a_condition_are_shown_as_they_were_understood(
    api: WorkflowApi, said: dict[str, Any], mode: str, condition: str
) -> None:
    created = api.shown("POST", "workflows", 201, json=with_job(**said))

    shown = api.detail(created["id"])
    assert shown["jobs"][1]["dependency_mode"] == mode
    assert [each["dependency_type"] for each in shown["dependencies"]] == [condition]


def test_every_field_of_a_job_is_kept(api: WorkflowApi) -> None:
    body = with_job(
        priority=-7,
        max_retries=9,
        timeout_ms=1_001,
        job_type="load",
        metadata={"team": "x"},
        expiresAt="2027-01-16T00:00:00Z",
        payload={"n": 1},
    )

    created = api.shown("POST", "workflows", 201, json=body)

    job = api.job(api.ids(created)["b"])
    assert (job["priority"], job["max_retries"], job["timeout_seconds"]) == (-7, 9, 2)
    assert (job["payload"], job["tags"]) == ({"n": 1, "job_type": "load"}, {"team": "x"})
    assert job["expires_at"] == "2027-01-16T00:00:00.000Z"


def test_a_job_has_the_defaults_of_its_queue(api: WorkflowApi) -> None:
    api.put("queues/b/config", json={"max_retries": 8, "timeout": 60})

    created = api.workflow()

    job = api.job(api.ids(created)["b"])
    assert (job["max_retries"], job["timeout_seconds"]) == (8, 60)


def test_unknown_fields_are_ignored_and_any_json_is_a_payload(api: WorkflowApi) -> None:
    payloads: tuple[Any, ...] = (None, [], "text", 5, True)
    for payload in payloads:
        created = api.workflow({**a_step("a"), "payload": payload, "odd": 1}, odd=[])
        assert api.detail(created["id"])["jobs"][0]["payload"] == payload


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "name", "missing_field")),
        (without(a_workflow(), "name"), (422, "name", "missing_field")),
        (without(a_workflow(), "jobs"), (422, "jobs", "missing_field")),
        (a_workflow(name=5), (422, "name", "invalid_type")),
        (a_workflow(name=""), (400, "name", "length")),
        (a_workflow(name="x" * 256), (400, "name", "length")),
        (a_workflow(name="a/b"), (400, "name", "invalid_name")),
        (a_workflow(description="x" * 1_001), (400, "description", "length")),
        (a_workflow(description=5), (422, "description", "invalid_type")),
        ({"name": "w", "jobs": {}}, (422, "jobs", "invalid_type")),
        ({"name": "w", "jobs": []}, (400, "jobs", "length")),
        ({"name": "w", "jobs": [5]}, (422, "jobs[0]", "invalid_type")),
        (a_workflow(*[a_step(f"s{n}") for n in range(1_001)]), (400, "jobs", "length")),
        (a_workflow(without(a_step("a"), "key")), (422, "jobs[0].key", "missing_field")),
        (
            a_workflow(without(a_step("a"), "queue_name")),
            (422, "jobs[0].queue_name", "missing_field"),
        ),
        (a_workflow(without(a_step("a"), "payload")), (422, "jobs[0].payload", "missing_field")),
        (with_job(key=""), (400, "jobs[1].key", "length")),
        (with_job(key="x" * 101), (400, "jobs[1].key", "length")),
        (with_job(key="a b"), (400, "jobs[1].key", "invalid_key")),
        (with_job(key=None, id="a.b"), (400, "jobs[1].id", "invalid_key")),
        (with_job(key=None, step_name="ä ö"), (400, "jobs[1].step_name", "invalid_key")),
        (with_job(key=5), (422, "jobs[1].key", "invalid_type")),
        (with_job(queue_name=""), (400, "jobs[1].queue_name", "length")),
        (with_job(queue_name="x" * 101), (400, "jobs[1].queue_name", "length")),
        (with_job(queue_name=None, queue="a b"), (400, "jobs[1].queue", "invalid_queue_name")),
        (with_job(priority=101), (400, "jobs[1].priority", "range")),
        (with_job(priority=-101), (400, "jobs[1].priority", "range")),
        (with_job(priority="1"), (422, "jobs[1].priority", "invalid_type")),
        (with_job(max_retries=-1), (400, "jobs[1].max_retries", "range")),
        (with_job(max_retries=101), (400, "jobs[1].max_retries", "range")),
        (with_job(timeout_seconds=0), (400, "jobs[1].timeout_seconds", "range")),
        (with_job(timeout_seconds=86_401), (400, "jobs[1].timeout_seconds", "range")),
        (with_job(timeout_ms=-1), (400, "jobs[1].timeout_ms", "range")),
        (with_job(timeout_ms=86_400_001), (400, "jobs[1].timeout_ms", "range")),
        (with_job(dependency_mode="some"), (400, "jobs[1].dependency_mode", "invalid_value")),
        (with_job(dependency_type="maybe"), (400, "jobs[1].dependency_type", "invalid_value")),
        (with_job(depends_on=5), (422, "jobs[1].depends_on", "invalid_type")),
        (with_job(depends_on=[5]), (422, "jobs[1].depends_on[0]", "invalid_type")),
        (
            with_job(depends_on=[f"s{n}" for n in range(101)]),
            (400, "jobs[1].depends_on", "length"),
        ),
        (
            with_job(depends_on=None, dependencies=[f"s{n}" for n in range(101)]),
            (400, "jobs[1].dependencies", "length"),
        ),
        (with_job(expires_at="soon"), (422, "jobs[1].expires_at", "invalid_type")),
        (with_job(expiresAt="soon"), (422, "jobs[1].expiresAt", "invalid_type")),
        (with_job(tags="x" * 65_536), (400, "jobs[1].tags", "tags_too_large")),
        (with_job(metadata="x" * 65_536), (400, "jobs[1].metadata", "tags_too_large")),
        (with_job(tags="x"), (422, "jobs[1].tags", "invalid_type")),
        (with_job(metadata=5, tags={}), (422, "jobs[1].metadata", "invalid_type")),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_place(
    api: WorkflowApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("workflows", json=body)) == expected


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ([a_step("a"), a_step("b"), a_step("a")], "Duplicate job key 'a'"),
        ([{**a_step("x"), "key": None, "id": "a"}, a_step("a")], "Duplicate job key 'a'"),
        ([a_step("a", "b")], "Job 'a' depends on unknown job 'b'"),
        ([a_step("a", "A"), a_step("b")], "Job 'a' depends on unknown job 'A'"),
        ([a_step("a", "")], "Job 'a' depends on unknown job ''"),
        ([a_step("a", "a")], "Circular dependency: a -> a"),
        ([a_step("a", "b"), a_step("b", "a")], "Circular dependency: "),
        (
            [a_step("x"), a_step("a", "c"), a_step("b", "a"), a_step("c", "b")],
            "Circular dependency",
        ),
    ],
)
def test_a_graph_that_cannot_run_is_refused_by_name(
    api: WorkflowApi, jobs: list[dict[str, Any]], words: str
) -> None:
    answer = api.post("workflows", json=a_workflow(*jobs))

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert words in answer.json()["message"]


def test_every_job_of_a_cycle_is_named(api: WorkflowApi) -> None:
    jobs = [a_step("free"), a_step("one", "three"), a_step("two", "one"), a_step("three", "two")]

    said = api.post("workflows", json=a_workflow(*jobs)).json()["message"]

    assert all(name in said for name in ("one", "two", "three"))
    assert "free" not in said


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "INVALID_JSON")),
        (b"{", (400, "INVALID_JSON")),
        (b'{"name":"\xff"}', (400, "INVALID_JSON")),
        (
            b'{"name":"w","jobs":[{"payload":' + b"[" * 200 + b"]" * 200 + b"}]}",
            (400, "INVALID_JSON"),
        ),
    ],
)
def test_what_is_no_json_is_refused(
    api: WorkflowApi, body: bytes, expected: tuple[int, str]
) -> None:
    assert refusal(sent(api, "POST", "workflows", body)) == expected


@pytest.mark.parametrize("where", ["payload", "metadata of all"])
def test_a_value_that_is_too_large_is_refused(api: WorkflowApi, where: str) -> None:
    large = "x" * 1_048_577
    body = with_job(payload=large) if where == "payload" else a_workflow(metadata=large)

    answer = api.post("workflows", json=body)

    assert answer.status_code == 413
    assert ("jobs[1].payload" if where == "payload" else "metadata") in answer.json()["message"]


def test_a_thousand_jobs_with_a_hundred_parents_are_stored_in_one_request(
    api: WorkflowApi,
) -> None:
    keys = [f"s{n}" for n in range(1_000)]
    jobs = [
        {"key": key, "queue": "q", "payload": {}, "depends_on": keys[max(0, n - 100) : n]}
        for n, key in enumerate(keys)
    ]

    created = api.workflow(*jobs)

    assert [each["key"] for each in created["job_ids"]] == keys
    assert [job["step"]["key"] for job in api.claim("q", limit=100)] == ["s0"]


# -- caps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "resource"),
    [
        ({"max_workflows": 1}, "workflows"),
        ({"max_workflows": 0}, "workflows"),
        ({"max_jobs_per_day": 3}, "jobs_per_day"),
        ({"max_active_jobs": 3}, "active_jobs"),
        ({"max_queues": 3}, "queues"),
    ],
)
def test_a_cap_that_would_be_passed_is_told_in_numbers(
    api: WorkflowApi, limits: dict[str, int], resource: str
) -> None:
    api.workflow()
    api.write(set_limits, limits)

    answer = api.post("workflows", json=a_workflow(a_step("c"), a_step("d")))

    body = answer.json()
    assert refusal(answer) == (429, "QUOTA_EXCEEDED")
    assert (body["resource"], body["limit"]) == (resource, *limits.values())
    assert "limit reached" in body["message"]
    assert "Retry-After" not in answer.headers


def test_a_plan_without_workflows_says_so() -> None:
    with WorkflowApi(":memory:", Settings(plan_enforcement="on")) as api:
        free = api.other_org(tier="free")

        answer = api.post("workflows", json=a_workflow(), key=free)

        assert refusal(answer) == (429, "QUOTA_EXCEEDED")
        told = answer.json()
        assert (told["resource"], told["limit"]) == ("workflows", 0)
        assert (told["error"], told["feature"]) == ("feature_disabled", "workflows")
        assert api.get("workflows", key=free).json() == []


def test_a_payload_over_the_plan_is_refused_by_its_place(api: WorkflowApi) -> None:
    api.write(set_limits, {"max_payload_size_bytes": 100})

    answer = api.post("workflows", json=with_job(payload="x" * 200))

    assert answer.status_code == 413
    assert "jobs[1].payload" in answer.json()["message"]


def set_limits(tx: Tx, limits: dict[str, int]) -> None:
    blob = json.dumps(limits).encode()
    tx.execute("UPDATE organizations SET custom_limits = :blob", {"blob": blob})
    row = tx.row(Statement(OrgRow, "SELECT * FROM organizations"))
    assert row is not None
    tx.emit("org.changed", row["seq"], row=row)
