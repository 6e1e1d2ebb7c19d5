"""All workers and one worker: who is there, what is held, who fell silent."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World

Open = Callable[[str], Page]


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


def test_an_unknown_worker_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow("GET .*/workers/nobody.* 404")

    page = signed_in("/workers/nobody")

    expect(page.get_by_text("This worker is not here")).to_be_visible()
