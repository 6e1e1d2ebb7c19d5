"""Bodies about queues: every alias, range and null."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.queues.records import QueueChanges
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.wire.shapes.queues import CreateQueue, PauseQueue, UpdateQueue


def changes(body: dict[str, Any], *, null_clears: bool = True) -> QueueChanges:
    decoded = msgspec.json.decode(msgspec.json.encode(body), type=UpdateQueue)
    return decoded.changes(null_clears=null_clears)


def code_of(error: RuleBroken | WrongShape) -> str:
    code: str = error.details[0].code
    return code


@pytest.mark.parametrize(
    ("field", "column", "value"),
    [
        ("max_retries", "max_retries", 0),
        ("max_retries", "max_retries", 100),
        ("default_timeout", "default_timeout", 1),
        ("timeout_seconds", "default_timeout", 86_400),
        ("timeout", "default_timeout", 60),
        ("rate_limit", "rate_limit", 1),
        ("rate_limit_per_second", "rate_limit", 100_000),
        ("max_concurrency", "max_concurrency", 1),
        ("max_concurrent_jobs", "max_concurrency", 7),
        ("retry_delay_seconds", "retry_delay_seconds", 0),
        ("backoff_base_seconds", "backoff_base_seconds", 0.25),
        ("backoff_multiplier", "backoff_multiplier", 1.5),
        ("backoff_max_seconds", "backoff_max_seconds", 3_600),
        ("description", "description", "x" * 1_000),
    ],
)
def test_every_spelling_of_a_field_sets_its_column(field: str, column: str, value: Any) -> None:
    assert changes({field: value}).columns == {column: value}


@pytest.mark.parametrize(
    "body",
    [
        {"max_retries": -1},
        {"max_retries": 101},
        {"default_timeout": 0},
        {"timeout_seconds": 86_401},
        {"timeout": 0},
        {"rate_limit": 0},
        {"rate_limit_per_second": 100_001},
        {"max_concurrency": 0},
        {"max_concurrent_jobs": 0},
        {"retry_delay_seconds": -0.1},
        {"backoff_base_seconds": -1},
        {"backoff_multiplier": 0.9},
        {"backoff_multiplier": 10.1},
        {"backoff_max_seconds": 1e300},
        {"description": "x" * 1_001},
        {"enabled": "yes"},
        {"max_retries": 1.5},
    ],
)
def test_a_value_out_of_range_is_no_value(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        changes(body)


@pytest.mark.parametrize("field", ["rate_limit", "rate_limit_per_second"])
def test_null_clears_the_rate_limit(field: str) -> None:
    assert changes({field: None}).columns == {"rate_limit": None}


@pytest.mark.parametrize("field", ["max_concurrency", "max_concurrent_jobs"])
def test_null_clears_the_concurrency(field: str) -> None:
    assert changes({field: None}).columns == {"max_concurrency": None}


def test_a_limit_wins_over_a_null_in_its_other_spelling() -> None:
    assert changes({"rate_limit": None, "rate_limit_per_second": 5}).columns == {"rate_limit": 5}


def test_null_clears_nothing_when_a_queue_is_created() -> None:
    body = {"rate_limit": None, "max_concurrency": None}

    assert changes(body, null_clears=False).columns == {}


@pytest.mark.parametrize(
    "field",
    [
        "max_retries",
        "default_timeout",
        "retry_delay_seconds",
        "backoff_base_seconds",
        "description",
        "enabled",
        "settings",
    ],
)
def test_any_other_null_is_as_good_as_left_out(field: str) -> None:
    assert changes({field: None}) == QueueChanges()


def test_settings_are_kept_byte_for_byte() -> None:
    body = msgspec.json.decode(b'{"settings": {"b" : 1.0, "a":[ ]}}', type=UpdateQueue)

    assert body.changes(null_clears=True).columns == {"settings": b'{"b" : 1.0, "a":[ ]}'}


def test_reserved_keys_are_left_out_of_settings() -> None:
    given = {"paused": True, "paused_at": "x", "paused_reason": "y", "concurrency": 4}

    assert changes({"settings": given}).columns == {"settings": b'{"concurrency":4}'}


def test_an_empty_list_is_taken_for_empty_settings() -> None:
    assert changes({"settings": []}).columns == {"settings": b"{}"}


@pytest.mark.parametrize("given", [[1], "text", 5, True])
def test_settings_that_are_no_object_have_the_wrong_shape(given: Any) -> None:
    with pytest.raises(WrongShape) as caught:
        changes({"settings": given})

    assert code_of(caught.value) == "invalid_type"


def test_settings_over_their_size_are_refused() -> None:
    fits = {"a": "x" * (65_536 - len('{"a":""}'))}
    assert changes({"settings": fits}).columns

    with pytest.raises(RuleBroken) as caught:
        changes({"settings": {"a": fits["a"] + "x"}})

    assert code_of(caught.value) == "settings_too_large"


@pytest.mark.parametrize("field", ["name", "queue_name", "queue"])
def test_every_spelling_of_the_name_of_a_new_queue_will_do(field: str) -> None:
    assert msgspec.convert({field: "emails"}, CreateQueue).named_queue() == "emails"


def test_a_new_queue_needs_a_name() -> None:
    with pytest.raises(WrongShape) as caught:
        CreateQueue().named_queue()

    assert code_of(caught.value) == "missing_field"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "length"),
        ("x" * 101, "length"),
        (".emails", "invalid_queue_name_start"),
        ("-emails", "invalid_queue_name_start"),
        ("e mails", "invalid_queue_name"),
        ("e/mails", "invalid_queue_name"),
    ],
)
def test_a_bad_name_of_a_new_queue_is_refused(name: str, code: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        CreateQueue(queue_name=name).named_queue()

    assert code_of(caught.value) == code
    assert caught.value.details[0].field == "queue_name"


def test_a_reason_may_have_five_hundred_characters_and_no_more() -> None:
    assert PauseQueue("x" * 500).checked_reason() == "x" * 500

    with pytest.raises(RuleBroken) as caught:
        PauseQueue("x" * 501).checked_reason()

    assert code_of(caught.value) == "reason_too_long"
