"""How a path finds its route, and what a handler sees of path and query."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.errors import MethodNotAllowed, NotFound
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.dispatch import Dispatch, Row
from spooled_lite.wire.http.paging import flag, page, paged, time_ms
from spooled_lite.wire.http.routes import ROUTES
from tests.wire.http.served import NOW_MS, Api


async def one(call: Call) -> Reply:
    return reply({"one": call.path("id")})


async def stats(call: Call) -> Reply:
    return reply("stats")


async def act(call: Call) -> Reply:
    return reply({"acted on": call.path("id")})


async def queue(call: Call) -> Reply:
    return reply({"queue": call.path("name")})


async def listed(call: Call) -> Reply:
    shown = page(call)
    numbers = range(shown.offset, min(120, shown.offset + shown.fetch))
    return paged(list(numbers), shown)


async def asked(call: Call) -> Reply:
    return reply(
        {
            "flag": flag(call, "flag"),
            "at_ms": time_ms(call, "at"),
            "ids": call.query_all("id"),
            "last": call.query.get("id"),
            "header": call.header("X-Own"),
        }
    )


ROWS: tuple[Row, ...] = (
    ("GET", "/jobs/{id}", one, Access.PUBLIC, "-"),
    ("GET", "/jobs/stats", stats, Access.PUBLIC, "-"),
    ("POST", "/jobs/{id}/retry", act, Access.PUBLIC, "-"),
    ("POST", "/jobs/dlq/retry", stats, Access.PUBLIC, "-"),
    ("DELETE", "/jobs/{id}", act, Access.PUBLIC, "-"),
    ("GET", "/queues/{name}", queue, Access.PUBLIC, "-"),
    ("GET", "/api/v1/queues/{name}", queue, Access.PUBLIC, "-"),
    ("GET", "/list", listed, Access.PUBLIC, "-"),
    ("GET", "/asked", asked, Access.PUBLIC, "-"),
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(str(tmp_path / "spooled.db"), Settings(), ROWS) as it:
        yield it


@pytest.mark.parametrize(
    ("method", "path", "handler", "values"),
    [
        ("GET", b"/jobs/stats", stats, {}),
        ("GET", b"/jobs/stat", one, {"id": "stat"}),
        ("GET", b"/jobs/stats2", one, {"id": "stats2"}),
        ("POST", b"/jobs/dlq/retry", stats, {}),
        ("POST", b"/jobs/stats/retry", act, {"id": "stats"}),
        ("DELETE", b"/jobs/x", act, {"id": "x"}),
        ("HEAD", b"/jobs/x", one, {"id": "x"}),
        ("GET", b"/queues/a%2Fb", queue, {"name": "a/b"}),
        ("GET", b"/queues/%C3%A4%20b", queue, {"name": "ä b"}),
        ("GET", "/queues/ä".encode(), queue, {"name": "ä"}),
        ("GET", b"/queues/100%", queue, {"name": "100%"}),
        ("GET", b"/%6Aobs/st%61ts", stats, {}),
    ],
)
def test_a_path_finds_its_route(
    method: str, path: bytes, handler: Any, values: dict[str, str]
) -> None:
    route, found = Dispatch(ROWS).find(method, path)

    assert (route.handler, dict(found)) == (handler, values)


@pytest.mark.parametrize(
    "path",
    [b"", b"/", b"/jobs", b"/jobs/", b"/jobs//retry", b"jobs/x", b"/jobs/x/", b"//jobs/x",
     b"/jobs/x/retry/y", b"/JOBS/x", b"/queues/a/b", b"/jobs/x%2Fretry/y"],
)  # fmt: skip
def test_another_path_is_not_found(path: bytes) -> None:
    with pytest.raises(NotFound):
        Dispatch(ROWS).find("GET", path)


def test_the_methods_of_the_literal_are_those_that_count() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        Dispatch(ROWS).find("DELETE", b"/jobs/stats")

    assert caught.value.allowed == ["GET", "HEAD", "OPTIONS"]


def test_a_route_that_stands_there_twice_is_an_error() -> None:
    with pytest.raises(AssertionError, match="twice"):
        Dispatch([*ROWS, ("GET", "/jobs/{name}", one, Access.PUBLIC, "-")])


def test_every_route_of_the_table_is_found_by_its_own_path() -> None:
    dispatch = Dispatch(ROUTES)

    for route in dispatch.routes:
        path = route.path.replace("{", "%7B").replace("}", "%7D")
        found, values = dispatch.find(route.method, path.encode())
        assert found is route
        assert list(values) == list(route.parameters)


def test_a_queue_name_comes_back_decoded(api: Api) -> None:
    assert api.get("queues/a%2Fb%20%C3%A4").json() == {"queue": "a/b ä"}


# -- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "first", "count", "has_more"),
    [
        ("", 0, 50, "true"),
        ("limit=7&offset=3", 3, 7, "true"),
        ("limit=1000", 0, 100, "true"),
        ("limit=0", 0, 1, "true"),
        ("limit=-5&offset=-5", 0, 1, "true"),
        ("limit=%2B20&offset=100", 100, 20, "false"),
        ("limit=19&offset=100", 100, 19, "true"),
        ("limit=&offset=", 0, 50, "true"),
        ("offset=119", 119, 1, "false"),
    ],
)
def test_a_page_is_clamped_and_says_whether_there_is_more(
    api: Api, query: str, first: int, count: int, has_more: str
) -> None:
    answer = api.get(f"/list?{query}")

    assert answer.json() == list(range(first, first + count))
    assert answer.headers["x-has-more"] == has_more


@pytest.mark.parametrize("offset", ["120", "9" * 18, "9" * 5000])
def test_a_page_beyond_the_end_is_empty(api: Api, offset: str) -> None:
    answer = api.get(f"/list?offset={offset}")

    assert (answer.json(), answer.headers["x-has-more"]) == ([], "false")


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=1.5", "offset=1e3", "limit=%EF%BC%95", "limit=1_0", "limit=1%00"]
)
def test_a_page_that_is_no_number_is_refused_and_named(api: Api, query: str) -> None:
    answer = api.get(f"/list?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert query.split("=")[0] in answer.json()["message"]


def test_the_query_is_read(api: Api) -> None:
    answer = api.get(
        "/asked?flag=TRUE&at=2027-01-15T09:00:00%2B01:00&id=a&id=b", headers={"X-Own": "yes"}
    )

    assert answer.json() == {
        "flag": True,
        "at_ms": NOW_MS,
        "ids": ["a", "b"],
        "last": "b",
        "header": "yes",
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [("flag=maybe", "flag"), ("at=soon", "at"), ("&".join(["id=1"] * 101), "100 parameters")],
)
def test_a_query_that_is_wrong_is_refused(api: Api, query: str, said: str) -> None:
    answer = api.get(f"/asked?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert said in answer.json()["message"]
