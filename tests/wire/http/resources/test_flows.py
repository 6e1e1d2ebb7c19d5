"""Definitions of flows over HTTP: catbird-capabilities, 8.1 and 19.5; amendments, G11, G14, G18."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.flows import define, query
from spooled_lite.core.workflows import records
from tests.wire.http.job_calls import WatchedApi, assert_envelope

Step = dict[str, Any]

WHOLE_STEP: Final[Step] = {
    "key": "whole",
    "description": "Everything that can be said of one",
    "queue_name": "orders",
    "payload": {"template": "letter"},
    "payload_mode": "static",
    "depends_on": ["first", "second"],
    "dependency_mode": "all",
    "dependency_type": "completion",
    "optional_deps": ["second"],
    "ignore_output": ["first"],
    "condition": "second.score gte 80",
    "signal": True,
    "priority": -7,
    "max_retries": 5,
    "timeout_seconds": 1.5,
    "backoff": {"strategy": "fixed", "base_delay_ms": 5},
    "circuit_breaker": {"failure_threshold": 5, "open_timeout_ms": 30_000},
    "max_concurrency": 3,
    "tags": {"of": "whole"},
}
USUAL_STEP: Final[Step] = {
    "type": "normal",
    "description": None,
    "queue_name": "order_flow",
    "payload": None,
    "payload_mode": "envelope",
    "depends_on": [],
    "dependency_mode": "all",
    "dependency_type": "success",
    "optional_deps": [],
    "ignore_output": [],
    "condition": None,
    "signal": False,
    "map": None,
    "generate": False,
    "reduce": None,
    "item_queue_name": None,
    "needs_input": True,
    "priority": None,
    "max_retries": 2,
    "timeout_seconds": 30,
    "timeout_ms": 30_000,
    "backoff": {"strategy": "full_jitter", "min_delay_ms": 100, "max_delay_ms": 2_000},
    "circuit_breaker": None,
    "max_concurrency": None,
    "tags": None,
}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def steps(*keys: str) -> list[Step]:
    return [{"key": key} for key in keys]


def defined(api: WatchedApi, name: str = "order_flow", **fields: Any) -> dict[str, Any]:
    return api.shown("PUT", f"flows/{name}", json={"steps": steps("a"), **fields})


def listed(api: WatchedApi, **more: Any) -> list[dict[str, Any]]:
    found: Any = api.shown("GET", "flows", **more)
    return list(found)


def count(api: WatchedApi, table: str) -> int:
    return int(api.row(f"SELECT count(*) AS count FROM {table}")["count"])  # noqa: S608


def told(api: WatchedApi, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """The status and the body of a refusal."""
    answer = api.request(method, path, **more)
    assert_envelope(answer)
    return answer.status_code, answer.json()


def refused(api: WatchedApi, *given: Step, **fields: Any) -> str:
    """The message of a definition that breaks a rule."""
    body = {"steps": list(given), **fields}
    status, answer = told(api, "PUT", "flows/f", json=body)
    assert (status, answer["code"]) == (400, "VALIDATION_ERROR")
    return str(answer["message"])


def test_everything_that_is_said_of_a_flow_comes_back(api: WatchedApi) -> None:
    made = defined(
        api,
        steps=[{"key": "first"}, {"key": "second", "condition": "input.x exists"}, WHOLE_STEP],
        description="Order handling",
        output_priority=["whole", "first"],
        failure_policy="continue",
        on_fail={"queue_name": "alerts", "max_retries": 1},
        retention_seconds=0.25,
    )

    assert made.pop("changed") is True
    assert made.pop("warnings") == []
    assert made == api.shown("GET", "flows/order_flow")
    assert listed(api) == [made]
    assert made["steps"][2] == {
        **USUAL_STEP, **WHOLE_STEP, "name": "whole", "timeout_ms": 1_500
    }  # fmt: skip
    created_at = made["created_at"]
    del made["steps"]
    assert made == {
        "name": "order_flow",
        "description": "Order handling",
        "output_priority": ["whole", "first"],
        "failure_policy": "continue",
        "on_fail": {"queue_name": "alerts", "max_retries": 1},
        "retention_seconds": 0.25,
        "revision": 1,
        "created_at": created_at,
        "updated_at": created_at,
    }


def test_what_is_left_out_gets_the_defaults_of_flows(api: WatchedApi) -> None:
    made = defined(api, steps=[*steps("a", "b"), {"key": "c", "depends_on": ["b"]}])

    shown = made["steps"][0]
    assert {name: shown[name] for name in USUAL_STEP} == USUAL_STEP
    assert made["output_priority"] == ["a", "c"], "the terminal steps, in their order"
    assert (made["failure_policy"], made["on_fail"]) == ("fail_fast", None)
    assert made["retention_seconds"] is None


def test_the_kind_of_a_step_and_its_source_are_shown(api: WatchedApi) -> None:
    given = [
        {"key": "each", "map": {"source": "input"}},
        {"key": "lines", "type": "generator", "item_queue_name": "order_lines"},
        {"key": "sum", "depends_on": ["lines"], "reduce": {"source": "lines", "initial": 0}},
    ]

    made = defined(api, steps=given)

    shown = [{n: it[n] for n in ("type", "map", "generate", "reduce")} for it in made["steps"]]
    assert shown == [
        {"type": "mapper", "map": {"source": "input"}, "generate": False, "reduce": None},
        {"type": "generator", "map": None, "generate": True, "reduce": None},
        {
            "type": "reducer",
            "map": None,
            "generate": False,
            "reduce": {"source": "lines", "initial": 0},
        },
    ]
    assert made["steps"][1]["item_queue_name"] == "order_lines"


def test_items_of_a_map_over_the_input_do_without_it_unless_they_need_it(api: WatchedApi) -> None:
    given: list[dict[str, Any]] = [
        {"key": "a", "map": {"source": "input"}},
        {"key": "b", "map": {"source": "input"}, "needs_input": True},
        {"key": "c", "map": {"source": "a"}, "depends_on": ["a"]},
        {"key": "d", "map": {"source": "a"}, "depends_on": ["a"], "needs_input": False},
    ]

    made = defined(api, steps=given)

    shown = [step["needs_input"] for step in made["steps"]]
    assert shown == [False, True, True, False]
    spelled_out = [
        {**step, "needs_input": needs_input} for step, needs_input in zip(given, shown, strict=True)
    ]
    assert defined(api, steps=spelled_out) == {**made, "changed": False}


def test_a_definition_that_was_read_can_be_written_back(api: WatchedApi) -> None:
    first = defined(api, steps=[{"key": "first"}, {"key": "second"}, WHOLE_STEP])

    again = api.shown("PUT", "flows/order_flow", json=api.shown("GET", "flows/order_flow"))

    assert again == {**first, "changed": False}


def test_names_and_dependencies_of_steps_have_several_spellings(api: WatchedApi) -> None:
    given = [
        {"name": "a", "queue": "q"},
        {"id": "b", "depends_on": [{"name": "a"}]},
        {"step_name": "c", "dependencies": "b", "dependency_type": "any"},
    ]

    made = defined(api, steps=given)["steps"]

    assert [(it["key"], it["depends_on"], it["dependency_mode"]) for it in made] == [
        ("a", [], "all"),
        ("b", ["a"], "all"),
        ("c", ["b"], "any"),
    ]
    assert made[0]["queue_name"] == "q"


def test_a_time_without_end_can_be_said(api: WatchedApi) -> None:
    given = [{"key": "a", "timeout_seconds": 3, "timeout_ms": 0}]

    shown = defined(api, steps=given)["steps"][0]

    assert (shown["timeout_ms"], shown["timeout_seconds"]) == (0, 0)


def test_the_same_again_is_no_change_and_each_change_a_revision(api: WatchedApi) -> None:
    first = defined(api)
    api.skip(seconds=5)

    again, other = defined(api), defined(api, steps=steps("b"))
    same_document = defined(api, steps=steps("b"), description="for people")

    assert again == {**first, "changed": False}
    assert (other["revision"], other["changed"]) == (2, True)
    assert (same_document["revision"], same_document["changed"]) == (3, True)
    assert other["created_at"] == first["created_at"] < other["updated_at"]
    assert count(api, "flow_documents") == 2


def test_if_match_wants_the_revision_that_the_flow_has(api: WatchedApi) -> None:
    headers = {"If-Match": '"1"'}
    body = {"steps": steps("a")}
    call = ("PUT", "flows/order_flow")
    nothing, first = told(api, *call, json=body, headers=headers)
    defined(api)
    defined(api, steps=steps("b"))
    stale, second = told(api, *call, json=body, headers=headers)

    assert (nothing, stale) == (412, 412)
    assert first["message"] == "There is no such flow; leave If-Match out to create it"
    assert second["details"] == {"revision": 2}
    assert api.shown(*call, json=body, headers={"If-Match": "1, 2"})["revision"] == 3


def test_a_create_changes_nothing_of_what_is_there(api: WatchedApi) -> None:
    body = {"name": "order_flow", "steps": steps("a")}
    first = api.shown("POST", "flows", 201, json=body)
    second = api.shown("POST", "flows", 200, json={**body, "steps": steps("b")})

    assert (first["changed"], second["changed"]) == (True, False)
    assert second["steps"] == first["steps"]


def test_lists_are_by_name_in_pages(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "FLOWS_LISTED", 2)
    for name in ("c", "a", "b", "d"):
        defined(api, name)

    assert [it["name"] for it in listed(api)] == ["a", "b", "c", "d"]
    page = api.request("GET", "flows?limit=2&offset=1")
    assert [it["name"] for it in page.json()] == ["b", "c"]
    assert page.headers["X-Has-More"] == "true"


def test_a_list_has_the_steps_of_as_many_flows_as_it_has_room_for(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        defined(api, name, description=name)
    size = api.row("SELECT max(length(body)) AS bytes FROM flow_documents")["bytes"]
    monkeypatch.setattr(query, "PAGE_BYTES_MAX", size)

    whole, short = listed(api)

    assert [it["key"] for it in whole["steps"]] == ["a"]
    assert (short["steps"], short["steps_omitted"], short["description"]) == ([], True, "b")
    assert "steps_omitted" not in whole


def test_deleting_succeeds_once(api: WatchedApi) -> None:
    defined(api)

    assert api.request("DELETE", "flows/order_flow").status_code == 204

    for method in ("GET", "DELETE"):
        status, lost = told(api, method, "flows/order_flow")
        assert (status, lost["details"]) == (404, {"resource": "flow"})
    assert count(api, "flows") == 0
    assert defined(api)["revision"] == 1


def test_an_organization_has_so_many_flows(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(define, "FLOWS_MAX", 1)
    defined(api)

    status, answer = told(api, "PUT", "flows/other", json={"steps": steps("a")})

    assert status == 409
    assert answer["message"] == "An organization may have at most 1 flows"
    assert defined(api, steps=steps("b"))["changed"] is True, "that is no other one"


@pytest.mark.parametrize("name", ["Order", "order-flow", "a" * 59, "order.flow"])
def test_a_name_that_breaks_its_rule_is_refused(api: WatchedApi, name: str) -> None:
    assert told(api, "PUT", f"flows/{name}", json={"steps": steps("a")})[0] == 400


def test_an_impossible_definition_names_the_flow_and_the_step(api: WatchedApi) -> None:
    given: list[Step] = [
        {"key": "approve", "condition": "input.x"},
        {"key": "publish", "depends_on": ["approve"]},
    ]

    assert refused(api, *given) == (
        'flow "f" step "publish": depends on conditional step "approve" without declaring it '
        "optional"
    )


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({}, 'flow "f": step 1 has no name (`key`)'),
        ({"key": ""}, 'flow "f": step 1 has no name (`key`)'),
        ({"key": "a", "type": "zig"}, 'flow "f" step "a": unknown type `zig`; choose'),
        ({"key": "a", "type": "mapper"}, 'flow "f" step "a": a mapper needs `map`'),
        ({"key": "a", "type": "reducer"}, 'flow "f" step "a": a reducer needs `reduce`'),
        ({"key": "a", "map": {}}, 'flow "f" step "a": `map` needs a `source`'),
        ({"key": "a", "reduce": {}}, 'flow "f" step "a": `reduce` needs a `source`'),
        (
            {"key": "a", "type": "normal", "map": {"source": "input"}},
            'flow "f" step "a": `type` is `normal`, but it is a mapper',
        ),
        (
            {"key": "a", "generate": True, "map": {"source": "input"}},
            'flow "f" step "a": only one of `map`, `generate` and `reduce` is possible',
        ),
        (
            {"key": "a", "generate": True, "reduce": {"source": "b"}},
            'flow "f" step "a": only one of `map`, `generate` and `reduce` is possible',
        ),
        (
            {"key": "a", "map": {"source": "input"}, "reduce": {"source": "b"}},
            'flow "f" step "a": only one of `map`, `generate` and `reduce` is possible',
        ),
        (
            {"key": "a", "type": "generator", "map": {"source": "input"}},
            'flow "f" step "a": `type` is `generator`, but it is a mapper',
        ),
    ],
)
def test_what_is_said_of_a_step_must_fit_together(
    api: WatchedApi, step: Step, message: str
) -> None:
    assert refused(api, step).startswith(message)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"key": "a", "queue_name": "-x"}, "steps[0].queue_name"),
        ({"key": "a", "queue": "q" * 129}, "steps[0].queue"),
        ({"key": "a", "generate": True, "item_queue_name": "a b"}, "steps[0].item_queue_name"),
        ({"key": "a", "max_retries": 101}, "steps[0].max_retries"),
        ({"key": "a", "max_concurrency": 0}, "steps[0].max_concurrency"),
        ({"key": "a", "timeout_ms": -1}, "steps[0].timeout_ms"),
        ({"key": "a", "priority": 2**31}, "steps[0].priority"),
        ({"key": "a", "dependency_mode": "some"}, "steps[0].dependency_mode"),
        (
            {"key": "a", "backoff": {"strategy": "full_jitter", "min_delay_ms": 9_000}},
            "steps[0].backoff.max_delay_ms",
        ),
        ({"key": "a", "depends_on": ["b"] * 101}, "steps[0].depends_on"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_by_its_place(
    api: WatchedApi, step: Step, field: str
) -> None:
    assert field in refused(api, step)


def test_the_output_is_said_in_one_way(api: WatchedApi) -> None:
    one = defined(api, steps=steps("a"), output="a")

    assert one["output_priority"] == ["a"]
    message = refused(api, *steps("a", "b"), output="a", output_priority=["b", "a"])
    assert message == 'flow "f": `output` says otherwise than `output_priority`'


def test_a_definition_has_a_size(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spooled_lite.wire.shapes.flow_bodies.DOCUMENT_BYTES_MAX", 300)
    big = {"key": "a", "payload": "x" * 300}

    status, answer = told(api, "PUT", "flows/f", json={"steps": [big]})

    assert status == 413
    assert "`steps`" in answer["message"]
    assert records.DOCUMENT_BYTES_MAX == 1024 * 1024


def test_at_most_a_thousand_steps(api: WatchedApi) -> None:
    many = steps(*(f"s{n}" for n in range(1_001)))

    assert refused(api, *many) == 'flow "f": must have 1 to 1000 steps, not 1001'
    assert refused(api) == 'flow "f": must have 1 to 1000 steps, not 0'
    assert len(defined(api, steps=many[:1_000])["steps"]) == 1_000


def test_what_is_probably_wrong_is_said_and_stored(api: WatchedApi) -> None:
    made = defined(api, steps=[{"key": "a", "condition": "elsewhere.ok"}])

    assert made["warnings"] == [
        'step "a": its condition looks at `elsewhere`, which is not among its dependencies'
    ]
    assert (
        api.shown("POST", "flows", json={"name": "order_flow", "steps": steps("x")})["warnings"]
        == made["warnings"]
    ), "of what is there"


def test_a_misspelt_field_is_told_with_the_nearest_one(api: WatchedApi) -> None:
    misspelt = {"key": "a", "conditon": "input.ok", "backoff": {"max_delay": 5}}
    body = {"steps": [{"key": "b"}, misspelt], "outputs": "a"}

    said = [
        "`steps[1].conditon` is unknown and ignored; the nearest is `condition`",
        "`steps[1].backoff.max_delay` is unknown and ignored; the nearest is `max_delay_ms`",
        "`outputs` is unknown and ignored; the nearest is `output`",
    ]
    assert api.shown("PUT", "flows/f", json=body)["warnings"] == said
    assert api.shown("POST", "flows", 201, json={"name": "g", **body})["warnings"] == said
    assert api.shown("POST", "flows", json={"name": "g", **body})["warnings"] == [], "not stored"
    assert (
        len(defined(api, steps=[{"key": "a", **{f"x{n}": n for n in range(99)}}])["warnings"]) == 20
    )


@pytest.mark.parametrize("ignored", ["1e400", "[" * 60 + "]" * 60])
def test_whatever_stands_in_an_unknown_field_is_ignored(api: WatchedApi, ignored: str) -> None:
    answer = api.request("PUT", "flows/f", content=f'{{"steps": [{{"key": "a"}}], "x": {ignored}}}')

    assert answer.status_code == 200, answer.text


def test_a_key_with_queues_needs_every_queue_of_the_flow(api: WatchedApi) -> None:
    given = [
        {"key": "a", "queue_name": "orders"},
        {"key": "b", "queue_name": "orders", "generate": True, "item_queue_name": "lines"},
    ]
    defined(api, steps=given, on_fail={})
    every = ["orders", "lines", "order_flow_on_fail"]
    for missing in every:
        key = api.issue(queues=[each for each in every if each != missing])
        assert listed(api, key=key) == []
        for method, body in (("GET", None), ("PUT", {"steps": steps("a")}), ("DELETE", None)):
            assert told(api, method, "flows/order_flow", json=body, key=key)[0] == 403
    key = api.issue(queues=every)

    assert [it["name"] for it in listed(api, key=key)] == ["order_flow"]
    assert told(api, "PUT", "flows/f", json={"steps": steps("a")}, key=key)[0] == 403
    assert api.request("DELETE", "flows/order_flow", key=key).status_code == 204


def test_defining_and_deleting_are_acts(api: WatchedApi) -> None:
    defined(api)
    defined(api)
    defined(api, steps=steps("b"))
    api.request("DELETE", "flows/order_flow")

    acts: Any = api.shown("GET", "acts")

    assert [(it["kind"], it["act"], it["subject"]) for it in acts] == [
        ("flow", "delete", "order_flow"),
        ("flow", "change", "order_flow"),
        ("flow", "change", "order_flow"),
    ]
