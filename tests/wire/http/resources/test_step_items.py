"""Items of steps over HTTP: a producer adds them, workers complete them, anyone reads them."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.item_calls import Generating, a_generating_run
from tests.wire.http.run_calls import A_STEP, RunApi, a_node

QUEUE = "numbers"


class ItemApi(RunApi):
    def generating(self) -> Generating:
        return a_generating_run(self, self.served.org, QUEUE)

    def add(self, run: Generating, status: int = 200, **more: Any) -> Any:
        body = {**run.body, **more}
        return self.shown("POST", f"workflows/{run}/steps/{A_STEP}/items", status, json=body)

    def items(self, limit: int = 100) -> list[dict[str, Any]]:
        return self.claim(QUEUE, limit=limit)

    def complete_items(self, run: str, *items: Any, key: str = A_STEP, status: int = 200) -> Any:
        path, body = f"workflows/{run}/steps/{key}/items/complete", {"items": list(items)}
        return self.shown("POST", path, status, json=body)

    def page(self, run: str, key: str = A_STEP, status: int = 200, **query: Any) -> Any:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.shown("GET", f"workflows/{run}/steps/{key}/items?{asked}", status)


@pytest.fixture
def api() -> Iterator[ItemApi]:
    with ItemApi(":memory:", Settings()) as made:
        yield made


def done(job: Any, result: Any) -> dict[str, Any]:
    return {"id": job["id"], "lease_id": job["lease_id"], "result": result}


def test_a_producer_adds_items_that_workers_take_while_it_runs(api: ItemApi) -> None:
    run = api.generating()

    assert api.add(run) == {"accepted": 2, "total": 2}
    one, two = api.items()
    assert (one["kind"], one["step"]["phase"], one["step"]["item"]) == ("item", "item", 1)
    assert (one["step"]["item_index"], two["step"]["item_index"]) == (0, 1)
    results = api.complete_items(run, done(two, "second"), done(one, None))["results"]
    assert [each["success"] for each in results] == [True, True]

    shown = api.page(run)
    assert [each["output"] for each in shown["items"]] == [None, "second"]
    assert [each["state"] for each in shown["items"]] == ["completed"] * 2
    assert (shown["next_after_index"], shown["has_more"]) == (1, False)


def test_a_batch_of_many_is_stored_in_passes_and_may_be_sent_again(api: ItemApi) -> None:
    run = api.generating()
    items = list(range(600))

    assert api.add(run, items=items, offset=0) == {"accepted": 600, "total": 600}
    assert api.add(run, items=items, offset=0) == {"accepted": 0, "total": 600}
    assert api.add(run, items=[600]) == {"accepted": 1, "total": 601}

    refused = api.add(run, 400, items=[1], offset=700)
    assert "at most 601" in refused["message"]


@pytest.mark.parametrize("items", [[], list(range(1_001))])
def test_a_batch_has_one_to_a_thousand_items(api: ItemApi, items: list[int]) -> None:
    run = api.generating()

    assert "1 to 1,000" in api.add(run, 400, items=items)["message"]


def test_another_lease_adds_nothing(api: ItemApi) -> None:
    run = api.generating()

    refused = api.add(run, 409, lease_id="another")

    assert refused["code"] == "LEASE_EXPIRED"
    assert api.page(run)["items"] == []


def test_only_the_producer_of_the_step_adds_to_it(api: ItemApi) -> None:
    run, other = api.generating(), api.run(a_node("m", type="mapper", source="input"), input=[1])
    elsewhere = Generating(other)
    elsewhere.body = run.body

    api.shown("POST", f"workflows/{other}/steps/m/items", 409, json=run.body)
    api.shown("POST", f"workflows/{other}/steps/none/items", 404, json=run.body)
    assert api.page(other, "m")["items"][0]["state"] == "queued"


def test_one_bad_item_fails_alone(api: ItemApi) -> None:
    run = api.generating()
    api.add(run)
    one, two = api.items()
    plain = api.enqueue("plain")

    results = api.complete_items(
        run,
        done(one, 10),
        {"id": "of-nobody"},
        {"result": 1},
        {"id": plain["id"]},
        {**done(two, 20), "lease_id": "another"},
        done(one, 11),
    )["results"]

    assert [each["success"] for each in results] == [True, *[False] * 5]
    codes = [each["error"]["code"] for each in results[1:]]
    assert codes[0] == codes[2] == "NOT_FOUND"
    assert codes[3:] == ["LEASE_EXPIRED", "CONFLICT"]
    assert [each["state"] for each in api.page(run)["items"]] == ["completed", "started"]


def test_items_are_read_page_by_page_and_by_their_state(api: ItemApi) -> None:
    run = api.generating()
    api.add(run, items=list(range(5)))
    jobs = api.items(limit=3)
    api.complete_items(run, done(jobs[1], "b"), done(jobs[2], "c"))

    first = api.page(run, limit=2)
    assert [each["index"] for each in first["items"]] == [0, 1]
    assert (first["next_after_index"], first["has_more"]) == (1, True)
    rest = api.page(run, limit=10, after_index=1)
    assert [each["index"] for each in rest["items"]] == [2, 3, 4]
    assert not rest["has_more"]
    of_state = {
        state: [each["index"] for each in api.page(run, state=state)["items"]]
        for state in ("queued", "started", "completed", "failed", "canceled")
    }
    assert of_state == {
        "queued": [3, 4],
        "started": [0],
        "completed": [1, 2],
        "failed": [],
        "canceled": [],
    }
    assert "must be one of" in api.page(run, status=400, state="done")["message"]


def test_large_outputs_end_a_page_and_none_is_left_out(api: ItemApi) -> None:
    run = api.generating()
    api.add(run, items=list(range(6)))
    large = "x" * 1_000_000
    for job in api.items():
        api.complete_items(run, done(job, large))

    pages, after, has_more = [], -1, True
    while has_more:
        shown = api.page(run, after_index=after)
        assert all(each["output"] == large for each in shown["items"])
        pages.append(len(shown["items"]))
        after, has_more = shown["next_after_index"], shown["has_more"]
    assert pages == [4, 2]


def test_a_step_without_items_says_so(api: ItemApi) -> None:
    run = api.run(a_node("plain"))

    assert "no items" in api.page(run, "plain", 409)["message"]
    api.page(run, "none", 404)
