"""Realtime and inboxes: who is there, sending, tokens, renderers; what waits and what was seen."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
HOSTILE = "<img src=x onerror=alert(1)>"


def test_who_is_there_is_told_and_leads_to_the_inbox(
    signed_in: Open, api: httpx.Client, server: ServerProcess
) -> None:
    grant = {"topics": ["order.7"], "identity": "ada"}
    token = api.post("/realtime/tokens", json=grant).json()["token"]
    page = signed_in("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.locator("h1")).to_have_text("Realtime")
    asked = page.get_by_label("Who has this topic open?")
    asked.fill("order..7")
    expect(page.get_by_text("No topic: words of letters")).to_be_visible()
    asked.fill("order.8")
    expect(page.get_by_text("Nobody is there.")).to_be_visible()

    sse = f"{server.url}/api/v1/realtime/sse?token={token}"
    with httpx.stream("GET", sse) as stream:
        next(stream.iter_raw())
        asked.fill("order.7")
        expect(page.get_by_role("status").get_by_text("1 is there")).to_be_visible()
        page.get_by_role("button", name="Send", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Topic")).to_have_value("order.7")
        dialog.get_by_label("Message").fill("placed")
        dialog.get_by_role("button", name="Send").click()
        expect(dialog).to_have_count(0)
    page.get_by_role("link", name="ada").click()
    expect(page.locator("h1")).to_have_text("Inbox of ada")


def test_a_token_is_shown_once_with_how_a_page_uses_it(
    signed_in: Open, server: ServerProcess
) -> None:
    page = signed_in("/live?topic=order.*")
    page.get_by_role("button", name="Make a token…").click()
    dialog = page.get_by_role("dialog")
    topics = dialog.get_by_label("Topics")
    expect(topics).to_have_value("order.*")
    topics.fill("order.*, user.>")
    make = dialog.get_by_role("button", name="Make it")
    expect(make).to_have_attribute("title", "user.> is no topic")
    topics.fill("order.*, user.#")
    dialog.get_by_label("Identity").fill("ada")
    make.click()

    shown = page.get_by_role("dialog")
    expect(shown.get_by_role("group", name="Token")).to_contain_text("••••")
    expect(shown.get_by_text(f'new EventSource("{server.url}/api/v1/realtime/sse')).to_be_visible()
    expect(shown.get_by_text("/api/v1/realtime/poll?token=")).to_be_visible()


def test_renderers_are_stored_changed_deleted_and_brought_back(
    signed_in: Open, api: httpx.Client, watch: Watch
) -> None:
    for each in api.get("/realtime/renderers").json():
        api.delete(f"/realtime/renderers/{each['name']}").raise_for_status()
    page = signed_in("/live")
    expect(page.get_by_role("heading", name="Nothing is rendered")).to_be_visible()

    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("order_li")
    dialog.get_by_label("Pattern").fill("order.*")
    dialog.get_by_label("Template").fill("<li>{{data.step}</li>")
    watch.allow("renderers/order_li 400")
    dialog.get_by_role("button", name="Store").click()
    expect(dialog.get_by_role("alert")).to_contain_text("line 1, column 5 is not closed")
    dialog.get_by_label("Template").fill(f"<li>{{{{data.step}}}}{HOSTILE}</li>")
    dialog.get_by_role("button", name="Store").click()
    row = page.locator("tr[data-id]")
    expect(row).to_contain_text(f"<li>{{{{data.step}}}}{HOSTILE}</li>")

    row.get_by_role("button", name="order_li", exact=True).click()
    dialog.get_by_label("Event").fill("update")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("update")
    row.get_by_role("button", name="Delete order_li").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").last.click()
    expect(row).to_contain_text("update")
    [kept] = api.get("/realtime/renderers").json()
    assert kept["event"] == "update"


def test_an_inbox_is_filled_and_marked(signed_in: Open, api: httpx.Client) -> None:
    for text in ("first", HOSTILE):
        World(api).post("/inbox/a%20b%2Fc", {"topic": "order.7", "message": text})
    page = signed_in("/live")
    page.get_by_label("Whose inbox?").fill("a b/c")
    page.get_by_role("link", name="Inbox of a b/c").click()
    expect(page.locator("h1")).to_have_text("Inbox of a b/c")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text(HOSTILE)

    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Topic").fill("import.progress")
    dialog.get_by_label("Message").fill("80 %")
    dialog.get_by_label("Collapse key").fill("import-42")
    dialog.get_by_role("button", name="Put").click()
    expect(rows).to_have_count(3)

    rows.first.get_by_role("button", name="Mark number").click()
    expect(page.locator(".toast").last).to_have_text("1 notification marked as seen")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Mark these as seen…").click()
    page.get_by_role("button", name="Mark them").click()
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    page.get_by_role("button", name="Seen", exact=True).click()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("80 %")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"permissions": ["jobs:read"]}, "This key lacks jobs:write"),
        ({"queues": ["audit"]}, "A key for some queues may not do this"),
    ],
)
def test_what_a_key_may_not_do_is_told(
    signed_in: Open, api: httpx.Client, page: Page, given: dict[str, list[str]], told: str
) -> None:
    World(api).post("/inbox/ada", {"topic": "a"})
    me = {**api.get("/auth/me").json(), **given}
    page.route("**/auth/me", lambda route: route.fulfill(json=me))
    page = signed_in("/live")

    for name in ("Send", "Make a token…", "New renderer"):
        button = page.get_by_role("button", name=name, exact=True).first
        expect(button).to_have_attribute("title", told)
    page = signed_in("/inbox/ada")
    for name in ("Put", "Mark these as seen…"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("title", told)
