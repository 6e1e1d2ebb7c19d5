"""Renderers over HTTP: contract catbird-capabilities, R7."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.renderers import define
from spooled_lite.core.renderers.records import TEMPLATE_BYTES_MAX
from tests.wire.http.job_calls import NOW, WatchedApi, refusal

LI: Final = {"pattern": "order.*", "template": "<li>{{data.step}}</li>"}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def put(api: WatchedApi, name: str = "order_li", **fields: Any) -> dict[str, Any]:
    return api.shown("PUT", f"realtime/renderers/{name}", json={**LI, **fields})


def test_what_is_stored_is_shown_and_replaced_as_a_whole(api: WatchedApi) -> None:
    more = {"event": "order-update", "id": "{{data.id}}", "content_type": "application/json"}

    first = put(api, **more)
    assert first == {"name": "order_li", **LI, **more, "created_at": NOW, "updated_at": NOW}
    assert api.get("realtime/renderers/order_li").json() == first

    api.skip(seconds=1)
    second = put(api, template="x")
    assert (second["event"], second["id"], second["content_type"]) == (None, None, "text/html")
    assert second["created_at"] == NOW < second["updated_at"]


def test_they_are_listed_by_name_and_deleted_once(api: WatchedApi) -> None:
    for name in ("b", "a", "c.d-e_f"):
        put(api, name)
    assert [each["name"] for each in api.get("realtime/renderers").json()] == ["a", "b", "c.d-e_f"]

    assert api.delete("realtime/renderers/a").status_code == 204
    assert refusal(api.delete("realtime/renderers/a")) == (404, "NOT_FOUND")
    assert refusal(api.get("realtime/renderers/a")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"template": "<li>\n {{data.step}</li>"}, 400, "template"),
        ({"template": "<script>{{message}}</script>"}, 400, "template"),
        ({"event": "{{nothing}}"}, 400, "event"),
        ({"id": "{{data.}}"}, 400, "id"),
        ({"template": "é" * (TEMPLATE_BYTES_MAX // 2 + 1)}, 400, "template"),
        ({"event": "e" * 256}, 400, "event"),
        ({"pattern": "order.>"}, 400, "pattern"),
        ({"content_type": "text/xml"}, 400, "content_type"),
        ({"template": None}, 422, "template"),
        ({"pattern": None}, 422, "pattern"),
    ],
)
def test_what_is_wrong_is_named(
    api: WatchedApi, fields: dict[str, Any], status: int, field: str
) -> None:
    body = {name: each for name, each in {**LI, **fields}.items() if each is not None}

    answer = api.request("PUT", "realtime/renderers/r", json=body)

    assert answer.status_code == status, answer.text
    assert [each["field"] for each in answer.json()["details"]] == [field]


def test_a_template_is_refused_with_line_and_column(api: WatchedApi) -> None:
    body = {**LI, "template": "<li>\n  {{data.step}</li>"}

    answer = api.request("PUT", "realtime/renderers/r", json=body)

    assert "`{{data.step}</li>` at line 2, column 3 is not closed" in answer.json()["message"]


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "x" * 101, "%C3%A9"])
def test_a_name_is_of_letters_digits_and_few_signs(api: WatchedApi, name: str) -> None:
    answer = api.request("PUT", f"realtime/renderers/{name}", json=LI)

    assert refusal(answer) == (400, "VALIDATION_ERROR")


def test_an_organization_has_so_many(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(define, "RENDERERS_MAX", 2)
    put(api, "a")
    put(api, "b")

    assert refusal(api.request("PUT", "realtime/renderers/c", json=LI)) == (409, "CONFLICT")
    put(api, "b", template="changed")


def test_who_stored_and_deleted_one_is_written_down(api: WatchedApi) -> None:
    put(api)
    api.delete("realtime/renderers/order_li")

    acts = api.get("acts?kind=renderer").json()
    assert [(each["act"], each["subject"]) for each in acts] == [
        ("delete", "order_li"),
        ("update", "order_li"),
    ]
