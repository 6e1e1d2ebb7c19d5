"""Pages and health: whatever Starlette answers by itself reads as an answer of ours."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route as StarletteRoute

from spooled_lite.config import Settings
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.dispatch import Row
from tests.wire.http.job_calls import refusal
from tests.wire.http.served import Api

ALWAYS: Final = ("x-request-id", "x-frame-options", "content-security-policy")
LONG: Final = "page " * 1000


async def page(call: Call) -> Reply:
    return reply({"page": call.path("name")})


async def crash(call: Call) -> Reply:
    raise RuntimeError("secret")


ROWS: Final[tuple[Row, ...]] = (
    ("GET", "/pages/{name}", page, Access.PUBLIC, "-"),
    ("GET", "/crash", crash, Access.PUBLIC, "-"),
)


@pytest.fixture
def pages() -> Iterator[Api]:
    with Api(":memory:", Settings(), rows=ROWS) as it:
        yield it


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing", (404, "NOT_FOUND")),
        ("GET", "/docs/", (404, "NOT_FOUND")),
        ("POST", "/docs", (405, "METHOD_NOT_ALLOWED")),
        ("POST", "/nothing", (404, "NOT_FOUND")),
    ],
)
def test_what_is_not_served_is_refused_in_our_envelope(
    api: Api, method: str, path: str, expected: tuple[int, str]
) -> None:
    answer = api.request(method, path)

    assert refusal(answer) == expected
    assert answer.headers["content-type"] == "application/json"
    assert all(name in answer.headers for name in ALWAYS)
    if expected[0] == 405:
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_api_is_reached_however_its_prefix_is_written(api: Api) -> None:
    assert api.get("/%61pi/v1/jobs").json() == []


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/health/live", "/metrics"])
def test_head_says_what_get_would_and_has_no_body(api: Api, path: str) -> None:
    whole, head = api.get(path), api.request("HEAD", path)

    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


def test_a_page_that_crashes_tells_nothing(pages: Api, caplog: pytest.LogCaptureFixture) -> None:
    answer = pages.get("/crash", headers={"X-Request-Id": "r-1"})

    assert refusal(answer) == (500, "INTERNAL_ERROR")
    assert answer.headers["x-request-id"] == "r-1"
    assert "secret" not in answer.text
    assert "request r-1 failed" in caplog.text


def test_a_page_may_have_a_part_in_its_path(pages: Api) -> None:
    assert pages.get("/pages/a%20b").json() == {"page": "a b"}


def test_answers_that_starlette_makes_get_our_headers_and_are_compressed(api: Api) -> None:
    async def whole(request: Any) -> PlainTextResponse:
        return PlainTextResponse(LONG, headers={"content-security-policy": "default-src 'self'"})

    async def parts(request: Any) -> StreamingResponse:
        async def text() -> Any:
            for _ in range(2):
                yield LONG

        return StreamingResponse(text())

    # Before the files of the dashboard, which are asked for every other path.
    api.served.app.router.routes[:0] = [
        StarletteRoute("/whole", whole),
        StarletteRoute("/parts", parts),
    ]

    for path, text in (("/whole", LONG), ("/parts", LONG * 2)):
        answer = api.get(path, headers={"Accept-Encoding": "gzip", "Origin": "https://a.example"})
        assert answer.text == text
        assert all(name in answer.headers for name in ALWAYS)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert ("content-encoding" in answer.headers) == (path == "/whole")
    [policy] = api.get("/whole").headers.get_list("content-security-policy")
    assert policy == "default-src 'self'"
