"""All workers and one worker: who is there, what is held, who fell silent."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World

Open = Callable[[str], Page]


def minutes_ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


def test_the_list_is_what_the_api_gives_for_its_filters(signed_in: Open, world: World) -> None:
    here = world.worker("host-one", "alpha")["id"]
    world.worker("host-two", "beta")
    draining = world.worker("host-three", "beta")["id"]
    world.post(f"/workers/{draining}/heartbeat", {"status": "draining", "current_jobs": 2})

    page = signed_in("/workers")
    page.get_by_role("button", name="Draining 1").click()
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page.locator(f'tr[data-id="{draining}"]')).to_contain_text("2/5")

    page.get_by_role("button", name="All").click()
    page.get_by_label("Find a worker").fill("host-one")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page.locator(f'tr[data-id="{here}"]')).to_be_visible()


def test_signs_of_life_change_the_row_and_who_leaves_stays(signed_in: Open, world: World) -> None:
    worker = world.worker("live-host", "live")["id"]
    page = signed_in("/workers?queue=live")
    row = page.locator(f'tr[data-id="{worker}"]')
    expect(row).to_contain_text("0/5")
    page.wait_for_selector('.live[data-state="live"]')

    world.post(f"/workers/{worker}/heartbeat", {"current_jobs": 3})
    expect(row).to_contain_text("3/5")
    world.worker("second-host", "live")
    expect(page.get_by_role("button", name="1 new worker")).to_be_visible()
    world.post(f"/workers/{worker}/deregister", {})

    expect(row).to_contain_text("Signed off")


def test_a_worker_shows_what_it_holds_until_it_is_done(signed_in: Open, world: World) -> None:
    worker = world.worker("busy-host", "busy")["id"]
    job = world.job("busy", "mail.send")["id"]
    [claimed] = world.claim("busy", worker=worker)

    page = signed_in(f"/workers/{worker}")
    expect(page.locator(f'tr[data-id="{job}"]')).to_contain_text("mail.send")
    page.wait_for_selector('.live[data-state="live"]')
    world.post(f"/jobs/{job}/complete", {"worker_id": worker, "lease_id": claimed["lease_id"]})

    expect(page.get_by_text("It holds no job now.")).to_be_visible()


def test_signing_off_asks_first_and_says_what_happens_to_leases(
    signed_in: Open, world: World
) -> None:
    worker = world.worker("leaving-host", "leaving")["id"]
    world.job("leaving")
    world.claim("leaving", worker=worker)
    page = signed_in(f"/workers/{worker}")
    expect(page.get_by_text("1 job", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign off").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    expect(page.get_by_text("The leases of 1 job stay until they end.")).to_be_visible()
    page.get_by_role("group").get_by_role("button", name="Sign off").click()

    expect(page.get_by_text("It has signed off.")).to_be_visible()
    assert world.api.get(f"/workers/{worker}").json()["status"] == "offline"


def test_a_worker_that_finishes_nothing_for_long_is_marked(signed_in: Open, world: World) -> None:
    worker = world.worker("stuck-host", "stuck")["id"]
    world.post(f"/workers/{worker}/heartbeat", {"current_jobs": 4})

    def long_since(route: Route) -> None:
        answer = route.fetch()
        body = answer.text().replace(long_since_at(answer.json()), minutes_ago(6))
        route.fulfill(response=answer, body=body)

    def long_since_at(told: Any) -> str:
        [found] = [it for it in (told if isinstance(told, list) else [told]) if it["id"] == worker]
        return str(found["busy_since"])

    page = signed_in("/workers?queue=stuck")
    row = page.locator(f'tr[data-id="{worker}"]')
    expect(row).to_contain_text("4/5")
    expect(row).not_to_contain_text("finished none")
    page.route(re.compile(rf"/api/v1/workers(\?|/{worker}$)"), long_since)

    page.keyboard.press("r")
    expect(row).to_contain_text("holds 4 jobs, finished none for 6 min")
    row.get_by_role("link").first.click()

    expect(page.locator(".banner")).to_contain_text("It holds 4 jobs, finished none for 6 min")
    world.post(f"/workers/{worker}/heartbeat", {"current_jobs": 0})
    page.wait_for_selector('.live[data-state="live"]')
    world.post(f"/workers/{worker}/heartbeat", {"current_jobs": 0})
    expect(page.locator(".banner")).to_have_count(0)


def test_an_unknown_worker_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow("GET .*/workers/nobody.* 404")

    page = signed_in("/workers/nobody")

    expect(page.get_by_text("This worker is not here")).to_be_visible()


def test_the_tasks_that_a_worker_runs_are_told(signed_in: Open, world: World, page: Page) -> None:
    worker = world.worker("task-host", "tasks")["id"]

    def with_tasks(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for it in told if isinstance(told, list) else [told]:
            it["task_handlers"] = ["charge_card", "send_receipt"]
        route.fulfill(response=answer, json=told)

    page.route(re.compile(rf"/api/v1/workers(\?|/{worker}$)"), with_tasks)
    page = signed_in("/workers?queue=tasks")
    row = page.locator(f'tr[data-id="{worker}"]')
    expect(row).to_contain_text("runs charge_card and 1 more")
    row.get_by_role("link").first.click()

    facts = page.locator(".facts").first
    expect(facts.get_by_role("link", name="send_receipt")).to_have_attribute(
        "href", "#/tasks/send_receipt"
    )
