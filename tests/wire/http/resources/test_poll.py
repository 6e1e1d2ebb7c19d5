"""Polling the inbox of the identity of a token: contract catbird-capabilities, R11 and V85."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.inbox import poll
from tests.wire.http.job_calls import WatchedApi, refusal

LI: Final = {"pattern": "order.#", "template": "<li>{{data.step}}</li>"}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.request("PUT", "realtime/renderers/order_li", json=LI)
        yield it


def put(api: WatchedApi, topic: str, message: Any, identity: str = "ada") -> int:
    text = message if isinstance(message, str) else json.dumps(message)
    body = {"topic": topic, "message": text}
    made: int = api.shown("POST", f"inbox/{identity}", 201, json=body)["id"]
    return made


def token(api: WatchedApi, *topics: str, identity: str | None = "ada", **more: Any) -> str:
    body = {"topics": topics or ("#",), "identity": identity, **more}
    made: str = api.shown("POST", "realtime/tokens", json=body)["token"]
    return made


def polled(
    api: WatchedApi, shown: str, query: str = "", accept: str = "text/html"
) -> httpx.Response:
    answer = api.get(f"realtime/poll?token={shown}&{query}", key=None, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def cursor(answer: httpx.Response) -> int:
    return int(answer.headers["x-wire-cursor"])


def test_what_the_token_covers_is_rendered_in_order_and_stays_unseen(api: WatchedApi) -> None:
    put(api, "order.7", {"step": "packed"})
    put(api, "user.1", {"step": "of another topic"})
    put(api, "order.8", {"step": "of another user"}, identity="bob")
    last = put(api, "order.9", {"step": "<shipped>"})
    shown = token(api, "order.*")

    for _ in range(2):
        answer = polled(api, shown)
        assert answer.text == "<li>packed</li><li>&lt;shipped&gt;</li>"
        assert cursor(answer) == last
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    assert len(api.get("inbox/ada").json()["notifications"]) == 3


def test_the_cursor_goes_past_what_is_left_out_and_one_that_is_caught_up_gets_nothing(
    api: WatchedApi,
) -> None:
    first = put(api, "order.7", {"step": 1})
    put(api, "order.7", "no json")
    put(api, "user.1", "out of scope")
    last = put(api, "invoice.1", "nothing renders it")
    shown = token(api, "order.#", "invoice.#")

    page = polled(api, shown, "limit=1")
    assert (page.text, cursor(page)) == ("<li>1</li>", first)
    page = polled(api, shown, f"after={first}&limit=2")
    assert (page.text, cursor(page)) == ("", last - 1)
    page = polled(api, shown, f"after={last - 1}")
    assert (page.text, cursor(page)) == ("", last)
    page = polled(api, shown, f"after={last}")
    assert (page.text, cursor(page)) == ("", last)


def test_a_token_is_asked_for_and_names_an_identity(api: WatchedApi) -> None:
    for query in ("", "?token=", "?token=wrong", f"?token={token(api)}x"):
        answer = api.get(f"realtime/poll{query}", key=None)
        assert refusal(answer) == (401, "UNAUTHORIZED")
    assert refusal(api.get("realtime/poll")) == (401, "UNAUTHORIZED")  # a key is none

    nobody = token(api, identity=None)
    assert api.get(f"realtime/poll?token={nobody}", key=None).status_code == 400


def test_a_token_that_has_expired_is_bad(api: WatchedApi) -> None:
    shown = token(api, ttl_seconds=60)
    polled(api, shown)
    api.skip(seconds=61)

    answer = api.get(f"realtime/poll?token={shown}", key=None)

    assert refusal(answer) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("query", ["after=x", "limit=1.5", "after=1e3"])
def test_numbers_are_whole(api: WatchedApi, query: str) -> None:
    answer = api.get(f"realtime/poll?token={token(api)}&{query}", key=None)

    assert answer.status_code == 400


def test_who_accepts_json_gets_rows_also_those_that_nothing_renders(api: WatchedApi) -> None:
    first = put(api, "order.7", {"step": 1})
    put(api, "user.1", "out of scope")
    last = put(api, "invoice.1", "raw")

    answer = polled(api, token(api, "order.#", "invoice.#"), accept="application/json")

    assert answer.headers["content-type"] == "application/json"
    assert cursor(answer) == last
    assert answer.json() == {
        "notifications": [
            {
                "id": first,
                "topic": "order.7",
                "message": '{"step": 1}',
                "created_at": "2027-01-15T08:00:00.000Z",
                "fragments": [
                    {
                        "event": "order.7",
                        "data": "<li>1</li>",
                        "id": None,
                        "content_type": "text/html",
                    }
                ],
            },
            {
                "id": last,
                "topic": "invoice.1",
                "message": "raw",
                "created_at": "2027-01-15T08:00:00.000Z",
                "fragments": [],
            },
        ],
        "cursor": last,
    }


def test_a_fragment_that_is_no_html_is_text_in_a_page(api: WatchedApi) -> None:
    plain = {"pattern": "a", "template": "{{message}}", "content_type": "text/plain"}
    api.request("PUT", "realtime/renderers/plain", json=plain)
    put(api, "a", "<script>alert(1)</script>")

    answer = polled(api, token(api, "a"))

    assert answer.text == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_opened_as_a_page_it_runs_nothing(api: WatchedApi) -> None:
    policies = polled(api, token(api)).headers.get_list("content-security-policy")

    assert "default-src 'none'" in policies[0]
    assert "sandbox" in policies[1]


def test_every_renderer_that_matches_adds_its_own_and_changes_hold_at_once(
    api: WatchedApi,
) -> None:
    put(api, "order.7", {"step": 1})
    shown = token(api)
    assert polled(api, shown).text == "<li>1</li>"

    body = {"pattern": "order.7", "template": "<b>{{identity}}</b>"}
    api.request("PUT", "realtime/renderers/a", json=body)
    assert polled(api, shown).text == "<b>ada</b><li>1</li>"
    api.request("PUT", "realtime/renderers/a", json={**body, "template": "-"})
    assert polled(api, shown).text == "-<li>1</li>"
    api.delete("realtime/renderers/order_li")
    assert polled(api, shown).text == "-"


def test_what_is_much_comes_in_several_answers(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll, "POLLED_CHARACTERS_MAX", 25)
    ids = [put(api, "order.7", {"step": step}) for step in range(4)]
    shown = token(api)

    first = polled(api, shown)
    second = polled(api, shown, f"after={cursor(first)}")

    assert (first.text, cursor(first)) == ("<li>0</li><li>1</li>", ids[1])
    assert (second.text, cursor(second)) == ("<li>2</li><li>3</li>", ids[3])


def test_renderers_of_another_organization_render_nothing(api: WatchedApi) -> None:
    other = api.other_org()
    body = {"topic": "order.7", "message": '{"step": 1}'}
    api.shown("POST", "inbox/ada", 201, json=body, key=other)
    granted = {"topics": ["#"], "identity": "ada"}
    shown = api.shown("POST", "realtime/tokens", json=granted, key=other)["token"]
    put(api, "order.7", {"step": "of the first"})

    assert polled(api, shown).text == ""
    [only] = polled(api, shown, accept="application/json").json()["notifications"]
    assert only["fragments"] == []
