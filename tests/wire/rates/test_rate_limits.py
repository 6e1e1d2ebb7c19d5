"""How often an address may call, and how often it may fail. Contract: platform, section 4."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.errors import RateLimited
from spooled_lite.plans import Plans
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.dispatch import Row, Trait
from spooled_lite.wire.rates import buckets
from spooled_lite.wire.rates.rate_limit import FailureWindows, RateLimits, client_address
from tests.wire.http.served import NOW_MS, Api


async def anything(call: Call) -> Reply:
    return reply(client_address(call))


async def fails(call: Call) -> Reply:
    failures, address = call.services.login_failures, client_address(call)
    failures.check(address, call.now_ms)
    failures.fail(address, call.now_ms)
    return reply("wrong", 401)


ROWS: tuple[Row, ...] = (
    ("GET", "/api/v1/public", anything, Access.PUBLIC, "-"),
    ("GET", "/api/v1/login", fails, Access.PUBLIC, "-"),
    ("GET", "/api/v1/jobs", anything, Access.KEY, "-"),
    ("GET", "/health/live", anything, Access.PUBLIC, "-", Trait.UNLIMITED),
    ("GET", "/metrics", anything, Access.METRICS, "-", Trait.UNLIMITED),
)
FROM_PROXY = {"X-Forwarded-For": "203.0.113.7, 10.0.0.1"}

Make = Callable[..., Api]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    open_ones: list[Api] = []

    def factory(**settings: Any) -> Api:
        api = Api(str(tmp_path / f"{len(open_ones)}.db"), Settings(**settings), ROWS)
        open_ones.append(api.__enter__())
        return api

    yield factory
    for each in open_ones:
        each.__exit__(None, None, None)


# -- public calls -------------------------------------------------------------------------------


def test_an_address_has_a_burst_of_public_calls_and_a_rate(make: Make) -> None:
    api = make()

    answers = [api.get("public", key=None) for _ in range(201)]

    assert [answer.status_code for answer in answers] == [200] * 200 + [429]
    first, refused = answers[0].headers, answers[200]
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"]) == ("200", "199")
    assert first["x-ratelimit-scope"] == refused.headers["x-ratelimit-scope"] == "ip"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["retry-after"] == "1"
    assert int(refused.headers["x-ratelimit-reset"]) == NOW_MS // 1000 + 2
    assert refused.json()["retry_after_secs"] == 1
    api.clock.advance(seconds=1)
    again = [api.get("public", key=None).status_code for _ in range(101)]
    assert again == [200] * 100 + [429]


def test_the_settings_replace_rate_and_burst(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=2)

    assert [api.get("public", key=None).status_code for _ in range(3)] == [200, 200, 429]


def test_health_metrics_and_preflights_are_never_limited(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=1)

    assert [api.get("public", key=None).status_code for _ in range(2)] == [200, 429]

    for path in ("/health/live", "/metrics"):
        assert [api.get(path, key=None).status_code for _ in range(3)] == [200] * 3
    assert api.request("OPTIONS", "public", key=None).status_code == 204


def test_public_calls_and_those_of_a_key_are_limited_apart(make: Make) -> None:
    api = make(rate_limit_requests_per_second=1, rate_limit_burst_size=1)
    assert [api.get("public").status_code for _ in range(2)] == [200, 429]

    assert api.get("jobs").status_code == 200


# -- who is one client --------------------------------------------------------------------------


class Asked(Struct):
    peer: str | None
    headers: Mapping[bytes, bytes] = {}
    settings: Settings = Settings()


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("a-socket", "a-socket"),
        (None, "unknown"),
    ],
)
def test_a_client_is_its_address_or_its_network(peer: str | None, address: str) -> None:
    assert client_address(Asked(peer)) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (b"203.0.113.7", "203.0.113.7"),
        (b" 203.0.113.7 , 10.0.0.1", "203.0.113.7"),
        (b"203.0.113.7:4711", "203.0.113.7"),
        (b"[2001:db8::1]:4711", "2001:db8::/64"),
        (b"2001:db8::1", "2001:db8::/64"),
        (b"", "192.0.2.1"),
        (b"unknown", "192.0.2.1"),
        (b"\xff\xfe", "192.0.2.1"),
        (b"1" * 5_000, "192.0.2.1"),
    ],
)
def test_behind_a_trusted_proxy_the_first_address_it_names_counts(
    forwarded: bytes, address: str
) -> None:
    headers = {b"x-forwarded-for": forwarded}

    assert client_address(Asked("192.0.2.1", headers, Settings(trust_proxy=True))) == address
    assert client_address(Asked("192.0.2.1", headers)) == "192.0.2.1"


def test_who_is_not_trusted_cannot_name_another_address(make: Make) -> None:
    trusting, plain = make(trust_proxy=True), make()

    assert trusting.get("public", headers=FROM_PROXY).json() == "203.0.113.7"
    assert plain.get("public", headers=FROM_PROXY).json() == "127.0.0.1"


# -- failures -----------------------------------------------------------------------------------


def refused(windows: FailureWindows, address: str, now_ms: int) -> RateLimited | None:
    try:
        windows.check(address, now_ms)
    except RateLimited as error:
        return error
    return None


@pytest.mark.parametrize(("kind", "failures_max"), [("login", 10), ("admin", 60)])
def test_so_many_failures_in_a_minute_and_no_more(
    kind: Literal["login", "admin"], failures_max: int
) -> None:
    windows = FailureWindows(kind)
    for number in range(failures_max):
        assert refused(windows, "a", NOW_MS + number) is None
        windows.fail("a", NOW_MS + number)

    error = refused(windows, "a", NOW_MS + 30_000)

    assert error is not None
    assert (error.limit, error.scope, error.retry_after_seconds) == (failures_max, kind, 30)
    assert error.reset_at == NOW_MS // 1000 + 60
    assert refused(windows, "b", NOW_MS) is None
    assert refused(windows, "a", NOW_MS + 60_000) is None


def test_what_succeeds_does_not_count() -> None:
    windows = FailureWindows("login")

    for _ in range(1_000):
        windows.check("a", NOW_MS)

    assert refused(windows, "a", NOW_MS) is None
    assert not windows._windows


def test_the_answer_names_the_limit_that_was_reached(make: Make) -> None:
    api = make()

    answers = [api.get("login", key=None) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[9].headers["x-ratelimit-scope"] == "ip"
    assert answers[10].headers["x-ratelimit-scope"] == "login"
    assert answers[10].headers["x-ratelimit-limit"] == "10"
    assert answers[10].headers["retry-after"] == "60"
    api.clock.advance(seconds=60)
    assert api.get("login", key=None).status_code == 401


# -- bounds -------------------------------------------------------------------------------------


def test_memory_is_bounded_and_the_busiest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "KEPT_MAX", 100)
    limits, failures = RateLimits(Settings(), Plans()), FailureWindows("login")

    for number in range(1_000):
        limits.charge_address("busy", NOW_MS)
        limits.charge_address(f"once-{number}", NOW_MS)
        failures.fail("busy", NOW_MS)
        failures.fail(f"once-{number}", NOW_MS)

    assert len(limits._addresses) == len(failures._windows) == 100
    assert limits.charge_address("busy", NOW_MS).retry_after_seconds
    assert refused(failures, "busy", NOW_MS) is not None
