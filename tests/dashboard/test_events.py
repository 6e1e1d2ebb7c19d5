"""The live tail: what was last, what comes, filters, hold, too much of it."""

import time
from collections.abc import Callable
from typing import Final

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import WAIT_MS
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]
QUEUE: Final = "tailed"
LINES_MAX: Final = 2000
SEVERAL_PAINTS_MS: Final = 800.0  # one comes every 250


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


def opened(signed_in: Open, address: str) -> Page:
    page = signed_in(address)
    page.wait_for_selector(".live[data-state='live']")
    return page


def test_it_begins_with_what_was_and_goes_on_with_what_comes(signed_in: Open, world: World) -> None:
    before = world.job(QUEUE)
    page = opened(signed_in, f"/events?queue={QUEUE}&kind=job.created")
    lines = page.locator(".tail li")
    expect(lines.filter(has_text=before["id"][:8])).to_have_count(1)

    after = world.job(QUEUE)
    world.job("another")

    expect(lines.first).to_contain_text(after["id"][:8])
    expect(lines.filter(has_text="another")).to_have_count(0)
    expect(lines.filter(has_text=after["id"][:8])).to_have_count(1)


def test_an_event_that_is_read_again_is_shown_once(signed_in: Open, world: World) -> None:
    page = opened(signed_in, f"/events?queue={QUEUE}&kind=job.completed")
    made = world.job(QUEUE, priority=100)
    [claimed] = world.claim(QUEUE)
    world.complete(claimed, {"sent": True})
    line = page.locator(".tail li").filter(has_text=made["id"][:8])
    expect(line).to_have_count(1)

    with page.expect_response("**/events/log*"):
        page.keyboard.press("r")

    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(line).to_have_count(1)


def test_an_error_is_text_and_filters_can_be_taken_away(signed_in: Open, world: World) -> None:
    world.dead("hostile-tail", HOSTILE)
    page = opened(signed_in, "/events?queue=hostile-tail&kind=job.failed")

    expect(page.locator(".tail li")).to_contain_text("onerror=alert(1)")

    page.get_by_role("button", name="Any kind").click()
    expect(page.locator(".tail li", has_text="job.created")).to_have_count(1)


def test_while_held_nothing_moves_and_nothing_is_lost(signed_in: Open, world: World) -> None:
    world.job("held")
    page = opened(signed_in, "/events?queue=held&kind=job.created")
    expect(page.locator(".tail li")).to_have_count(1)

    page.get_by_role("button", name="Hold").click()
    world.job("held")
    page.wait_for_timeout(SEVERAL_PAINTS_MS)
    expect(page.locator(".tail li")).to_have_count(1)
    page.get_by_role("button", name="Go on").click()

    expect(page.locator(".tail li")).to_have_count(2)


def test_too_many_are_counted_and_the_oldest_dropped(signed_in: Open, world: World) -> None:
    page = opened(signed_in, "/events?queue=flood&kind=job.created")
    body = {"queue_name": "flood", "jobs": [{"payload": {}}] * 100}
    for _ in range(LINES_MAX // 100 + 1):
        world.post("/jobs/bulk", body)

    expect(page.get_by_text("too many to read")).to_be_visible()
    expect(page.locator(".tail li")).to_have_count(1)
    expect(page.get_by_text("100 older lines dropped")).to_be_visible()
    page.get_by_role("button", name=f"Show all {LINES_MAX:,}").click()
    expect(page.locator(".tail li")).to_have_count(LINES_MAX)


def test_of_more_than_anyone_sends_the_newest_stand_for_all(signed_in: Open, world: World) -> None:
    page = opened(signed_in, "/events?kind=job.created")
    body = {"queue_name": "poured", "jobs": [{"payload": {}}] * 100}
    busy = page.locator(".live[data-state='busy']")
    until = time.monotonic() + WAIT_MS / 1000
    while not busy.count() and time.monotonic() < until:
        world.post("/jobs/bulk", body)

    with page.expect_response("**/events/log*"):
        world.post("/jobs/bulk", body)

    expect(page.get_by_text("too many to read")).to_be_visible()
    expect(page.locator(".tail li")).to_have_count(1)
    expect(page.locator(".tail li")).to_contain_text("job.created")
