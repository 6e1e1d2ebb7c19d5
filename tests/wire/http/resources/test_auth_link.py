"""Sign-in by the link that `serve` prints, and the ways to sign in that there are."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, problem, refusal

REFUSED = (401, "AUTHENTICATION_FAILED")


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def a_code(api: WatchedApi) -> str:
    services = api.served.services
    return services.sign_in_link.make(
        api.served.org_id, services.ids.secret(32), services.clock.now_ms()
    )


def sign_in(api: WatchedApi, code: Any) -> Any:
    return api.post("auth/link", json={"code": code}, key=None)


def test_the_link_signs_in_as_the_first_key(api: WatchedApi) -> None:
    tokens = sign_in(api, a_code(api)).json()

    me = api.shown("GET", "auth/me", key=tokens["access_token"])

    assert tokens.keys() == api.post("auth/login", json={"api_key": api.key}).json().keys()
    assert me["organization_id"] == api.served.org_id
    assert me["api_key_id"] == api.shown("GET", "auth/me")["api_key_id"]
    assert api.shown("POST", "auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def test_the_link_is_good_once(api: WatchedApi) -> None:
    code = a_code(api)

    answers = [sign_in(api, code) for _ in range(2)]

    assert answers[0].status_code == 200
    assert refusal(answers[1]) == REFUSED


def test_a_new_link_takes_the_place_of_the_one_before(api: WatchedApi) -> None:
    before, after = a_code(api), a_code(api)

    assert refusal(sign_in(api, before)) == REFUSED
    assert sign_in(api, after).status_code == 200


def test_the_link_is_good_for_ten_minutes(api: WatchedApi) -> None:
    code = a_code(api)
    api.skip(seconds=599)
    assert api.shown("GET", "auth/options", key=None)["link"] is True
    api.skip(seconds=1)

    assert refusal(sign_in(api, code)) == REFUSED
    assert api.shown("GET", "auth/options", key=None)["link"] is False


def test_a_clock_that_is_set_back_before_the_start_ends_the_link(api: WatchedApi) -> None:
    code = a_code(api)
    api.skip(seconds=-1)

    assert api.shown("GET", "auth/options", key=None)["link"] is False
    assert refusal(sign_in(api, code)) == REFUSED


def test_a_refused_address_is_refused_before_its_body_is_read(api: WatchedApi) -> None:
    a_code(api)
    for _ in range(10):
        sign_in(api, "x" * 43)

    for body in (b"", b"no json", b'{"code": "' + b"x" * 5_000_000 + b'"}'):
        answer = api.post("auth/link", content=body, key=None)
        assert refusal(answer) == (429, "RATE_LIMIT_EXCEEDED")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_code_is_taken_from_a_post_alone(api: WatchedApi, method: str) -> None:
    code = a_code(api)

    answer = api.request(method, f"auth/link?code={code}", key=None)

    assert answer.status_code == 405
    assert sign_in(api, code).status_code == 200


def test_wrong_codes_count_as_failed_logins(api: WatchedApi) -> None:
    code = a_code(api)
    for _ in range(10):
        assert refusal(sign_in(api, "x" * 43)) == REFUSED

    assert refusal(sign_in(api, code)) == (429, "RATE_LIMIT_EXCEEDED")
    assert refusal(api.post("auth/login", json={"api_key": api.key})) == (
        429,
        "RATE_LIMIT_EXCEEDED",
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, (422, "code", "invalid_type")),
        (7, (422, "code", "invalid_type")),
        (["x"], (422, "code", "invalid_type")),
        ("", (400, "code", "length")),
        ("x" * 129, (400, "code", "length")),
        ("x" * 5_000_000, (400, "code", "length")),
    ],
)
def test_a_body_that_is_none_is_refused_with_its_field(
    api: WatchedApi, code: Any, expected: tuple[int, str, str]
) -> None:
    assert problem(sign_in(api, code)) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},
        {"environment": "staging", "jwt_secret": "of this test alone, 32 characters"},
    ],
)
def test_beyond_development_and_loopback_there_is_no_link(settings: dict[str, Any]) -> None:
    with WatchedApi(":memory:", Settings(**settings)) as api:
        assert refusal(sign_in(api, "x")) == (404, "NOT_FOUND")
        assert api.shown("GET", "auth/options", key=None)["link"] is False


def test_the_ways_to_sign_in_are_told_to_anybody(api: WatchedApi) -> None:
    shown = api.shown("GET", "auth/options", key=None)

    assert shown == {
        "link": False,
        "email": True,
        "registration": "open",
        "environment": "development",
        "is_test": False,
    }
