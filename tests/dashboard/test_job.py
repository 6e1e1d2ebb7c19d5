"""One job: what it is, what happens to it while one looks, what can be done."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]
QUEUE = "one"


@pytest.fixture
def world(api: httpx.Client) -> Iterator[World]:
    """An own queue, empty at the beginning."""
    yield World(api)
    api.delete(f"/queues/{QUEUE}", params={"delete_jobs": "true"})


def status_of(world: World, job: dict[str, str]) -> str:
    status: str = world.api.get(f"/jobs/{job['id']}").json()["status"]
    return status


def test_it_is_followed_to_its_end(signed_in: Open, world: World) -> None:
    job = world.job(QUEUE)
    page = signed_in(f"/jobs/{job['id']}")
    head = page.locator(".head")
    expect(head.get_by_text("Pending")).to_be_visible()
    page.wait_for_selector('.live[data-state="live"]')

    [claimed] = world.claim(QUEUE)
    expect(head.get_by_text("Processing")).to_be_visible()
    world.complete(claimed, {"sent": True})

    expect(head.get_by_text("Completed")).to_be_visible()
    expect(page.get_by_role("region", name="Result")).to_contain_text('"sent": true')


def test_a_dead_letter_is_retried_by_one_key(signed_in: Open, world: World) -> None:
    job = world.dead(QUEUE, "boom")
    page = signed_in(f"/jobs/{job['id']}")
    expect(page.get_by_role("region", name="Last error")).to_contain_text("boom")

    page.keyboard.press("Shift+r")

    expect(page.locator(".head").get_by_text("Pending")).to_be_visible()
    assert status_of(world, job) == "pending"


def test_cancelling_asks_first_and_the_answer_is_no(signed_in: Open, world: World) -> None:
    job = world.job(QUEUE)
    page = signed_in(f"/jobs/{job['id']}")
    cancel = page.get_by_role("button", name="Cancel", exact=True)

    cancel.click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")
    assert status_of(world, job) == "pending"
    cancel.click()
    page.get_by_role("button", name="Cancel job").click()

    expect(page.locator(".head").get_by_text("Cancelled")).to_be_visible()
    assert status_of(world, job) == "cancelled"


def test_it_says_why_it_does_not_run_and_what_has_changed(signed_in: Open, world: World) -> None:
    world.job(QUEUE)
    job = world.job(QUEUE)
    world.post(f"/queues/{QUEUE}/pause", {"reason": "stocktaking"})
    page = signed_in(f"/jobs/{job['id']}")

    why = page.locator(".why")
    expect(why).to_contain_text("Why is it not running?")
    expect(why).to_contain_text("is paused")
    expect(why).to_contain_text("1 older job ahead")
    world.post(f"/queues/{QUEUE}/resume", {})
    page.keyboard.press("r")

    expect(why).not_to_contain_text("is paused")


def test_its_life_shows_each_attempt(signed_in: Open, world: World) -> None:
    job = world.job(QUEUE, max_retries=1)
    [claimed] = world.claim(QUEUE)
    world.fail(claimed, "first")

    page = signed_in(f"/jobs/{job['id']}")

    life = page.locator(".lane")
    expect(life).to_contain_text("Attempt 1")
    expect(life).to_contain_text("Backoff")


def test_a_double_click_sends_once(signed_in: Open, world: World) -> None:
    job = world.dead(QUEUE, "boom")
    page = signed_in(f"/jobs/{job['id']}")
    sent: list[str] = []
    page.on("request", lambda it: sent.append(it.url) if it.method == "POST" else None)

    page.get_by_role("button", name="Retry", exact=True).dblclick()

    expect(page.locator(".head").get_by_text("Pending")).to_be_visible()
    assert len([url for url in sent if url.endswith("/retry")]) == 1


def test_what_the_server_refuses_stands_beside_the_button(
    signed_in: Open, world: World, watch: Watch
) -> None:
    watch.allow("/retry 4")
    job = world.dead(QUEUE, "boom")
    page = signed_in(f"/jobs/{job['id']}")
    page.route(
        "**/retry", lambda route: (world.post(f"/jobs/{job['id']}/retry", {}), route.continue_())[1]
    )

    page.get_by_role("button", name="Retry", exact=True).click()

    expect(page.locator(".head .refused")).to_contain_text("request")


def test_its_priority_is_set_and_undone(signed_in: Open, world: World) -> None:
    job = world.job(QUEUE)
    page = signed_in(f"/jobs/{job['id']}")

    page.get_by_role("button", name="Priority…").click()
    page.get_by_label("From -100 to 100").fill("7")
    page.get_by_role("button", name="Set", exact=True).click()

    expect(page.locator(".toast")).to_contain_text("Priority 7")
    assert world.api.get(f"/jobs/{job['id']}").json()["priority"] == 7
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("dl")).to_contain_text("Priority0")


def test_numbers_keep_every_digit_and_text_stays_text(signed_in: Open, world: World) -> None:
    big = 12345678901234567890
    job = world.job(QUEUE, payload={"id": big, HOSTILE: HOSTILE})

    page = signed_in(f"/jobs/{job['id']}")

    expect(page.get_by_role("region", name="Payload")).to_contain_text(str(big))
    assert page.locator("main img").count() == 0


def test_one_that_was_deleted_meanwhile_stays_and_says_so(
    signed_in: Open, world: World, watch: Watch
) -> None:
    watch.allow(" 404$")
    job = world.dead(QUEUE, "boom")
    page = signed_in(f"/jobs/{job['id']}")
    expect(page.get_by_role("region", name="Last error")).to_be_visible()
    world.post("/jobs/dlq/purge", {"confirm": True, "queue_name": QUEUE})

    page.keyboard.press("r")

    expect(page.get_by_text("It was deleted meanwhile")).to_be_visible()
    expect(page.get_by_role("region", name="Last error")).to_contain_text("boom")


def test_one_that_is_not_there_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow(" 404$")

    page = signed_in("/jobs/00000000-0000-4000-8000-000000000000")

    expect(page.get_by_text("This job is not here")).to_be_visible()


def test_a_long_life_is_shown_whole_on_demand(signed_in: Open, world: World) -> None:
    job = world.job(QUEUE, max_retries=0)
    for _ in range(35):
        [claimed] = world.claim(QUEUE)
        world.fail(claimed, "again")
        world.post(f"/jobs/{job['id']}/retry", {})
    page = signed_in(f"/jobs/{job['id']}")
    life = page.get_by_role("region", name="Life").or_(page.locator(".panel", has_text="Life"))

    page.get_by_role("button", name="Show its whole life").click()

    expect(life.first).to_contain_text("Attempt 35")
