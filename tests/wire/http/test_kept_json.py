"""JSON that is kept comes back to clients of every language: what some cannot read is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.ingest_calls import IngestApi, proof
from tests.wire.http.job_calls import refusal, sent, spelled

ADMIN = {"X-Admin-Key": ADMIN_KEY}
NO_DOUBLES = (b"1e400", b"-1e400", b"9" * 309, b"1" * 5_000, b"1.8e308")
DOUBLES = (b"1e308", b"9" * 308, b"-" + b"9" * 308, b"0." + b"9" * 5_000, b'"1e400"')

# Every field that keeps JSON: the call, the rest of its body, the field.
DOORS: tuple[tuple[str, dict[str, bytes], str], ...] = (
    ("POST jobs", {"queue_name": b'"a"', "payload": b"1"}, "payload"),
    ("POST jobs", {"queue_name": b'"a"', "payload": b"1"}, "tags"),
    ("POST jobs/{running}/complete", {}, "result"),
    ("POST schedules", {"name": b'"a"', "cron_expression": b'"@daily"', "queue_name": b'"a"',
                        "payload_template": b"{}"}, "payload_template"),
    ("POST schedules", {"name": b'"a"', "cron_expression": b'"@daily"', "queue_name": b'"a"',
                        "payload_template": b"{}"}, "tags"),
    ("POST schedules", {"name": b'"a"', "cron_expression": b'"@daily"', "queue_name": b'"a"',
                        "payload_template": b"{}"}, "metadata"),
    ("PUT schedules/{schedule}", {}, "payload_template"),
    ("PUT schedules/{schedule}", {}, "tags"),
    ("PUT schedules/{schedule}", {}, "metadata"),
    ("POST workflows", {"name": b'"a"', "jobs": b'[{"key":"a","queue_name":"a","payload":1}]'},
     "metadata"),
    ("PUT queues/a/config", {}, "settings"),
    ("PUT organizations/{org}", {}, "settings"),
    ("PATCH admin/organizations/{org}", {}, "settings"),
    ("PATCH admin/organizations/{org}", {}, "custom_limits"),
    ("POST workers/register", {"queue_name": b'"a"', "hostname": b'"h"'}, "metadata"),
    ("POST workers/{worker}/heartbeat", {}, "metadata"),
)  # fmt: skip


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi(admin_key=ADMIN_KEY) as it:
        yield it


def path_of(api: IngestApi, path: str) -> str:
    made: dict[str, Any] = {"org": api.org_id}
    if "{running}" in path:
        made["running"] = api.claimed()["id"]
    if "{schedule}" in path:
        schedule = {"name": "a", "cron_expression": "@daily", "queue_name": "a"}
        answer = api.post("schedules", json={**schedule, "payload_template": {}})
        made["schedule"] = answer.json()["id"]
    if "{worker}" in path:
        answer = api.post("workers/register", json={"queue_name": "a", "hostname": "h"})
        made["worker"] = answer.json()["id"]
    if "queues/a" in path:
        api.enqueue("a")
    return path.format(**made)


@pytest.mark.parametrize(("call", "rest", "field"), DOORS)
def test_a_number_that_no_double_holds_is_refused_wherever_json_is_kept(
    api: IngestApi, call: str, rest: dict[str, bytes], field: str
) -> None:
    method, path = call.split()
    path = path_of(api, path)

    for number in NO_DOUBLES:
        value = b'{"a":[1,{"b c":%b}]}' % number
        answer = sent(api, method, path, spelled(**{**rest, field: value}), headers=ADMIN)

        assert refusal(answer) == (400, "VALIDATION_ERROR")
        [problem] = answer.json()["details"]
        assert problem["field"] == f"{field}.a[1].b c"
        assert problem["code"] == "range"


@pytest.mark.parametrize(("call", "rest", "field"), DOORS)
def test_a_number_that_a_double_holds_is_taken_wherever_json_is_kept(
    api: IngestApi, call: str, rest: dict[str, bytes], field: str
) -> None:
    method, path = call.split()

    for number in DOUBLES:
        value = b'{"a":[1,{"b c":%b}]}' % number
        made = path_of(api, path)
        answer = sent(api, method, made, spelled(**{**rest, field: value}), headers=ADMIN)

        assert answer.is_success, answer.text


@pytest.mark.parametrize("number", NO_DOUBLES)
def test_a_number_that_no_double_holds_is_refused_of_a_step_of_a_workflow(
    api: IngestApi, number: bytes
) -> None:
    step = b'{"key":"b","queue_name":"a","payload":[%b]}' % number
    jobs = b'[{"key":"a","queue_name":"a","payload":1},%b]' % step

    answer = sent(api, "POST", "workflows", spelled(name=b'"a"', jobs=jobs))

    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["details"][0]["field"] == "jobs[1].payload[0]"


def test_an_item_of_many_jobs_with_such_a_number_fails_alone(api: IngestApi) -> None:
    jobs = b'[{"payload":1},{"payload":{"n":1e400}},{"payload":3}]'

    answer = sent(api, "POST", "jobs/bulk", spelled(queue_name=b'"a"', jobs=jobs))

    assert answer.status_code == 200
    assert [each["index"] for each in answer.json()["succeeded"]] == [0, 2]
    [failed] = answer.json()["failed"]
    assert failed["index"] == 1
    assert "jobs[1].payload.n" in failed["error"]


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("github", b'{"n":[1e400]}'),
        ("stripe", b'{"id":"evt","type":"a.b","data":{"object":{"n":1e400}}}'),
        ("custom", b'{"queue_name":"a","payload":{"n":1e400}}'),
    ],
)
def test_such_a_number_is_refused_from_who_sends_webhooks(
    api: IngestApi, provider: str, body: bytes
) -> None:
    answer = api.send(provider, body, proof(api, provider, body))

    assert answer.status_code == 400
    assert "too large for a double" in answer.json()["message"]
    assert api.jobs() == 0


def test_such_a_number_in_a_field_that_nobody_keeps_is_ignored(api: IngestApi) -> None:
    body = spelled(queue_name=b'"a"', payload=b"1", unknown=b"1e400")

    assert sent(api, "POST", "jobs", body).status_code == 201


@pytest.mark.parametrize("size", [60_000, 200_000])
def test_of_a_large_value_the_field_is_named_at_least(api: IngestApi, size: int) -> None:
    payload = b'{"a":"' + b"x" * size + b'","b":1e999}'

    answer = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=payload))

    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["details"][0]["field"] == ("payload.b" if size < 65_536 else "payload")


def test_a_place_with_a_long_name_is_not_told_to_its_end(api: IngestApi) -> None:
    payload = json.dumps({"a": {"x" * 1_000: 1}}).encode().replace(b"1}", b"1e999}")

    answer = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=payload))

    assert answer.json()["details"][0]["field"] == "payload.a"
