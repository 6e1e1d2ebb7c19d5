"""Back: the page one came from is there at once, as one left it."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, Route, expect

from tests.dashboard.world import World

Open = Callable[[str], Page]
JOBS = 160  # more than the first hundred, and than a table makes rows of at once


def jobs(api: httpx.Client, queue: str, count: int) -> None:
    for _ in range(0, count, 80):
        body = {"queue_name": queue, "jobs": [{"payload": {"n": 1}}] * min(80, count)}
        api.post("/jobs/bulk", json=body).raise_for_status()


def hold_back(route: Route) -> None:
    """The server does not answer: what is seen was there before."""


def test_the_list_is_there_at_once_with_its_rows_and_where_one_was(
    signed_in: Open, api: httpx.Client
) -> None:
    jobs(api, "many", JOBS)
    page = signed_in("/jobs?queue=many")
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("table", name="Jobs")).to_have_attribute("aria-rowcount", "161")
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    page.wait_for_timeout(100)  # for the rows of this place
    job_id = page.evaluate("document.elementFromPoint(500, 400).closest('tr').dataset.id")
    row = page.locator(f'tr[data-id="{job_id}"]')
    scrolled = page.evaluate("scrollY")
    assert scrolled > 500
    row.locator("a[data-open]").click()
    expect(page.locator("h1")).to_contain_text(job_id[:8])
    assert page.evaluate("scrollY") == 0

    page.route("**/api/v1/jobs?*", hold_back)
    page.go_back()

    table = page.get_by_role("table", name="Jobs")
    expect(table).to_have_attribute("aria-rowcount", "161")
    expect(page.locator(f'tr[data-id="{job_id}"]')).to_be_focused()
    assert abs(page.evaluate("scrollY") - scrolled) < 40
    page.unroute_all(behavior="ignoreErrors")


def test_what_changed_meanwhile_changes_in_its_place_and_newer_ones_wait(
    signed_in: Open, api: httpx.Client
) -> None:
    world = World(api)
    jobs(api, "changing", 3)
    page = signed_in("/jobs?queue=changing")
    first = page.locator("tr[data-id]").first
    job_id = first.get_attribute("data-id")
    first.locator("a[data-open]").click()
    page.wait_for_selector(".why")
    world.job("changing")
    api.delete(f"/jobs/{job_id}").raise_for_status()

    page.go_back()

    expect(page.locator("tr[data-id]").first).to_contain_text("Cancelled")
    assert page.locator("tr[data-id]").first.get_attribute("data-id") == job_id
    expect(page.get_by_role("button", name="1 newer job")).to_be_visible()


def test_another_filter_or_a_link_reads_the_list_anew(signed_in: Open, api: httpx.Client) -> None:
    jobs(api, "filtered", 3)
    page = signed_in("/jobs?queue=filtered")
    page.locator("tr[data-id]").first.locator("a[data-open]").click()
    page.wait_for_selector(".why")
    made = World(api).job("filtered")

    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()

    expect(page.locator(f'tr[data-id="{made["id"]}"]')).to_be_visible()
    page.go_back()
    page.wait_for_selector(".why")
    page.go_back()
    expect(page.locator(f'tr[data-id="{made["id"]}"]')).to_be_visible()
    assert page.evaluate("location.hash") == "#/jobs?queue=filtered"
