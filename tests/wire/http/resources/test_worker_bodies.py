"""Bodies about workers: every alias, default and range."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.workers.records import NewWorker, SignOfLife
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.wire.shapes.workers import HeartbeatWorker, RegisterWorker


def new(body: dict[str, Any]) -> NewWorker:
    decoded = msgspec.json.decode(msgspec.json.encode(body), type=RegisterWorker)
    return decoded.new_worker(max_concurrency=5)


def sign(body: dict[str, Any]) -> SignOfLife:
    decoded = msgspec.json.decode(msgspec.json.encode(body), type=HeartbeatWorker)
    return decoded.sign_of_life()


def code_of(error: RuleBroken | WrongShape) -> str:
    code: str = error.details[0].code
    return code


def test_a_queue_is_all_a_worker_has_to_name() -> None:
    assert new({"queue_name": "emails"}) == NewWorker(
        queue_names=("emails",),
        hostname="unknown",
        worker_id=None,
        worker_type=None,
        version=None,
        max_concurrency=5,
        metadata=b"{}",
    )


def test_null_is_as_good_as_left_out() -> None:
    nulls = dict.fromkeys(
        ["hostname", "worker_id", "id", "worker_type", "version", "max_concurrency", "metadata"]
    )

    assert new({"queue_name": "emails", **nulls}) == new({"queue_name": "emails"})


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"queue": "a"}, ("a",)),
        ({"queue_names": ["a", "b", "a"]}, ("a", "b")),
        ({"queue_name": "b", "queue_names": ["a", "b"]}, ("b", "a")),
        ({"queue_name": "a", "queue": "b"}, ("a",)),
        ({"queue_name": "a", "queue_names": []}, ("a",)),
    ],
)
def test_every_spelling_of_the_queues_will_do(body: dict[str, Any], names: tuple[str, ...]) -> None:
    assert new(body).queue_names == names


@pytest.mark.parametrize("body", [{}, {"queue_names": []}, {"queue_name": None}])
def test_a_worker_without_a_queue_lacks_a_field(body: dict[str, Any]) -> None:
    with pytest.raises(WrongShape) as caught:
        new(body)

    assert code_of(caught.value) == "missing_field"
    assert caught.value.details[0].field == "queue_name"


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        ("worker_id", "worker_id", "W-1._x"),
        ("id", "worker_id", "x" * 128),
        ("worker_type", "worker_type", "x" * 50),
        ("version", "version", "1.2.3"),
        ("max_concurrency", "max_concurrency", 10_000),
        ("max_concurrent_jobs", "max_concurrency", 1),
        ("hostname", "hostname", "web-1.example_com"),
        ("hostname", "hostname", "x" * 255),
    ],
)
def test_every_spelling_of_a_field_is_taken(field: str, attribute: str, value: Any) -> None:
    assert getattr(new({"queue_name": "emails", field: value}), attribute) == value


@pytest.mark.parametrize(
    "body",
    [
        {"worker_id": ""},
        {"worker_id": "x" * 129},
        {"worker_id": "a b"},
        {"worker_id": "a\n"},
        {"id": "a/b"},
        {"worker_type": "x" * 51},
        {"version": "x" * 51},
        {"max_concurrency": 0},
        {"max_concurrency": 10_001},
        {"max_concurrent_jobs": 0},
        {"queue_names": ["q"] * 101},
        {"queue_names": "emails"},
    ],
)
def test_a_value_out_of_range_is_no_value(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        new({"queue_name": "emails", **body})


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"queue_name": ""}, "queue_name", "length"),
        ({"queue": "a b"}, "queue", "invalid_queue_name"),
        ({"queue_names": ["a", "-b"]}, "queue_names[1]", "invalid_queue_name_start"),
        ({"queue_name": "a", "hostname": ""}, "hostname", "length"),
        ({"queue_name": "a", "hostname": "x" * 256}, "hostname", "length"),
        ({"queue_name": "a", "hostname": "a b"}, "hostname", "invalid_hostname"),
        ({"queue_name": "a", "hostname": ".a"}, "hostname", "invalid_hostname_format"),
        ({"queue_name": "a", "hostname": "-a"}, "hostname", "invalid_hostname_format"),
        ({"queue_name": "a", "hostname": "a."}, "hostname", "invalid_hostname_format"),
        ({"queue_name": "a", "hostname": "a-"}, "hostname", "invalid_hostname_format"),
        ({"queue_name": "a", "metadata": "x" * 65_535}, "metadata", "metadata_too_large"),
    ],
)
def test_a_broken_rule_is_named(body: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        new(body)

    assert code_of(caught.value) == code
    assert caught.value.details[0].field == field


@pytest.mark.parametrize(
    ("given", "kept"), [(b"[]", b"{}"), (b"[ ]", b"{}"), (b'{"a" : 1}', b'{"a" : 1}')]
)
def test_metadata_is_kept_as_it_came_and_an_empty_list_is_an_empty_map(
    given: bytes, kept: bytes
) -> None:
    body = b'{"queue_name": "a", "metadata": ' + given + b"}"

    decoded = msgspec.json.decode(body, type=RegisterWorker)

    assert decoded.new_worker(max_concurrency=5).metadata == kept


def test_a_heartbeat_may_say_nothing() -> None:
    assert sign({}) == SignOfLife(current_jobs=0, status="healthy", metadata=None)


@pytest.mark.parametrize(
    ("given", "count"),
    [(0, 0), (1_000, 1_000), ([], 0), (["a", "b"], 2), (None, 0), (["x"] * 1_000, 1_000)],
)
def test_running_jobs_are_a_number_or_a_list(given: Any, count: int) -> None:
    assert sign({"current_jobs": given}).current_jobs == count


@pytest.mark.parametrize("given", [-1, 10_001, "two", 1.5])
def test_any_other_number_of_running_jobs_is_refused(given: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        sign({"current_jobs": given})


def test_a_list_of_too_many_running_jobs_is_refused() -> None:
    with pytest.raises(RuleBroken) as caught:
        sign({"current_jobs": ["x"] * 1_001})

    assert code_of(caught.value) == "range"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("healthy", "healthy"),
        ("degraded", "degraded"),
        ("draining", "draining"),
        ("offline", "offline"),
        ("dancing", "healthy"),
        ("", "healthy"),
        (None, "healthy"),
    ],
)
def test_an_unknown_status_counts_as_healthy(given: Any, status: str) -> None:
    assert sign({"status": given}).status == status
