"""Webhooks: made, switched, tested; deliveries looked at, checked and sent again."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, NOBODY, World

Open = Callable[[str], Page]
SECRET = "hush-hush"


class Receiver:
    """Takes every call, and answers with the status it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.calls: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.calls.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(b"thank you " + HOSTILE.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/spooled"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    thread = Thread(target=it.server.serve_forever, daemon=True)
    thread.start()
    yield it
    it.server.shutdown()
    it.server.server_close()
    thread.join()


@pytest.fixture
def webhook(api: httpx.Client, receiver: Receiver) -> Iterator[str]:
    """The id of one that the receiver takes, with a secret; the receiver has forgotten all."""
    receiver.status = 200
    receiver.calls.clear()
    fields = {"name": "shop", "url": receiver.url, "events": ["job.created"], "secret": SECRET}
    webhook_id: str = World(api).post("/outgoing-webhooks", fields)["id"]
    yield webhook_id
    api.delete(f"/outgoing-webhooks/{webhook_id}")


def delivered(page: Page, api: httpx.Client, webhook: str, n: int = 1) -> Page:
    """The page of the webhook once `n` deliveries of it have been accepted."""
    for _ in range(n):
        World(api).job(
            "emails",
        )
    rows = page.get_by_role("table", name="Deliveries").get_by_text("accepted")
    page.keyboard.press("r")
    for _ in range(30):
        if rows.count() == n:
            break
        page.wait_for_timeout(100)
        page.keyboard.press("r")
    expect(rows).to_have_count(n)
    return page


def test_one_is_made_tested_switched_off_and_deleted(
    signed_in: Open, api: httpx.Client, receiver: Receiver
) -> None:
    receiver.status = 200
    page = signed_in("/webhooks")
    page.get_by_role("button", name="New webhook").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("till")
    dialog.get_by_label("Address").fill(receiver.url)
    dialog.get_by_label("job.deadlettered").check()
    dialog.get_by_label("Secret", exact=True).fill(SECRET)
    dialog.get_by_role("button", name="Create").click()

    row = page.get_by_role("row").filter(has_text="till")
    expect(row).to_contain_text("2 events")
    [made] = [it for it in api.get("/outgoing-webhooks").json() if it["name"] == "till"]
    assert made["events"] == ["job.failed", "job.deadlettered"]
    assert made["has_secret"]

    row.get_by_role("button", name="Test till").click()
    expect(page.locator(".toast").last).to_contain_text("till answered 200")
    row.get_by_role("button", name="Switch till off").click()
    expect(row.get_by_role("button", name="Switch till on")).to_be_visible()
    assert not api.get(f"/outgoing-webhooks/{made['id']}").json()["enabled"]
    page.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("button", name="Switch till off")).to_be_visible()

    row.get_by_role("link", name="till").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()
    assert api.get(f"/outgoing-webhooks/{made['id']}").status_code == 404


def test_what_is_refused_stands_in_the_form(
    signed_in: Open, api: httpx.Client, watch: Watch
) -> None:
    watch.allow("outgoing-webhooks 4")
    page = signed_in("/webhooks")
    page.get_by_role("button", name="New webhook").first.click()
    dialog = page.get_by_role("dialog")
    failed = dialog.get_by_label("job.failed")
    failed.uncheck()
    expect(dialog.get_by_role("button", name="Create")).to_have_attribute(
        "title", "Choose an event"
    )
    failed.check()
    dialog.get_by_label("Name").fill("nowhere")
    dialog.get_by_label("Address").fill("ftp://shop.example")
    page.keyboard.press("Enter")

    expect(dialog.get_by_role("alert")).to_contain_text("request")
    assert api.get("/outgoing-webhooks").json() == []


def test_the_signature_of_a_delivery_is_computed_in_the_page(
    signed_in: Open, api: httpx.Client, webhook: str, receiver: Receiver
) -> None:
    page = delivered(signed_in(f"/webhooks/{webhook}"), api, webhook)
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url + (it.post_data or "")))
    [(headers, body)] = receiver.calls

    page.get_by_role("table", name="Deliveries").locator("a").first.click()
    expect(page.get_by_role("region", name="Sent body")).to_contain_text("job.created")
    expect(page.get_by_role("region", name="Answer", exact=True)).to_contain_text("thank you <img")
    page.get_by_role("button", name="Check it yourself").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Body")).to_have_value(body.decode())
    dialog.get_by_label("Secret").fill(SECRET)
    dialog.get_by_label("X-Spooled-Timestamp").fill(headers["X-Spooled-Timestamp"])
    dialog.get_by_label("X-Spooled-Signature as received").fill(headers["X-Spooled-Signature"])
    dialog.get_by_role("button", name="Compute").click()

    text = headers["X-Spooled-Timestamp"].encode() + b"." + body
    expected = "sha256=" + hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    expect(dialog.get_by_text(expected)).to_be_visible()
    expect(dialog.get_by_text("It is the same")).to_be_visible()
    assert not any(SECRET in each for each in asked)
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert SECRET not in kept


def test_deliveries_are_sent_again_one_and_several(
    signed_in: Open, api: httpx.Client, webhook: str, receiver: Receiver
) -> None:
    page = delivered(signed_in(f"/webhooks/{webhook}"), api, webhook, 2)
    table = page.get_by_role("table", name="Deliveries")

    table.get_by_role("button", name="again").first.click()
    expect(page.locator(".toast").last).to_contain_text("received")
    assert len(receiver.calls) == 3
    receiver.status = 500
    page.get_by_role("checkbox", name="Select all shown").check()
    page.get_by_role("button", name="Send again…").click()
    page.get_by_role("button", name="Send 2 calls").click()

    expect(page.get_by_role("dialog")).to_contain_text("2 left as they are: failed: HTTP 500")
    assert len(receiver.calls) == 5
    assert len({json.loads(body)["id"] for _, body in receiver.calls}) == 2


def test_a_filter_that_fits_nothing_can_be_taken_away(
    signed_in: Open, api: httpx.Client, webhook: str
) -> None:
    page = signed_in(f"/webhooks/{webhook}?status=failed")

    expect(page.get_by_text("No deliveries fit these filters")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()


def test_a_key_that_may_only_look_is_told_which_word_it_lacks(
    signed_in: Open, api: httpx.Client, webhook: str, page: Page
) -> None:
    page.route(
        "**/auth/me",
        lambda route: route.fulfill(
            json={**api.get("/auth/me").json(), "permissions": ["webhooks:read"]}
        ),
    )
    page = signed_in("/webhooks")

    expect(page.get_by_role("button", name="New webhook")).to_have_attribute(
        "title", "This key lacks webhooks:write"
    )
    expect(page.get_by_role("button", name="Switch shop off")).to_have_attribute(
        "aria-disabled", "true"
    )


def test_names_of_others_are_text(signed_in: Open, api: httpx.Client) -> None:
    fields = {"name": HOSTILE, "url": f"{NOBODY}?<b>", "events": ["job.failed"], "enabled": False}
    made = World(api).post("/outgoing-webhooks", fields)

    page = signed_in(f"/webhooks/{made['id']}")

    expect(page.locator("h1")).to_have_text(HOSTILE)
    api.delete(f"/outgoing-webhooks/{made['id']}")
