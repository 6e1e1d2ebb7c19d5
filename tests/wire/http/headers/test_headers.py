"""What every answer carries: ids, versions, security, CORS, compression, time limits."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.dispatch import Row
from spooled_lite.wire.time_limit import TimeLimit
from tests.wire.http.served import NOW_MS, Api, serving


async def sized(call: Call) -> Reply:
    return reply("x" * (int(call.query["bytes"]) - 2))


async def waits(call: Call) -> Reply:
    call.allow_seconds(float(call.query.get("extra", "0")))
    await asyncio.sleep(0.25)
    return reply("done")


ROWS: tuple[Row, ...] = (
    ("GET", "/api/v1/sized", sized, Access.PUBLIC, "-"),
    ("GET", "/api/v1/waits", waits, Access.PUBLIC, "-"),
    ("GET", "/health/live", waits, Access.PUBLIC, "-"),
)
ORIGIN = {"Origin": "https://app.example.com"}
SMALL = "sized?bytes=10"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(str(tmp_path / "spooled.db"), Settings(), ROWS) as it:
        yield it


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Api]:
    settings = Settings(
        environment="production",
        enable_hsts=True,
        cors_allowed_origins=("https://app.example.com",),
    )
    with Api(str(tmp_path / "spooled.db"), settings, ROWS) as it:
        yield it


@pytest.mark.parametrize("given", ["a", "req-42", "x" * 128])
def test_a_sane_request_id_is_echoed(api: Api, given: str) -> None:
    answer = api.get(SMALL, headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\tb"])
def test_another_request_id_is_replaced_by_a_new_one(api: Api, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}

    first, second = api.get(SMALL, headers=headers), api.get("nothing", headers=headers)

    assert re.fullmatch(r"[0-9a-f-]{36}", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_every_answer_has_the_security_headers(api: Api) -> None:
    for answer in (api.get(SMALL), api.get("/nothing"), api.request("OPTIONS", SMALL)):
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "strict-transport-security" not in answer.headers


def test_hsts_is_sent_when_it_is_switched_on(production: Api) -> None:
    answer = production.get(SMALL)

    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize("asked_for", [None, "1", "x" * 17, "v/2", "ä"])
def test_the_version_is_1_and_nonsense_is_ignored(api: Api, asked_for: str | None) -> None:
    headers = {} if asked_for is None else {"X-API-Version": asked_for.encode("latin-1")}

    answer = api.get(SMALL, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["x-api-version"] == "1"


def test_another_version_is_refused_and_1_is_named(api: Api) -> None:
    answer = api.get(SMALL, headers={"X-API-Version": "2"})

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert answer.headers["x-api-version"] == "1"


def test_rate_limit_headers_are_on_every_api_answer_and_only_there(api: Api) -> None:
    for path, limit, scope in ((SMALL, "200", "ip"), ("nothing", "1000000", "organization")):
        headers = api.get(path).headers
        assert headers["x-ratelimit-limit"] == limit
        assert int(headers["x-ratelimit-remaining"]) > 0
        assert int(headers["x-ratelimit-reset"]) >= NOW_MS // 1000
        assert headers["x-ratelimit-scope"] == scope

    assert "x-ratelimit-limit" not in api.get("/nothing").headers
    assert "x-ratelimit-limit" not in api.request("OPTIONS", SMALL).headers


def test_outside_production_any_origin_may_read(api: Api) -> None:
    headers = api.get(SMALL, headers=ORIGIN).headers

    assert headers["access-control-allow-origin"] == "*"
    assert "X-Has-More" in headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in api.get(SMALL).headers


def test_errors_can_be_read_across_origins(api: Api) -> None:
    assert api.get("nothing", headers=ORIGIN).headers["access-control-allow-origin"] == "*"


def test_a_preflight_is_answered_without_a_credential(api: Api) -> None:
    answer = api.request(
        "OPTIONS",
        "jobs/any/path",
        key=None,
        headers={
            **ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, x-own",
        },
    )

    assert answer.status_code == 204
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization, x-own"
    assert answer.headers["access-control-max-age"] == "3600"


def test_in_production_only_listed_origins_may_read(production: Api) -> None:
    listed = production.get(SMALL, headers=ORIGIN).headers
    other = production.get(SMALL, headers={"Origin": "https://evil.example.com"}).headers

    assert listed["access-control-allow-origin"] == ORIGIN["Origin"]
    assert "access-control-allow-origin" not in other
    assert listed["vary"] == other["vary"] == "Origin"


def test_in_production_without_a_list_any_origin_is_echoed(tmp_path: Path) -> None:
    settings = Settings(environment="production")
    with Api(str(tmp_path / "spooled.db"), settings, ROWS) as api:
        headers = api.get(SMALL, headers=ORIGIN).headers

    assert headers["access-control-allow-origin"] == ORIGIN["Origin"]


def test_options_names_the_methods_of_a_path(api: Api) -> None:
    answer = api.request("OPTIONS", "sized", key=None)

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert api.request("OPTIONS", "nothing", key=None).status_code == 404


def test_head_answers_like_get_without_a_body(api: Api) -> None:
    answer = api.request("HEAD", SMALL)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "10"


@pytest.mark.parametrize("size", [1024, 200_000])
def test_a_long_answer_is_packed_for_those_who_ask(api: Api, size: int) -> None:
    packed = api.get(f"sized?bytes={size}", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    plain = api.get(f"sized?bytes={size}", headers={"Accept-Encoding": "gzip;q=0, identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) < size
    assert len(packed.content) == len(plain.content) == size
    assert "content-encoding" not in plain.headers


def test_a_short_answer_is_not_packed(api: Api) -> None:
    answer = api.get("sized?bytes=1023", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers


def test_what_is_packed_is_gzip(api: Api) -> None:
    async def raw() -> bytes:
        async with api.served.bare.stream(
            "GET", "/api/v1/sized?bytes=5000", headers={"Accept-Encoding": "gzip"}
        ) as answer:
            return b"".join([part async for part in answer.aiter_raw()])

    assert len(gzip.decompress(asyncio.run(raw()))) == 5000


@asynccontextmanager
async def limited(tmp_path: Path) -> AsyncIterator[Any]:
    limit = TimeLimit(0.05, sweep_seconds=0.02)
    async with serving(str(tmp_path / "spooled.db"), Settings(), rows=ROWS) as it:
        it.use(Application(it.services, ROWS, time_limit=limit))
        yield it.bare


def test_a_handler_over_its_time_is_408(tmp_path: Path) -> None:
    async def scenario() -> tuple[Any, Any]:
        async with limited(tmp_path) as client:
            return await asyncio.gather(
                client.get("/api/v1/waits"), client.get("/api/v1/waits?extra=60")
            )

    late, extended = asyncio.run(scenario())

    assert (late.status_code, late.json()["code"]) == (408, "REQUEST_TIMEOUT")
    assert extended.status_code == 200


def test_a_request_that_somebody_else_stops_is_not_a_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with limited(tmp_path) as client:
            request = asyncio.create_task(client.get("/api/v1/waits?extra=60"))
            await asyncio.sleep(0)
            request.cancel()
            await request

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
