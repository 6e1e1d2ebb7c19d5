"""Who did what: in sentences, found again, taken back; and who paused what is paused."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import enter
from tests.dashboard.world import HOSTILE, World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
ACTS = {
    "job": "cancel retry delete purge priority set_priority add_parents run_now",
    "queue": "create change delete pause resume purge retry cancel set_priority run_now",
    "schedule": "create change delete pause resume trigger",
    "workflow": "cancel retry rerun delete",
    "worker": "deregister",
    "webhook": "create change delete resend",
    "key": "create change revoke new_secret",
    "organization": "change delete new_token",
}


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


@pytest.fixture
def sign_in(page: Page, server: ServerProcess, world: World) -> Callable[..., Page]:
    """Opens an address as who holds a key that may do only this."""

    def opened(address: str, **allowed: Any) -> Page:
        key = world.post("/api-keys", {"name": "some", **allowed})["key"]
        page.add_init_script(enter(world.post("/auth/login", {"api_key": key})))
        page.goto(f"{server.url}/#{address}")
        page.wait_for_selector("main h1")
        return page

    return opened


def an_act(**fields: Any) -> dict[str, Any]:
    return {
        "at": "2026-10-01T09:00:00.000Z", "key_id": "k1", "key_name": "deploy", "act": "pause",
        "kind": "queue", "subject": "emails", "subject_name": None, "subject_exists": True,
        "count": 1, "reason": None, **fields,
    }  # fmt: skip


def given(page: Page, acts: list[dict[str, Any]]) -> None:
    def answer(route: Route) -> None:
        route.fulfill(json=acts)

    page.route("**/api/v1/acts?*", answer)


def test_an_act_is_a_sentence_that_leads_to_what_it_was_done_to(
    signed_in: Open, world: World
) -> None:
    world.job("charges")
    world.post("/queues/charges/pause", {"reason": "<b>down</b>"})
    schedule = world.schedule(HOSTILE)
    job = world.job("charges")
    world.api.delete(f"/jobs/{job['id']}").raise_for_status()
    world.api.delete(f"/schedules/{schedule['id']}").raise_for_status()

    page = signed_in("/acts")

    rows = page.locator("tr[data-id]")
    expect(rows.filter(has_text="paused the queue charges")).to_contain_text("“<b>down</b>”")
    gone = rows.filter(has_text="deleted the schedule")
    expect(gone).to_contain_text("<img src=x onerror=alert(1)>")
    expect(gone.locator('a[href*="schedules"]')).to_have_count(0)
    cancelled = rows.filter(has_text=f"cancelled the job {job['id'][:8]}")
    cancelled.get_by_role("link", name=job["id"][:8]).click()
    expect(page.locator("h1")).to_have_text(job["id"][:8])


def test_every_act_of_every_kind_has_words(signed_in: Open, page: Page) -> None:
    made = [
        an_act(
            kind=kind, act=act, subject=f"{kind}-{act}".replace("_", "-"), count=3, key_name=HOSTILE
        )
        for kind, acts in ACTS.items()
        for act in acts.split()
    ]
    given(page, [*made, an_act(kind="job", act="retry", subject="", count=12)])

    page = signed_in("/acts")

    expect(page.locator("tr[data-id]")).to_have_count(len(made) + 1)
    said = page.locator("td.said").all_inner_texts()
    assert not [each for each in said if "did “" in each or "undefined" in each or "_" in each]
    assert said[-1] == "deploy retried 12 jobs"
    assert any(each.endswith("ran 3 steps of the workflow workflow again") for each in said)
    assert any(each.endswith("purged 3 jobs of the queue queue-purge") for each in said)


def test_acts_are_filtered_from_the_address_and_read_by_the_page(
    signed_in: Open, world: World
) -> None:
    for n in range(120):
        world.job("many")
        path = "pause" if n % 2 else "resume"
        world.post(f"/queues/many/{path}", {} if n % 2 else None)
    page = signed_in("/acts?kind=queue&act=pause&subject=many")

    rows = page.locator("tbody")
    expect(rows).to_contain_text("paused the queue many")
    expect(rows).not_to_contain_text("resumed")
    page.get_by_role("button", name="Any act").click()
    expect(rows).to_contain_text("resumed the queue many")

    page.get_by_role("button", name="100 shown. More").click()
    expect(page.get_by_role("button", name="More")).to_have_count(0)
    assert page.locator("table").get_attribute("aria-rowcount") == "121"
    page.get_by_role("button", name="Schedules", exact=True).click()
    expect(page.get_by_text("No acts fit these filters.")).to_be_visible()


def test_the_last_pause_is_taken_back_and_that_undone(signed_in: Open, world: World) -> None:
    world.job("back")
    for path in ("pause", "resume", "pause"):
        world.post(f"/queues/back/{path}", {})
    page = signed_in("/acts?subject=back")

    def is_paused() -> bool:
        return bool(world.api.get("/queues/back").json()["paused"])

    resume = page.get_by_role("button", name="Resume back")
    expect(resume).to_have_count(1)
    resume.click()
    expect(page.locator(".toast")).to_contain_text("back goes on")
    assert not is_paused()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody tr[data-id]")).to_have_count(5)
    assert is_paused()


def test_what_was_done_meanwhile_waits_behind_a_button(signed_in: Open, world: World) -> None:
    world.job("fresh")
    world.post("/queues/fresh/pause", {})
    page = signed_in("/acts?subject=fresh")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    page.wait_for_selector(".live:has-text('Live')")

    world.post("/queues/fresh/resume", None)

    expect(page.get_by_role("button", name="1 newer act")).to_be_visible()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    page.locator("h1").focus()
    page.keyboard.press(".")
    expect(page.locator("tr[data-id]")).to_have_count(2)


def test_paused_says_by_whom_in_lists_and_on_pages(signed_in: Open, world: World) -> None:
    world.job("halted")
    world.post("/queues/halted/pause", {"reason": "warehouse is down"})
    schedule = world.schedule("stopped")
    world.post(f"/schedules/{schedule['id']}/pause", {})
    name = world.api.get("/auth/me").json()["name"]

    page = signed_in("/queues?q=halted")
    expect(page.locator('tr[data-id="halted"] .by')).to_contain_text(f"by {name}, ")
    expect(page.locator('tr[data-id="halted"] .by')).to_contain_text("“warehouse is down”")
    for address, where in (
        ("/queues/halted", ".head"),
        ("/schedules", f'tr[data-id="{schedule["id"]}"] .by'),
        (f"/schedules/{schedule['id']}", ".head"),
    ):
        page = signed_in(address)
        expect(page.locator(where)).to_contain_text(f"by {name}, ")


def test_nothing_is_asked_while_nothing_shown_is_paused(signed_in: Open, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page = signed_in("/queues?q=nothing-of-that-name")

    expect(page.get_by_text("No queues fit")).to_be_visible()
    assert not [each for each in asked if "/acts" in each]


@pytest.mark.parametrize(
    "allowed",
    [
        {"permissions": ["queues:read", "jobs:read"]},
        {"permissions": ["queues:read", "jobs:read", "organization:read"], "queues": ["quiet"]},
    ],
    ids=["without the word", "of one queue"],
)
def test_who_may_not_read_acts_sees_that_it_is_paused(
    sign_in: Callable[..., Page], world: World, allowed: dict[str, Any]
) -> None:
    world.job("quiet")
    world.post("/queues/quiet/pause", {})
    asked: list[str] = []

    page = sign_in("/queues/quiet", **allowed)
    page.on("request", lambda request: asked.append(request.url))

    expect(page.locator(".head")).to_contain_text("Paused")
    expect(page.locator(".head")).not_to_contain_text("by ")
    assert not [each for each in asked if "/acts" in each]
