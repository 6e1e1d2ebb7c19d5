"""Messages of a queue: found by state, sent, looked at, hidden, given back, deleted; seen live."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]


@pytest.fixture
def queue(api: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A queue of the test's own, without messages."""
    name: str = request.node.name.removeprefix("test_")[:40]
    api.post("/queues", json={"name": name}).raise_for_status()
    return name


def sent(api: httpx.Client, queue: str, *messages: Any) -> list[str]:
    body = {"messages": [it if isinstance(it, dict) else {"body": it} for it in messages]}
    ids: list[str] = World(api).post(f"/queues/{queue}/messages", body)["ids"]
    return ids


def there(api: httpx.Client, queue: str, state: str = "all") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(
        f"/queues/{queue}/messages", params={"state": state}
    ).json()
    return rows


def test_a_message_is_sent_with_all_it_can_have(
    signed_in: Open, api: httpx.Client, queue: str
) -> None:
    page = signed_in(f"/queues/{queue}")
    page.get_by_role("link", name="Messages").click()
    expect(page.get_by_role("heading", name="No messages")).to_be_visible()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    send = dialog.get_by_role("button", name="Send")
    dialog.get_by_label("Body").fill('{"n": 12345678901234567890')
    expect(send).to_have_attribute("title", "The body is not JSON")
    dialog.get_by_label("Body").fill('{"n": 12345678901234567890}')
    dialog.get_by_label("Headers").fill("[1]")
    expect(send).to_have_attribute("title", "The headers are no object")
    dialog.get_by_label("Headers").fill('{"source": "web"}')
    dialog.get_by_label("Key").fill("user-5")
    dialog.get_by_label("Topic").fill("a label")
    dialog.get_by_label("Priority").fill("7")
    dialog.get_by_label("Delay in seconds").fill("3600")
    dialog.get_by_label("Expires after seconds").fill("86400.5")
    send.click()

    row = page.locator("tr[data-id]")
    expect(row).to_contain_text("Hidden in 59 min")
    expect(row).to_contain_text("12345678901234567890")
    text = api.get(f"/queues/{queue}/messages").text
    [message] = json.loads(text)
    assert '"body":{"n": 12345678901234567890}' in text
    fields = ("headers", "concurrency_key", "topic", "priority", "state")
    given = [message[name] for name in fields]
    assert given == [{"source": "web"}, "user-5", "a label", 7, "hidden"]
    assert message["expires_at"] is not None

    page.keyboard.press("n")
    dialog.get_by_label("Key").fill("user-5")
    send.click()
    expect(page.locator(".toast").last).to_contain_text("Not stored")
    assert len(there(api, queue)) == 1


def test_they_are_found_by_state_and_change_in_their_place(
    signed_in: Open, api: httpx.Client, queue: str
) -> None:
    first, second, late = sent(api, queue, 1, 2, {"body": 3, "delay_ms": 3_600_000})
    page = signed_in(f"/messages/{queue}")
    expect(page.get_by_role("button", name="Hidden 1")).to_be_visible()
    page.get_by_role("button", name="Visible 2").click()
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(2)
    page.wait_for_selector('.live[data-state="live"]')

    World(api).post(f"/queues/{queue}/messages/read", {"quantity": 1, "hide_for_ms": 60_000})
    api.delete(f"/queues/{queue}/messages/{second}").raise_for_status()
    sent(api, queue, 4)
    for gone in (first, second):
        expect(page.locator(f'tr[data-id="{gone}"]')).to_contain_text("no longer visible")
    newer = page.get_by_role("button", name="1 newer message")
    expect(newer).to_be_visible()
    expect(rows).to_have_count(2)
    page.keyboard.press(".")

    expect(newer).to_have_count(0)
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Hidden", exact=True).click()
    expect(rows).to_have_count(2)
    expect(page.locator(f'tr[data-id="{late}"]')).to_contain_text("Hidden in")


def test_one_is_opened_hidden_given_back_and_deleted(
    signed_in: Open, api: httpx.Client, queue: str
) -> None:
    [message] = sent(
        api, queue, {"body": {"act": "sign-in", "password": "hush"}, "headers": {"a": 1}}
    )
    page = signed_in(f"/messages/{queue}")
    row = page.locator(f'tr[data-id="{message}"]')
    expect(row).to_contain_text('"act"')
    expect(row).not_to_contain_text("hush")
    row.get_by_role("link").click()
    expect(page.get_by_role("region", name="Body")).to_contain_text("sign-in")
    expect(page.get_by_role("region", name="Headers")).to_contain_text('"a"')

    page.get_by_role("button", name="Hide…").click()
    page.get_by_role("dialog").get_by_label("Seconds").fill("1800")
    page.get_by_role("dialog").get_by_role("button", name="Hide").click()
    expect(row).to_contain_text("Hidden in")
    page.get_by_role("button", name="Make visible").click()
    expect(row).to_contain_text("Visible")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Delete message").click()

    expect(page.get_by_role("heading", name="No messages")).to_be_visible()
    assert there(api, queue) == []


def test_several_are_given_back_hidden_and_deleted_after_their_number(
    signed_in: Open, api: httpx.Client, queue: str
) -> None:
    sent(api, queue, *({"body": n, "delay_ms": 3_600_000} for n in range(3)))
    page = signed_in(f"/messages/{queue}?state=hidden")
    expect(page.locator("tr[data-id]")).to_have_count(3)

    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("region", name="Selection").get_by_role("button", name="Make visible").click()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    assert len(there(api, queue, "visible")) == 2

    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("tr[data-id]")).to_have_count(3)
    page.keyboard.press("*")
    page.get_by_role("button", name="Hide…").click()
    page.get_by_role("dialog").get_by_role("button", name="Hide").click()
    expect(page.get_by_role("button", name="Hidden 3")).to_be_visible()
    page.keyboard.press("*")
    page.get_by_role("button", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete 3 messages")
    expect(delete).to_be_disabled()
    page.get_by_label("Type 3 to go on").fill("3")
    delete.click()

    expect(page.get_by_role("dialog")).to_contain_text("3 of 3 done")
    assert there(api, queue) == []


def test_more_than_a_page_is_shown_when_it_is_asked_for(
    signed_in: Open, api: httpx.Client, queue: str
) -> None:
    sent(api, queue, *range(100))
    sent(api, queue, "the last")
    page = signed_in(f"/messages/{queue}")

    page.get_by_role("button", name="100 shown. More").click()

    expect(page.locator("tr[data-id]")).to_have_count(101)
    expect(page.get_by_text('"the last"')).to_be_visible()


def test_a_body_that_the_list_left_out_is_read_when_it_is_opened(
    signed_in: Open, api: httpx.Client, page: Page, queue: str
) -> None:
    [omitted] = sent(api, queue, {"body": {"text": "large"}})
    [row] = there(api, queue)
    without = {**row, "body": None, "body_omitted": True}
    page.route("**/messages?*", lambda route: route.fulfill(json=[without]))
    page = signed_in(f"/messages/{queue}?open={omitted}")

    expect(page.locator(f'tr[data-id="{omitted}"]')).to_contain_text("too large for this list")
    expect(page.get_by_role("region", name="Body")).to_contain_text('"text"')


def test_a_paused_queue_says_so_and_goes_on(signed_in: Open, api: httpx.Client, queue: str) -> None:
    sent(api, queue, 1)
    World(api).post(f"/queues/{queue}/pause", {"reason": "moving house"})
    page = signed_in(f"/messages/{queue}")

    expect(page.locator(".head")).to_contain_text("Paused by")
    expect(page.locator(".head")).to_contain_text("moving house")
    page.get_by_role("button", name=f"Resume {queue}").click()

    expect(page.locator(".head")).not_to_contain_text("Paused")


def test_what_a_key_may_not_do_names_the_word(
    signed_in: Open, api: httpx.Client, page: Page, queue: str
) -> None:
    [message] = sent(api, queue, 1)
    me = {**api.get("/auth/me").json(), "permissions": ["jobs:read"]}
    page.route("**/auth/me", lambda route: route.fulfill(json=me))
    page = signed_in(f"/messages/{queue}?open={message}")

    for name in ("Send", "Hide…", "Delete"):
        expect(page.get_by_role("button", name=name)).to_have_attribute(
            "title", "This key lacks jobs:write"
        )


def test_texts_of_others_are_text_and_an_unknown_queue_is_told(
    signed_in: Open, api: httpx.Client, queue: str, watch: Watch
) -> None:
    body = {"body": HOSTILE, "topic": HOSTILE, "headers": {HOSTILE: 1}, "concurrency_key": HOSTILE}
    [message] = sent(api, queue, body)
    page = signed_in(f"/messages/{queue}?open={message}")
    expect(page.get_by_role("region", name="Body")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("main img")).to_have_count(0)

    watch.allow("nowhere.* 404")
    page.goto(page.url.replace(f"messages/{queue}", "messages/nowhere"))

    expect(page.get_by_text("This queue is not here")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_attribute(
        "title", "There is no such queue"
    )


def test_one_is_found_by_its_id(signed_in: Open, api: httpx.Client, queue: str) -> None:
    [message] = sent(api, queue, {"body": 1, "headers": {"source": "web"}})
    page = signed_in("/")

    page.keyboard.press("/")
    page.keyboard.type(message)
    expect(page.get_by_role("option").first).to_contain_text("message")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text(message[:8])
