"""The check of every answer against the document finds what is wrong."""

import httpx
import pytest

from tests.wire.http.conformance import assert_documented, responses
from tests.wire.http.served import Api


def changed(answer: httpx.Response, **changes: object) -> httpx.Response:
    body = {**answer.json(), **changes}
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return httpx.Response(answer.status_code, headers=headers, json=body, request=answer.request)


@pytest.fixture
def created(api: Api) -> httpx.Response:
    return api.post("jobs", json={"queue": "emails", "payload": {}})


def test_an_answer_as_documented_passes(created: httpx.Response) -> None:
    assert_documented(created)
    assert_documented(changed(created))


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"retry_count": "1"}, {"status": "claimed"}, {"created_at": "yesterday"}],
    ids=str,
)
def test_another_body_does_not(created: httpx.Response, changes: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        assert_documented(changed(created, **changes))


def test_another_status_does_not(created: httpx.Response) -> None:
    assert "418" not in responses("POST", "/api/v1/jobs")
    created.status_code = 418

    with pytest.raises(AssertionError, match="answered 418"):
        assert_documented(created)


def test_a_missing_header_does_not(created: httpx.Response) -> None:
    del created.headers["x-ratelimit-limit"]

    with pytest.raises(AssertionError, match="X-RateLimit-Limit"):
        assert_documented(created)
