"""Bindings and publishing over HTTP: contract catbird-capabilities, section 5; `v13` is V13."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.topics import bind, publish
from tests.wire.http.job_calls import WatchedApi


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        for name in ("one", "two", "three"):
            it.post("queues", json={"name": name})
        yield it


def bound(
    api: WatchedApi, name: str, pattern: str, status: int = 201, target_type: str = "queue"
) -> dict[str, Any]:
    body = {"target_type": target_type, "target_name": name, "pattern": pattern}
    return api.shown("POST", "bindings", status, json=body)


def unbound(api: WatchedApi, queue: str, pattern: str) -> bool:
    query = f"target_type=queue&target_name={queue}&pattern={pattern.replace('#', '%23')}"
    deleted: bool = api.shown("DELETE", f"bindings?{query}")["deleted"]
    return deleted


def published(api: WatchedApi, topic: str, body: Any = 1, **fields: Any) -> list[str]:
    """The queues that got it."""
    found = api.shown("POST", "publish", json={"topic": topic, "body": body, **fields})
    assert found["matched"] == len(found["targets"])
    return sorted(each["target_name"] for each in found["targets"])


def read(api: WatchedApi, queue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.shown(
        "POST", f"queues/{queue}/messages/read", json={"quantity": 100}
    )["messages"]
    return found


def test_a_copy_for_every_queue_that_matches(api: WatchedApi) -> None:
    bound(api, "one", "events.user.created")
    bound(api, "two", "events.*.created")
    bound(api, "two", "events.#")
    bound(api, "three", "orders.#")

    assert published(api, "events.user.created", {"id": 9}, headers={"h": 1}) == ["one", "two"]

    for queue in ("one", "two"):
        [message] = read(api, queue)
        assert message["body"] == {"id": 9}
        assert (message["topic"], message["headers"]) == ("events.user.created", {"h": 1})
    assert read(api, "three") == []
    assert published(api, "nobody.listens") == []


def test_unbinding_stops_it_and_again_says_no(api: WatchedApi) -> None:
    bound(api, "one", "a.#")
    bound(api, "one", "a.b")

    assert unbound(api, "one", "a.#") is True
    assert unbound(api, "one", "a.#") is False
    assert published(api, "a.c") == []
    assert published(api, "a.b") == ["one"]


def test_a_target_must_be_there(api: WatchedApi) -> None:
    for target_type in ("queue", "task", "flow"):
        body = {"target_type": target_type, "target_name": "missing", "pattern": "a"}
        answer = api.post("bindings", json=body)
        assert answer.status_code == 404
        assert answer.json()["details"] == {"resource": target_type}
    assert api.post("bindings", json={**body, "target_type": "list"}).status_code == 400


def test_binding_again_is_no_change(api: WatchedApi) -> None:
    first = bound(api, "one", "a.*")

    assert bound(api, "one", "a.*", status=200) == first
    assert api.get("bindings").json() == [first]


def test_a_binding_is_taken_back_by_its_id(api: WatchedApi) -> None:
    made = bound(api, "one", "a")

    assert api.delete(f"bindings/{made['id']}").status_code == 204
    assert api.delete(f"bindings/{made['id']}").status_code == 404
    assert published(api, "a") == []


def test_a_queue_takes_its_bindings_with_it(api: WatchedApi) -> None:
    bound(api, "one", "a")
    bound(api, "two", "a")

    api.delete("queues/one")
    assert published(api, "a") == ["two"]
    api.post("queues", json={"name": "one"})
    assert published(api, "a") == ["two"]
    assert [each["target_name"] for each in api.get("bindings").json()] == ["two"]


def test_a_list_answers_who_would_get_it(api: WatchedApi) -> None:
    bound(api, "one", "a.#")
    bound(api, "two", "a.*")
    bound(api, "three", "#")

    def listed(query: str) -> list[tuple[str, str]]:
        found = api.get(f"bindings?{query}").json()
        return [(each["target_name"], each["pattern"]) for each in found]

    assert listed("topic=a") == [("three", "#"), ("one", "a.#")]
    assert listed("topic=a.b") == [("three", "#"), ("two", "a.*"), ("one", "a.#")]
    assert listed("target_name=two") == [("two", "a.*")]
    assert listed("target_type=task") == []
    assert listed("limit=1&offset=1") == [("two", "a.*")]
    assert api.get("bindings?topic=a..b").status_code == 400
    assert api.get("bindings?target_type=x").status_code == 400


def test_a_task_gets_a_run_about_what_is_published(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/welcome", json={"queue_name": "mails", "condition": "input.id gt 5"})
    bound(api, "welcome", "events.*.created", target_type="task")
    bound(api, "one", "events.#")
    body = {"topic": "events.user.created", "body": {"id": 9}, "concurrency_key": "u9"}

    found = api.shown("POST", "publish", json={**body, "headers": {"h": 1}, "priority": 7})

    runs = {each["target_name"]: each for each in found["targets"]}
    assert (found["matched"], runs["welcome"]["created"]) == (2, True)
    [run] = api.get("tasks/welcome/runs").json()
    assert run["id"] == runs["welcome"]["id"]
    assert (run["input"], run["headers"], run["priority"]) == ({"id": 9}, {"h": 1}, 7)
    assert (run["topic"], run["concurrency_key"]) == ("events.user.created", "u9")
    again = api.shown("POST", "publish", json=body)
    assert {each["created"] for each in again["targets"]} == {False}

    many = api.shown("POST", "publish", json={"topic": "events.a.created", "bodies": [{"id": 1}]})
    [skipped] = [each for each in many["targets"] if each["target_name"] == "welcome"]
    assert skipped["created_count"] == 1
    assert len(api.get("tasks/welcome/runs?state=skipped").json()) == 1


def test_a_task_takes_its_bindings_with_it(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/welcome", json={})
    bound(api, "welcome", "a", target_type="task")

    assert api.delete("tasks/welcome").status_code == 204
    assert published(api, "a") == []
    assert api.get("bindings").json() == []


def test_published_runs_and_messages_pass_no_cap_together() -> None:
    """All copies or none: the message that was stored before the run is taken back."""
    settings = Settings(plan_enforcement="on", admin_key="a" * 32)
    with WatchedApi(":memory:", settings) as capped:
        capped.post("queues", json={"name": "one"})
        capped.shown("PUT", "tasks/welcome", json={})
        bound(capped, "one", "a")
        bound(capped, "welcome", "a", target_type="task")
        limits = f"admin/organizations/{capped.served.org_id}/limits"
        admin = {"X-Admin-Key": "a" * 32}
        capped.shown("PUT", limits, json={"max_active_jobs": 1}, key=None, headers=admin)

        answer = capped.post("publish", json={"topic": "a", "body": 1})
        assert (answer.status_code, answer.json()["code"]) == (429, "QUOTA_EXCEEDED")
        assert read(capped, "one") == []
        assert capped.get("tasks/welcome/runs").json() == []


def test_publishing_many(api: WatchedApi) -> None:
    bound(api, "one", "t")
    bound(api, "two", "t")
    api.post("queues/two/messages", json={"body": 0, "concurrency_key": "k"})

    body = {"topic": "t", "bodies": [1, 2], "concurrency_keys": ["k", None]}
    found = api.shown("POST", "publish", json=body)

    counts = {
        each["target_name"]: (each["created_count"], each["duplicate_count"], len(each["ids"]))
        for each in found["targets"]
    }
    assert (found["matched"], counts) == (2, {"one": (2, 0, 2), "two": (1, 1, 1)})
    for wrong in ({"bodies": [1], "concurrency_keys": []}, {"body": 1, "headers": [1]}, {}):
        assert api.post("publish", json={"topic": "t", **wrong}).status_code in (400, 422)
    assert [each["body"] for each in read(api, "one")] == [1, 2]


def test_a_target_where_the_key_is_taken_counts_and_gets_nothing(api: WatchedApi) -> None:
    bound(api, "one", "t")
    first = api.shown("POST", "publish", json={"topic": "t", "body": 1, "concurrency_key": "k"})
    again = api.shown("POST", "publish", json={"topic": "t", "body": 2, "concurrency_key": "k"})

    assert again["targets"] == [{**first["targets"][0], "created": False}]
    assert len(read(api, "one")) == 1


def test_one_call_makes_a_bounded_number_of_copies(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(api, "one", "t")
    bound(api, "two", "t")
    for name, most in (("COPIES_MAX", 3), ("COPIES_BYTES_MAX", 7)):
        with monkeypatch.context() as patch:
            patch.setattr(publish, name, most)
            answer = api.post("publish", json={"topic": "t", "bodies": ["xx", "yy"]})
        assert answer.status_code == 400
        assert answer.json()["details"][0]["code"] == "too_many_copies"


def test_the_headers_of_copies_count_as_their_bodies_do(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(api, "one", "t")
    monkeypatch.setattr(publish, "COPIES_BYTES_MAX", 100)
    body = {"topic": "t", "bodies": [1, 2], "headers": {"long": "x" * 50}}
    answer = api.post("publish", json=body)
    assert answer.status_code == 400
    assert answer.json()["details"][0]["code"] == "too_many_copies"


def test_an_organization_has_a_bounded_number_of_bindings(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bind, "BINDINGS_MAX", 1)
    bound(api, "one", "a")
    body = {"target_type": "queue", "target_name": "one", "pattern": "b"}
    assert api.post("bindings", json=body).status_code == 409
    bound(api, "one", "a", status=200)


def test_what_a_lost_batch_has_bound_is_not_published_to(api: WatchedApi) -> None:
    bound(api, "one", "a")

    class Lost(Exception):
        pass

    def bind_publish_and_lose(tx: Any) -> None:
        bind.bind(tx, api.org, ("queue", "two"), "a")
        assert bind.targets_of(tx, api.org, "a") == [("queue", "two"), ("queue", "one")]
        raise Lost

    with pytest.raises(Lost):
        api.write(bind_publish_and_lose)
    assert published(api, "a") == ["one"]


def test_topics_are_of_one_organization(api: WatchedApi) -> None:
    other = api.other_org()
    api.post("queues", json={"name": "one"}, key=other)
    made = bound(api, "one", "a")

    assert api.get("bindings", key=other).json() == []
    assert api.delete(f"bindings/{made['id']}", key=other).status_code == 404
    found = api.shown("POST", "publish", json={"topic": "a", "body": 1}, key=other)
    assert found == {"matched": 0, "targets": []}


def test_a_key_with_a_list_of_queues_may_not(api: WatchedApi) -> None:
    key = api.issue(queues=["one"])

    assert api.get("bindings", key=key).status_code == 403
    assert api.post("publish", json={"topic": "a", "body": 1}, key=key).status_code == 403


def test_who_bound_what_is_written_down(api: WatchedApi) -> None:
    bound(api, "one", "a.#")
    unbound(api, "one", "a.#")

    acts = api.get("acts?kind=binding").json()
    assert [(each["act"], each["subject_name"]) for each in acts] == [
        ("delete", None),
        ("create", "a.#"),
    ]
