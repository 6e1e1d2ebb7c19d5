"""Who may administer the server. Contract: platform, sections 3.2, 4 and 11."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.wire.http import admit
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.routes import ROUTES
from spooled_lite.wire.rates.rate_limit import GUESS_SECONDS, FailureWindows
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi, an_admin_api
from tests.wire.http.job_calls import refusal
from tests.wire.http.test_routes import filled

FAILURES_MAX = 60


@pytest.fixture
def api() -> Iterator[AdminApi]:
    yield from an_admin_api()


def shown(api: AdminApi, value: bytes | str | None, path: str = "stats") -> tuple[int, str]:
    headers = {} if value is None else {"X-Admin-Key": value}
    return refusal(api.get(f"admin/{path}", key=None, headers=headers))


def test_the_admin_key_opens_the_admin_calls(api: AdminApi) -> None:
    assert api.admin("GET", "stats").status_code == 200


def test_what_is_wrong_with_the_key_has_a_code_of_its_own(api: AdminApi) -> None:
    assert shown(api, None) == (401, "MISSING_ADMIN_KEY")
    assert shown(api, b"\xffkey") == (401, "INVALID_HEADER")
    assert shown(api, ADMIN_KEY.encode() + b"\xc3\xa9") == (401, "INVALID_HEADER")
    for wrong in ("", "wrong", ADMIN_KEY + "x", ADMIN_KEY[:-1], ADMIN_KEY.upper()):
        assert shown(api, wrong) == (401, "INVALID_ADMIN_KEY"), wrong


def test_the_short_form_of_each_code_is_in_small_letters(api: AdminApi) -> None:
    body = api.get("admin/stats", key=None).json()

    assert body["error"] == "missing_admin_key"
    assert "details" not in body


def test_without_an_admin_key_on_the_server_nobody_is_let_in() -> None:
    with AdminApi(admin_key=None) as api:
        for value in (None, "", "anything"):
            assert shown(api, value) == (401, "ADMIN_NOT_CONFIGURED")


def test_an_api_key_beside_the_admin_key_is_ignored(api: AdminApi) -> None:
    for key in (api.key, "sk_test_unknown", "eyJ.a.b"):
        assert api.get("admin/stats", key=key).status_code == 401
        answer = api.get("admin/stats", key=key, headers={"X-Admin-Key": ADMIN_KEY})
        assert answer.status_code == 200


def test_the_admin_key_is_no_api_key(api: AdminApi) -> None:
    headers = {"X-Admin-Key": ADMIN_KEY}

    assert refusal(api.get("jobs", key=None, headers=headers)) == (401, "UNAUTHORIZED")
    assert refusal(api.get("jobs", key=ADMIN_KEY)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for method, path, _, access, *_ in ROUTES if access is Access.ADMIN],
)
def test_every_admin_call_asks_for_the_key_first(api: AdminApi, method: str, path: str) -> None:
    answer = api.request(method, filled(path), content=b"no json")

    assert refusal(answer) == (401, "MISSING_ADMIN_KEY")


def test_admin_calls_say_nothing_of_rates(api: AdminApi) -> None:
    for answer in (api.admin("GET", "stats"), api.get("admin/stats", key=None)):
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
        assert answer.headers["x-api-version"] == "1"


# -- how often one may be wrong --------------------------------------------------------------


def failing(api: AdminApi) -> None:
    """As often as an address may. Without a key: only a wrong one has to wait for its answer."""
    for _ in range(FAILURES_MAX):
        assert shown(api, None) == (401, "MISSING_ADMIN_KEY")


def test_an_address_may_fail_sixty_times_a_minute(api: AdminApi) -> None:
    failing(api)

    answer = api.get("admin/stats", key=None, headers={"X-Admin-Key": "wrong"})

    assert refusal(answer) == (429, "RATE_LIMIT_EXCEEDED")
    assert answer.headers["retry-after"] == "60"
    assert answer.headers["x-ratelimit-scope"] == "admin"
    assert answer.headers["x-ratelimit-limit"] == str(FAILURES_MAX)


def test_a_wrong_key_is_a_failure_like_a_missing_one(api: AdminApi) -> None:
    for value in ("wrong", *[None] * (FAILURES_MAX - 1)):
        assert shown(api, value)[0] == 401

    assert shown(api, None) == (429, "RATE_LIMIT_EXCEEDED")


def test_past_the_limit_the_right_key_is_refused_like_any_other(api: AdminApi) -> None:
    failing(api)

    right = api.admin("GET", "stats")

    assert refusal(right) == shown(api, "wrong") == (429, "RATE_LIMIT_EXCEEDED")
    api.skip(seconds=59)
    assert api.admin("GET", "stats").status_code == 429
    api.skip(seconds=1)
    assert api.admin("GET", "stats").status_code == 200


def test_past_the_limit_nothing_is_compared(api: AdminApi, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(api)
    compared: list[bytes] = []
    monkeypatch.setattr(admit, "_is_same", lambda shown, _: compared.append(shown))

    for value in ("wrong", ADMIN_KEY):
        assert shown(api, value)[0] == 429

    assert compared == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "organizations", {"name": "New", "slug": "new"}),
        ("POST", "organizations/{org}/api-keys", {"name": "k"}),
        ("POST", "auth/email/start", {"email": "ada@example.com"}),
        ("GET", "metrics/prometheus", None),
    ],
)
def test_past_the_limit_the_key_opens_no_other_door_either(
    method: str, path: str, body: Any
) -> None:
    with AdminApi(registration="closed") as api:
        path = path.format(org=api.served.org_id)
        headers = {"X-Admin-Key": ADMIN_KEY}
        before = api.request(method, path, key=None, headers=headers, json=body)
        failing(api)

        refused = api.request(method, path, key=None, headers=headers, json=body)

        assert before.status_code in (200, 201)
        assert refusal(refused) == (429, "RATE_LIMIT_EXCEEDED")


def test_calls_with_an_api_key_go_on_past_the_limit(api: AdminApi) -> None:
    failing(api)

    assert api.get("jobs").status_code == 200


def test_the_next_minute_is_a_new_one(api: AdminApi) -> None:
    failing(api)

    api.skip(seconds=60)

    assert shown(api, "wrong") == (401, "INVALID_ADMIN_KEY")


def test_wrong_keys_wait_behind_each_other_by_address() -> None:
    async def guesses() -> tuple[float, float]:
        failures = FailureWindows("admin")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(failures.wait_turn("a") for _ in range(5)))
        of_one = loop.time() - began
        began = loop.time()
        await asyncio.gather(*(failures.wait_turn(address) for address in "bcdefghijkl"))
        return of_one, loop.time() - began

    of_one, of_many = asyncio.run(guesses())

    assert of_one >= 5 * GUESS_SECONDS * 0.99
    assert of_many < of_one  # eleven addresses, one guess each


def test_a_wrong_key_waits_and_the_right_one_does_not(
    api: AdminApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []

    async def noted(self: FailureWindows, address: str) -> None:
        waited.append(address)

    monkeypatch.setattr(FailureWindows, "wait_turn", noted)

    assert api.admin("GET", "stats").status_code == 200
    for value in ("wrong", None, "wrong"):
        shown(api, value)

    assert len(waited) == 2
