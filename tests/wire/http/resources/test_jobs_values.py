"""Values that are not looked into, and how large they may be: contract jobs, J1 and section 2.4."""

from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, problem, refusal, sent, spelled


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


PAYLOAD_MAX = 1_048_576

RAW = [
    b"null",
    b"0",
    b"-0",
    b"1e308",
    b"9" * 308,
    b"0." + b"9" * 5_000,
    b'"1e400"',
    b"123456789012345678901234567890.000",
    b'""',
    b'"\\u00e9 \\/ \\ud83d\\ude00"',
    '"\u00e9\u4e2d\U0001f600"'.encode(),
    b"[]",
    b"[ 1,\t2 ]",
    b'{"b": 1, "a": 2, "b": 3}',
    b'{ "deep" : {"a":[{}]}\n}',
    b'{"job_type": 1e99}',
    b'{"job_type": "\\u0061", "x": "\\\\u0000"}',
]


def test_payload_and_tags_come_back_byte_for_byte(api: WatchedApi) -> None:
    for raw in RAW:
        answer = sent(api, "POST", "jobs", spelled(queue_name=b'"emails"', payload=raw, tags=raw))

        assert answer.status_code == 201, answer.text
        shown = api.get(f"jobs/{answer.json()['id']}").content
        claimed = api.post("jobs/claim", json={"queue_name": "emails"}).content
        for body in (answer.content, shown, claimed):
            assert b'"payload":' + raw + b"," in body
            assert b'"tags":' + raw + b"," in body


def test_a_payload_may_have_its_limit_and_no_byte_more(api: WatchedApi) -> None:
    fits = b'"' + b"x" * (PAYLOAD_MAX - 2) + b'"'
    too_long = b'"' + b"x" * (PAYLOAD_MAX - 1) + b'"'

    accepted = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=fits))
    refused = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=too_long))

    assert accepted.status_code == 201
    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
    assert "payload" in refused.json()["message"]


def test_white_space_counts_only_up_to_the_limit(api: WatchedApi) -> None:
    inside = b'"' + b"x" * (PAYLOAD_MAX - 4) + b'"'
    spaced = b"[" + b" " * 1000 + inside + b"\n]"
    too_long = b"[" + b" " * 1000 + inside + b",1]"

    accepted = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=spaced))
    refused = sent(api, "POST", "jobs", spelled(queue_name=b'"a"', payload=too_long))

    assert accepted.status_code == 201
    assert b'"payload":' + spaced in accepted.content
    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")


def test_a_smaller_limit_of_the_server_holds() -> None:
    settings = Settings(queue_max_payload_size_bytes=10)
    with WatchedApi(":memory:", settings) as api:
        assert sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b'"12345678"')).is_success
        refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b'"123456789"'))

        assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
        assert "details" not in refused.json()


def test_the_limit_of_a_plan_is_told_in_numbers() -> None:
    settings = Settings(plan_enforcement="on")
    with WatchedApi(":memory:", settings) as api:
        key = api.other_org(tier="free")
        body = {"queue": "a", "payload": "x" * 65_535}

        refused = api.post("jobs", json=body, key=key)

        facts = {"current": 65_537, "limit": 65_536, "plan": "free", "upgrade_to": "starter"}
        assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
        assert refused.json()["details"] == facts
        assert {name: refused.json()[name] for name in facts} == facts
        assert api.post("jobs", json={**body, "payload": "x" * 65_534}, key=key).is_success


def test_tags_may_have_65536_bytes(api: WatchedApi) -> None:
    fits, too_long = (b'"' + b"x" * (size - 2) + b'"' for size in (65_536, 65_537))

    accepted = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b"1", tags=fits))
    refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=b"1", tags=too_long))

    assert accepted.status_code == 201
    assert problem(refused) == (400, "tags", "tags_too_large")
