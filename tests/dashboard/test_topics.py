"""Topics: what is bound, who would get what, binding, taking it back, publishing."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World

Open = Callable[[str], Page]


@pytest.fixture(autouse=True)
def bound(api: httpx.Client) -> None:
    """Two queues, and of what was bound before only three patterns."""
    for each in api.get("/bindings").json():
        api.delete(f"/bindings/{each['id']}").raise_for_status()
    for name, pattern in (("audit", "events.#"), ("audit", "events.*.made"), ("mailing", "#")):
        api.post("/queues", json={"name": name}).raise_for_status()
        binding = {"target_type": "queue", "target_name": name, "pattern": pattern}
        World(api).post("/bindings", binding)


def test_who_would_get_it_is_told_with_what_leads_there(signed_in: Open) -> None:
    page = signed_in("/")
    page.keyboard.press("g")
    page.keyboard.press("o")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(3)
    asked = page.get_by_label("Who would get this topic?")

    asked.fill("events.user.made")
    expect(page.get_by_role("status").get_by_text("2 targets get it")).to_be_visible()
    asked.fill("orders.made")
    expect(page.get_by_role("status").get_by_text("1 target gets it")).to_be_visible()
    expect(rows).to_have_count(1)
    asked.fill("orders..made")
    expect(page.get_by_text("No topic: Words of letters")).to_be_visible()
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Target: any").click()
    page.get_by_role("button", name="audit", exact=True).click()
    expect(rows).to_have_count(2)

    page.get_by_role("link", name="audit").first.click()
    expect(page.locator("h1")).to_have_text("Messages of audit")


def test_a_queue_is_bound_and_let_go_and_bound_again(
    signed_in: Open, api: httpx.Client, watch: Watch
) -> None:
    page = signed_in("/topics")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    bind = dialog.get_by_role("button", name="Bind")
    dialog.get_by_label("Name").fill("nobody")
    dialog.get_by_label("Pattern").fill("a.#.b")
    expect(dialog.get_by_text("# only as the last")).to_be_visible()
    expect(bind).to_have_attribute("title", "Type a pattern first")
    dialog.get_by_label("Pattern").fill("orders.*")
    watch.allow("bindings 404")
    bind.click()
    expect(dialog.get_by_role("alert")).to_contain_text("not found")
    dialog.get_by_label("Name").fill("mailing")
    bind.click()

    row = page.locator("tr[data-id]").filter(has_text="orders.*")
    expect(row).to_contain_text("mailing")
    row.get_by_role("button", name="Unbind mailing from orders.*").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    assert "orders.*" in [it["pattern"] for it in api.get("/bindings").json()]


def test_publishing_says_how_many_get_it_before_and_after(
    signed_in: Open, api: httpx.Client
) -> None:
    page = signed_in("/topics?topic=events.user.made")
    page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Topic")).to_have_value("events.user.made")
    expect(dialog.get_by_role("button", name="Publish to 2 targets")).to_be_visible()
    dialog.get_by_label("Topic").fill("events..")
    expect(dialog.get_by_role("button", name="Publish")).to_have_attribute(
        "title", "Type a topic first"
    )
    dialog.get_by_label("Topic").fill("events.user.gone")
    dialog.get_by_label("Body").fill('{"id": 9}')
    dialog.get_by_label("Key").fill("u9")
    dialog.get_by_role("button", name="Publish to 2 targets").click()
    expect(page.locator(".toast").last).to_have_text("2 targets got it")

    copies = api.get("/queues/mailing/messages").json()
    [copy] = [it for it in copies if it["topic"] == "events.user.gone"]
    assert copy["body"] == {"id": 9}
    World(api).post("/queues/audit/messages/delete", {"ids": [copy["id"]]})
    page.keyboard.press("p")
    dialog.get_by_label("Key").fill("u9")
    dialog.get_by_role("button", name="Publish to 2 targets").click()
    expect(page.locator(".toast").last).to_contain_text("2 have a message with this key already")


def test_what_nobody_gets_is_not_published(signed_in: Open, api: httpx.Client) -> None:
    for each in api.get("/bindings").json():
        api.delete(f"/bindings/{each['id']}").raise_for_status()
    page = signed_in("/topics")
    expect(page.get_by_role("heading", name="Nothing is bound")).to_be_visible()

    page.get_by_role("button", name="Publish…").click()
    page.get_by_role("dialog").get_by_label("Topic").fill("a.b")

    expect(page.get_by_role("dialog").get_by_text("Nobody is bound to it")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("button", name="Publish")).to_have_attribute(
        "title", "Nobody is bound to this topic"
    )


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
    me = {**api.get("/auth/me").json(), **given}
    page.route("**/auth/me", lambda route: route.fulfill(json=me))
    page = signed_in("/topics")

    for name in ("Bind", "Publish…", "Unbind mailing from #"):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("title", told)


def test_a_task_is_bound_and_run_by_what_is_published(signed_in: Open, api: httpx.Client) -> None:
    api.put("/tasks/greet", json={}).raise_for_status()
    page = signed_in("/topics")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Leads to").select_option("task")
    dialog.get_by_label("Name").fill("greet")
    dialog.get_by_label("Pattern").fill("users.*")
    dialog.get_by_role("button", name="Bind").click()
    page.get_by_label("Who would get this topic?").fill("users.made")
    expect(page.get_by_role("status").get_by_text("2 targets get it")).to_be_visible()

    page.get_by_role("button", name="Publish…").click()
    dialog.get_by_role("button", name="Publish to 2 targets").click()
    expect(page.locator(".toast").last).to_have_text("2 targets got it")
    page.get_by_role("row").get_by_role("link", name="greet").click()

    expect(page.locator("h1")).to_have_text("greet")
    expect(page.locator("tr[data-id]")).to_contain_text("Queued")
