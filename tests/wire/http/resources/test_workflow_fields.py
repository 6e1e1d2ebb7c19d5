"""What becomes of each field of POST /workflows: aliases, defaults, ranges."""

import json
from typing import Any

import msgspec
import pytest

from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from spooled_lite.errors import PayloadTooLarge, RuleBroken, WrongShape
from spooled_lite.wire.shapes.workflow_bodies import CreateWorkflow

STEP = {"key": "a", "queue_name": "q", "payload": {}}


def decoded(body: dict[str, Any], payload_bytes_max: int = 1_000) -> NewWorkflow:
    given = msgspec.json.decode(json.dumps(body), type=CreateWorkflow)
    return given.new_workflow(payload_bytes_max=payload_bytes_max)


def step(**fields: Any) -> NewStep:
    """A step with these fields besides the usual ones."""
    return step_without("", **fields)


def step_without(missing: str, **fields: Any) -> NewStep:
    item = {name: value for name, value in {**STEP, **fields}.items() if name != missing}
    [found] = decoded({"name": "w", "jobs": [item]}).steps
    return found


def test_what_is_left_out_has_a_default() -> None:
    found = step()

    assert (found.key, found.depends_on, found.mode, found.condition) == ("a", (), "all", "success")
    job = found.job
    assert (job.queue_name, job.payload, job.priority, job.tags) == ("q", b"{}", 0, None)
    assert (job.max_retries, job.timeout_seconds, job.expires_at_ms) == (None, None, None)


def test_null_counts_as_left_out() -> None:
    names = ("depends_on", "dependency_mode", "dependency_type", "priority", "max_retries")
    more = ("timeout_seconds", "timeout_ms", "job_type", "metadata", "tags", "expires_at")

    assert step(**dict.fromkeys((*names, *more, "expiresAt", "id", "queue"))) == step()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"key": "k", "id": "i", "name": "n", "step_name": "s"}, "k"),
        ({"key": None, "id": "i", "name": "n", "step_name": "s"}, "i"),
        ({"key": None, "name": "n", "step_name": "s"}, "n"),
        ({"key": None, "step_name": "s"}, "s"),
    ],
)
def test_of_several_spellings_of_the_key_the_first_wins(
    fields: dict[str, Any], expected: str
) -> None:
    assert step(**fields).key == expected


def test_the_queue_and_the_dependencies_have_a_second_name() -> None:
    assert step_without("queue_name", queue="other").job.queue_name == "other"
    assert step(queue="other").job.queue_name == "q"
    assert step(dependencies=["x"]).depends_on == ("x",)
    assert step(depends_on=["y"], dependencies=["x"]).depends_on == ("y",)
    assert step(depends_on=[], dependencies=["x"]).depends_on == ()


def test_a_single_text_is_one_dependency_and_repetitions_count_once() -> None:
    assert step(depends_on="x").depends_on == ("x",)
    assert step(dependencies="x").depends_on == ("x",)
    assert step(depends_on=["x", "y", "x"]).depends_on == ("x", "y")


@pytest.mark.parametrize(
    ("fields", "mode", "condition"),
    [
        ({"dependency_mode": "any"}, "any", "success"),
        ({"dependency_type": "any"}, "any", "success"),
        ({"dependency_type": "all"}, "all", "success"),
        ({"dependency_mode": "all", "dependency_type": "any"}, "all", "success"),
        ({"dependency_type": "completion"}, "all", "completion"),
        ({"dependency_mode": "any", "dependency_type": "failure"}, "any", "failure"),
    ],
)
def test_a_type_is_a_condition_and_all_and_any_are_modes(
    fields: dict[str, str], mode: str, condition: str
) -> None:
    found = step(**fields)

    assert (found.mode, found.condition) == (mode, condition)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timeout_ms": 1}, 1),
        ({"timeout_ms": 1_000}, 1),
        ({"timeout_ms": 1_001}, 2),
        ({"timeout_ms": 9_000, "timeout_seconds": 7}, 7),
    ],
)
def test_milliseconds_are_rounded_up_to_whole_seconds(
    fields: dict[str, int], expected: int
) -> None:
    assert step(**fields).job.timeout_seconds == expected


@pytest.mark.parametrize(
    ("payload", "stored", "job_type"),
    [
        ({"a": 1}, {"a": 1, "job_type": "t"}, "t"),
        ({"job_type": "own"}, {"job_type": "own"}, "own"),
        ({"job_type": 5}, {"job_type": "t"}, "t"),
        ({"job_type": None}, {"job_type": "t"}, "t"),
        ([1], [1], ""),
        ("text", "text", ""),
        (None, None, ""),
    ],
)
def test_a_type_goes_into_a_payload_that_can_hold_it_and_has_none(
    payload: Any, stored: Any, job_type: str
) -> None:
    job = step(payload=payload, job_type="t").job

    assert json.loads(job.payload) == stored
    assert job.job_type == job_type


def test_metadata_are_the_tags_and_win_over_tags() -> None:
    assert step(metadata={"a": 1}).job.tags == b'{"a": 1}'
    assert step(tags=["b"]).job.tags == b'["b"]'
    assert step(metadata={"a": 1}, tags=["b"]).job.tags == b'{"a": 1}'


def test_the_end_may_be_said_in_two_ways() -> None:
    at, ms = "2027-01-15T08:00:01Z", 1_800_000_001_000

    assert step(expires_at=at).job.expires_at_ms == ms
    assert step(expiresAt=at).job.expires_at_ms == ms
    assert step(expires_at=at, expiresAt="2028-01-01T00:00:00Z").job.expires_at_ms == ms


def test_a_payload_may_have_white_space_beyond_its_limit() -> None:
    body = b'{"name":"w","jobs":[{"key":"a","queue":"q","payload":[1,' + b" " * 99 + b"2]}]}"
    given = msgspec.json.decode(body, type=CreateWorkflow)

    [found] = given.new_workflow(payload_bytes_max=10).steps

    assert len(found.job.payload) > 99


@pytest.mark.parametrize("field", ["payload", "metadata"])
def test_a_value_over_the_limit_is_refused_by_its_name(field: str) -> None:
    body: dict[str, Any] = {"name": "w", "jobs": [{**STEP}]}
    (body["jobs"][0] if field == "payload" else body)[field] = "x" * 99

    with pytest.raises(PayloadTooLarge) as refusal:
        decoded(body, payload_bytes_max=50)

    assert field in str(refusal.value)


@pytest.mark.parametrize("name", ["w", "Daily report (v1.2) - north_east", "x" * 255, "Größe"])
def test_a_name_has_letters_digits_and_some_marks(name: str) -> None:
    assert decoded({"name": name, "jobs": [STEP]}).name == name


@pytest.mark.parametrize("name", ["", "x" * 256, "a/b", "a\nb", "a:b", "<a>"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RuleBroken):
        decoded({"name": name, "jobs": [STEP]})


def test_a_thousand_jobs_are_the_most() -> None:
    jobs = [{**STEP, "key": f"s{n}"} for n in range(1_001)]

    assert len(decoded({"name": "w", "jobs": jobs[:1_000]}).steps) == 1_000
    for wrong in (jobs, []):
        with pytest.raises(RuleBroken) as refusal:
            decoded({"name": "w", "jobs": wrong})
        assert "`jobs`" in str(refusal.value)


@pytest.mark.parametrize("missing", ["key", "queue_name"])
def test_a_missing_field_is_named_with_its_place(missing: str) -> None:
    with pytest.raises(WrongShape) as refusal:
        step_without(missing)

    assert f"jobs[0].{missing}" in str(refusal.value)
