"""How bodies are read on the routes of jobs: contract jobs, section 2.2."""

from collections.abc import Iterator

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, problem, refusal, sent, spelled
from tests.wire.http.served import Api


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


# Routes whose body has a required field, and a body that they would take.
NEEDS_A_BODY = {
    "POST jobs": b'{"queue":"emails","payload":1}',
    "POST jobs/bulk": b'{"queue":"emails","jobs":[{"payload":1}]}',
    "POST jobs/claim": b'{"queue":"nothing-here"}',
    "POST jobs/dequeue": b'{"queue":"nothing-here"}',
    "PUT jobs/{waiting}/priority": b'{"priority":1}',
    "POST jobs/{running}/fail": b'{"error":"e"}',
    "POST jobs/{running}/progress": b'{"progress":1}',
    "POST jobs/{waiting}/dependencies": b'{"depends_on":["{running}"]}',
    "POST jobs/dlq/purge": b'{"confirm":true}',
}

# Those that ask for nothing; what each answers.
NEEDS_NO_BODY = {
    "DELETE jobs/{waiting}": 204,
    "POST jobs/{waiting}/cancel": 200,
    "POST jobs/{dead}/retry": 200,
    "POST jobs/{running}/complete": 200,
    "POST jobs/{running}/heartbeat": 200,
    "POST jobs/{running}/renew-lease": 200,
    "POST jobs/dlq/retry": 200,
}


def call(api: WatchedApi, route: str, body: bytes, **more: object) -> httpx.Response:
    """Call a route on jobs made for it."""
    names = {
        "{waiting}": api.enqueue("waiting")["id"],
        "{running}": api.claimed("running")["id"],
        "{dead}": api.dead("dead")["id"],
    }
    for name, job_id in names.items():
        route = route.replace(name, job_id)
        body = body.replace(name.encode(), job_id.encode())
    method, path = route.split()
    return sent(api, method, path, body, **more)


@pytest.mark.parametrize("route", NEEDS_A_BODY)
def test_a_body_that_is_needed_is_asked_for(api: WatchedApi, route: str) -> None:
    assert call(api, route, NEEDS_A_BODY[route]).is_success
    for empty in (b"", b" \n"):
        assert problem(call(api, route, empty)) == (400, "body", "empty_body")
    for wrong in (b"[]", b"null", b"5", b'"x"', b"[{}]"):
        assert problem(call(api, route, wrong)) == (422, "body", "invalid_type"), wrong


@pytest.mark.parametrize("route", NEEDS_NO_BODY)
def test_where_nothing_is_needed_nothing_will_do(api: WatchedApi, route: str) -> None:
    for body in (b"", b"{}", b"[]", b" [ ] ", b"null", b'{"unknown":1}'):
        answer = call(api, route, body)

        assert answer.status_code == NEEDS_NO_BODY[route], (body, answer.text)


NOT_JSON = (b"{", b"{]", b"nonsense", b"{'a':1}", b'{"a":1,}', b'{"a":NaN}', b'"\xff"', b"\xff\xfe")


@pytest.mark.parametrize("route", NEEDS_A_BODY)
def test_what_is_no_json_is_refused(api: WatchedApi, route: str) -> None:
    for body in NOT_JSON:
        assert problem(call(api, route, body)) == (400, "body", "invalid_json"), body


@pytest.mark.parametrize("media", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
def test_a_body_is_json_whatever_it_is_called(api: WatchedApi, media: str | None) -> None:
    headers = {} if media is None else {"Content-Type": media}

    answer = sent(api, "POST", "jobs", b'{"queue":"a","payload":{}}', headers=headers)

    assert answer.status_code == 201


def test_invalid_utf_8_inside_of_a_payload_is_refused(api: WatchedApi) -> None:
    for raw in (b'"\xff"', b'{"\xc3":1}', b'"\xed\xa0\x80"', b'"\xc0\x80"'):
        refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=raw))

        assert problem(refused) == (400, "body", "invalid_json")


def test_a_hundred_levels_are_the_bound(api: WatchedApi) -> None:
    def nested(levels: int) -> bytes:
        return b"[" * (levels - 1) + b"]" * (levels - 1)

    accepted = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=nested(100)))
    refused = sent(api, "POST", "jobs", spelled(queue=b'"a"', payload=nested(101)))

    assert accepted.status_code == 201
    assert problem(refused) == (400, "body", "invalid_json")


def test_a_body_over_five_mebibytes_is_refused(api: WatchedApi) -> None:
    refused = sent(api, "POST", "jobs/bulk", b" " * (5 * 1024 * 1024 + 1))

    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")


def test_a_result_has_the_limit_of_a_payload(api: WatchedApi) -> None:
    def result(size: int) -> bytes:
        return spelled(result=b'"' + b"x" * (size - 2) + b'"')

    refused = call(api, "POST jobs/{running}/complete", result(1_048_577))
    accepted = call(api, "POST jobs/{running}/complete", result(1_048_576))

    assert refusal(refused) == (413, "PAYLOAD_TOO_LARGE")
    assert accepted.status_code == 200


def test_a_result_comes_back_byte_for_byte(api: WatchedApi) -> None:
    raw = b'{ "a":1.50, "a":[ ],"\\u00e9":1e300 }'
    job = api.claimed()

    sent(api, "POST", f"jobs/{job['id']}/complete", spelled(result=raw))

    assert b'"result":' + raw + b"," in api.get(f"jobs/{job['id']}").content


def test_a_path_is_decoded_once_and_any_id_is_just_unknown(api: WatchedApi) -> None:
    for job_id in ("x", "non-existent-job-id", "%00", "%FF", "a%2Fb", "%2e%2e", "x" * 2000, "1e3"):
        assert refusal(api.get(f"jobs/{job_id}")) == (404, "NOT_FOUND")
        refused = api.post(f"jobs/{job_id}/complete")
        assert refusal(refused) == (404, "NOT_FOUND")
        assert job_id not in refused.json()["message"] or job_id == "x"


def test_literal_segments_win_over_ids(api: WatchedApi) -> None:
    assert api.get("jobs/stats").json()["total"] == 0
    assert api.get("jobs/status?ids=").json() == []
    assert api.get("jobs/dlq").json() == []
    for name in ("bulk", "claim", "dequeue"):
        assert refusal(api.get(f"jobs/{name}")) == (405, "METHOD_NOT_ALLOWED")


def test_head_is_answered_like_get_without_a_body(api: WatchedApi) -> None:
    job = api.enqueue()

    for path in ("jobs", "jobs/stats", f"jobs/{job['id']}", f"jobs/{job['id']}/history"):
        answer = api.request("HEAD", path)

        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(api.get(path).content)


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP", "identity, gzip", "unheard-of"])
@pytest.mark.parametrize("path", ["jobs", "auth/login", "organizations"])
def test_a_packed_body_is_415(api: Api, path: str, coding: str) -> None:
    answer = api.post(path, content=b"{}", headers={"Content-Encoding": coding})

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_as_it_is_may_say_so(api: Api, coding: str) -> None:
    body = b'{"queue_name": "q", "payload": 1}'

    answer = api.post("jobs", content=body, headers={"Content-Encoding": coding})

    assert answer.status_code == 201
