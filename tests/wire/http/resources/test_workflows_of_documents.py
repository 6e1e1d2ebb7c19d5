"""Workflows of one call that say more than jobs: catbird-capabilities, sections 19.3 and 19.5."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.workflows.document import FlowDocument, document_of
from spooled_lite.core.workflows.query import get_workflow
from tests.wire.http.job_calls import WatchedApi, refusal

Job = dict[str, Any]

PICK: Final[Job] = {"key": "pick", "queue_name": "orders", "payload": {"of": "pick"}}
PACK: Final[Job] = {"key": "pack", "queue_name": "orders", "depends_on": ["pick"], "payload": 1}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def made(api: WatchedApi, *jobs: Job, status: int = 201, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", "workflows", status, json={"name": "w", "jobs": list(jobs), **fields})


def document(api: WatchedApi, workflow: dict[str, Any]) -> FlowDocument | None:
    """What the workflow is run by; None: its jobs say all there is."""

    def found(tx: Any) -> FlowDocument | None:
        number = get_workflow(tx, api.org, workflow["id"], ALL_QUEUES)["document"]
        return None if number is None else document_of(tx, number)

    return api.write(found)  # type: ignore[no-any-return]


def of_it(api: WatchedApi, workflow: dict[str, Any]) -> FlowDocument:
    it = document(api, workflow)
    assert it is not None, "it says more than jobs that wait for each other"
    return it


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input": None, "on_fail": None, "priority": None},
        {"metadata": {"ext": "of the caller"}},
        {"metadata": {"ext": {"of": "the caller"}}},
        {"metadata": {"ext": {"steps": {}}}},
    ],
)
def test_one_that_says_nothing_of_it_is_what_it_always_was(
    api: WatchedApi, fields: dict[str, Any]
) -> None:
    job = {**PICK, "condition": None, "signal": False, "payload_mode": "static", "type": "normal"}

    assert document(api, made(api, job, PACK, **fields)) is None


@pytest.mark.parametrize(
    "field",
    [
        {"input": 5},
        {"headers": {"a": 1}},
        {"output": "pack"},
        {"output_priority": ["pack"]},
        {"on_fail": {"queue_name": "alerts"}},
        {"failure_policy": "fail_fast"},
        {"concurrency_key": "k"},
        {"priority": 5},
        {"delay_ms": 5},
        {"visible_at": "2027-02-01T00:00:00Z"},
        {"expires_in_ms": 60_000},
        {"expires_at": "2027-02-01T00:00:00Z"},
    ],
)
def test_each_field_of_the_whole_makes_a_document_also_in_metadata(
    api: WatchedApi, field: dict[str, Any]
) -> None:
    first = of_it(api, made(api, PICK, PACK, **field))
    api.skip(seconds=1)
    other_key = {"concurrency_key": "other"} if "concurrency_key" in field else field
    second = of_it(api, made(api, PICK, PACK, metadata={"ext": other_key}))

    assert first == second


@pytest.mark.parametrize(
    "field",
    [
        {"condition": "pick.ok"},
        {"signal": True},
        {"map": {"source": "pick"}},
        {"generate": True},
        {"optional_deps": ["pick"]},
        {"ignore_output": ["pick"]},
        {"payload_mode": "envelope"},
        {"backoff": {"strategy": "fixed", "base_delay_ms": 7}},
        {"circuit_breaker": {"failure_threshold": 5, "open_timeout_ms": 30_000}},
        {"max_concurrency": 3},
        {"description": "Pack it"},
    ],
)
def test_each_field_of_a_step_makes_a_document_also_in_metadata(
    api: WatchedApi, field: dict[str, Any]
) -> None:
    first = of_it(api, made(api, PICK, {**PACK, **field}))
    second = of_it(api, made(api, PICK, PACK, metadata={"ext": {"steps": {"pack": field}}}))

    assert first == second


def test_the_defaults_are_those_of_workflows(api: WatchedApi) -> None:
    it = of_it(api, made(api, PICK, {**PACK, "condition": "pick.ok"}))

    step = it.by_key["pack"]
    assert (it.failure_policy, it.output_priority, it.on_fail) == ("continue", ("pack",), None)
    assert (step.payload_mode, step.max_retries, step.timeout_ms) == ("static", None, None)
    assert step.backoff is None
    assert step.payload is not None
    assert bytes(step.payload) == b"1"


def test_what_the_body_says_counts_more_than_its_copy(api: WatchedApi) -> None:
    ext = {
        "priority": 3,
        "output": "pick",
        "steps": {"pack": {"condition": "pick.no", "max_concurrency": 2}},
    }
    job = {**PACK, "condition": "pick.yes"}

    run = made(api, PICK, job, priority=9, output_priority=["pack"], metadata={"ext": ext})

    step = of_it(api, run).by_key["pack"]
    assert (step.condition, step.max_concurrency) == ("pick.yes", 2)
    [row] = [api.row("SELECT priority FROM workflows WHERE id = :id", id=run["id"])]
    assert row["priority"] == 9


def test_a_condition_that_is_not_met_skips_the_step(api: WatchedApi) -> None:
    run = made(api, PICK, {"key": "pack", "queue_name": "orders", "depends_on": ["pick"],
                           "condition": "pick.ok"}, output_priority=["pack", "pick"])  # fmt: skip
    [job] = api.claim("orders")
    body = {"worker_id": "w-1", "lease_id": job["lease_id"], "result": {"ok": False}}

    api.shown("POST", f"jobs/{job['id']}/complete", json=body)

    waited = api.shown("GET", f"workflows/{run['id']}/wait")
    assert (waited["state"], waited["output"]) == ("completed", {"ok": False})


def test_an_unfinished_one_holds_its_key(api: WatchedApi) -> None:
    first = made(api, PICK, concurrency_key="k")
    again = made(api, PICK, concurrency_key="k", status=200)

    assert again["id"] == first["id"]


def test_a_time_without_end_can_be_said(api: WatchedApi) -> None:
    it = of_it(api, made(api, {**PICK, "timeout_ms": 0}))

    assert it.by_key["pick"].timeout_ms == 0


def test_a_step_may_be_over_before_its_workflow(api: WatchedApi) -> None:
    times = ("2027-02-01T00:00:00.000Z", "2027-03-01T00:00:00.000Z")
    early = {**PICK, "expires_at": times[0]}
    late = {**PACK, "expires_at": "2028-01-01T00:00:00.000Z", "condition": "pick.ok"}

    run = made(api, early, late, expires_at=times[1])

    jobs = [api.job(each["job_id"]) for each in run["job_ids"]]
    assert [job["expires_at"] for job in jobs] == list(times)


def test_names_keep_their_wider_rule_and_queues_may_be_longer(api: WatchedApi) -> None:
    job = {"key": "Pick-1", "queue_name": "q" * 128, "max_concurrency": 2}

    assert of_it(api, made(api, job)).steps[0].queue_name == "q" * 128


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"jobs": [{**PICK, "map": {"source": "pick"}}]},
            (400, "jobs[0].map.source", "circular"),
        ),
        ({"jobs": [{**PICK, "key": "input", "condition": "input.x"}]},
         (400, "jobs[0].key", "reserved_name")),
        ({"jobs": [PICK], "output": "x"}, (400, "output_priority", "unknown_step")),
        ({"jobs": [PICK], "on_fail": {}}, (422, "on_fail.queue_name", "missing_field")),
        ({"jobs": [PICK], "headers": []}, (422, "headers", "invalid_type")),
        ({"jobs": [{"key": "a", "signal": True}]}, (422, "jobs[0].queue_name", "missing_field")),
        ({"jobs": [PICK], "metadata": {"ext": {"steps": {"x": {"signal": True}}}}},
         (400, "metadata.ext.steps", "unknown_step")),
        ({"jobs": [PICK], "metadata": {"ext": {"priority": "high"}}},
         (422, "metadata.ext.priority", "invalid_type")),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_with_its_place(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    answer = api.post("workflows", json={"name": "w", **fields})

    [problem] = answer.json()["details"]
    assert (answer.status_code, problem["field"], problem["code"]) == expected


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ([{**PICK, "signal": True}, PICK], "Duplicate job key 'pick'"),
        ([{**PACK, "signal": True}], "Job 'pack' depends on unknown job 'pick'"),
        (
            [{**PICK, "depends_on": ["pack"], "signal": True}, PACK],
            "Circular dependency: pick -> pack -> pick",
        ),
    ],
)
def test_what_clients_search_for_in_messages_stays(
    api: WatchedApi, jobs: list[Job], message: str
) -> None:
    answer = api.post("workflows", json={"name": "w", "jobs": jobs})

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert answer.json()["message"] == message


def test_a_key_with_queues_may_use_all_of_them(api: WatchedApi) -> None:
    body = {
        "name": "w",
        "jobs": [{**PICK, "generate": True, "item_queue_name": "lines"}],
        "on_fail": {"queue_name": "alerts"},
    }
    for queues in (["orders", "lines"], ["orders", "alerts"], ["lines", "alerts"]):
        answer = api.post("workflows", json=body, key=api.issue(queues=queues))
        assert refusal(answer) == (403, "ACCESS_DENIED")

    every = api.issue(queues=["orders", "lines", "alerts"])
    assert api.post("workflows", json=body, key=every).status_code == 201
