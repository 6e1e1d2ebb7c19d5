"""Schedules and the cron helper: when they fire, on and off, run now, made, changed, deleted."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]


@pytest.fixture
def world(api: httpx.Client) -> Iterator[World]:
    """No schedules at the beginning of a test."""
    yield World(api)
    for each in api.get("/schedules").json():
        api.delete(f"/schedules/{each['id']}")


def only_schedule(world: World) -> Any:
    [found] = world.api.get("/schedules").json()
    return found


def test_an_expression_is_shown_in_words_with_its_slots(signed_in: Open) -> None:
    page = signed_in("/cron?cron=*/15 9-17 * * 1-5&zone=Asia/Kolkata")

    expect(page.get_by_role("status").filter(has_text="every 15 minutes")).to_be_visible()
    expect(page.locator(".slots li")).to_have_count(20)
    expect(page.locator(".slots li").first).to_contain_text("GMT+5:30")


def test_a_slot_that_the_clock_skips_or_repeats_is_marked(signed_in: Open) -> None:
    page = signed_in("/cron?zone=America/New_York&cron=30 2 * 3 SUN")
    expect(page.locator(".slots")).to_contain_text("its time does not exist on this day")

    page.get_by_label("Cron expression").fill("30 * * 11 SUN")

    expect(page.locator(".slots")).to_contain_text("this time comes twice")


def test_the_word_that_is_wrong_is_marked_and_nothing_is_sent(signed_in: Open) -> None:
    page = signed_in("/cron")
    expect(page.locator(".slots li")).to_have_count(20)
    sent: list[str] = []
    page.on("request", lambda it: sent.append(it.url) if it.method == "POST" else None)

    page.get_by_label("Cron expression").fill("0 25 * * *")

    expect(page.locator("mark")).to_have_text("25")
    expect(page.locator(".refused", has=page.locator("mark"))).to_contain_text("from 0 to 23")
    assert sent == []


def test_a_schedule_is_made_of_the_rule_in_the_helper(signed_in: Open, world: World) -> None:
    page = signed_in("/cron?cron=0 6 * * MON&zone=Europe/Berlin")

    page.get_by_role("link", name="Schedule it").click()
    page.get_by_label("Name").fill("weekly")
    page.get_by_label("Queue", exact=True).fill("reports")
    page.get_by_label("Payload of its jobs").fill('{"b": 12345678901234567890, "a": 1}')
    page.get_by_role("button", name="Create schedule").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("weekly")
    expect(page.get_by_role("region", name="Payload")).to_contain_text("12345678901234567890")
    made = only_schedule(world)
    assert (made["cron_expression"], made["timezone"]) == ("0 6 * * MON", "Europe/Berlin")


def test_a_change_is_saved_and_taken_back(signed_in: Open, world: World) -> None:
    made = world.schedule("report", payload_template={"n": 1}, max_retries=7)
    page = signed_in(f"/schedules/{made['id']}")

    page.keyboard.press("e")
    page.get_by_label("Cron expression").fill("0 5 * * *")
    page.get_by_label("Payload of its jobs").fill('{"n": 2}')
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".head")).to_contain_text("at 05:00 daily")
    after = only_schedule(world)
    assert (after["payload_template"], after["max_retries"]) == ({"n": 2}, 7)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".head")).to_contain_text("at 02:30 daily")
    assert only_schedule(world)["payload_template"] == {"n": 1}


def test_a_payload_that_is_no_json_cannot_be_saved(signed_in: Open, world: World) -> None:
    page = signed_in("/schedules/new")

    page.get_by_label("Payload of its jobs").fill('{"n": }')

    create = page.get_by_role("button", name="Create schedule")
    expect(create).to_have_attribute("aria-disabled", "true")
    expect(create).to_have_attribute("title", "The payload is not JSON")


def test_the_next_day_of_all_schedules_is_drawn(signed_in: Open, world: World) -> None:
    world.schedule("cache", "*/10 * * * * *", queue_name="caches")
    quarters = world.schedule("quarters", "0 */6 * * *")
    for n in range(8):
        world.schedule(f"{HOSTILE} {n}", "30 2 * * *", timezone="America/New_York")
    page = signed_in("/schedules")

    strip = page.locator(".strip")
    expect(strip.locator("li:not(.axis)")).to_have_count(8)
    expect(strip.locator("li", has_text="cache").locator(".often")).to_have_count(1)
    line = strip.locator("li", has_text="quarters")
    expect(line.locator(".tick")).to_have_count(4)
    expect(line.get_by_role("img")).to_have_accessible_name(re.compile("^4 times: ..:00, "))
    expect(line.get_by_role("link")).to_have_attribute("href", f"#/schedules/{quarters['id']}")
    strip.get_by_role("button", name="All 10").click()
    expect(strip.locator("li:not(.axis)")).to_have_count(10)

    page.get_by_role("button", name="Pause quarters").click()
    expect(line).to_have_count(0)
    page.evaluate("location.hash = '#/schedules?queue=caches'")
    expect(strip.locator("li:not(.axis)")).to_have_count(1)


def test_a_strip_that_is_cut_short_says_so(signed_in: Open, world: World, page: Page) -> None:
    world.schedule("noon", "0 12 * * *")
    page.route(
        "**/schedules/upcoming*",
        lambda route: route.fulfill(
            response=(answer := route.fetch()), headers={**answer.headers, "x-has-more": "true"}
        ),
    )

    signed_in("/schedules")

    expect(page.locator(".strip header")).to_contain_text("up to")
    expect(page.locator(".strip .unknown")).to_have_count(1)


def test_one_is_paused_in_the_list_and_goes_on_with_undo(signed_in: Open, world: World) -> None:
    world.schedule("report")
    page = signed_in("/schedules")

    page.get_by_role("button", name="Pause report").click()

    expect(page.locator("tr[data-id] .status")).to_have_text("Paused")
    assert only_schedule(world)["is_active"] is False
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Pause report")).to_be_visible()
    assert only_schedule(world)["is_active"] is True


def test_several_are_paused_by_keyboard(signed_in: Open, world: World) -> None:
    for name in ("a", "b", "c"):
        world.schedule(name)
    page = signed_in("/schedules")
    expect(page.locator("tr[data-id]")).to_have_count(3)

    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("region", name="Selection").get_by_role("button", name="Pause").click()

    expect(page.locator("tr[data-id] .status")).to_have_count(2)
    states = [it["is_active"] for it in world.api.get("/schedules").json()]
    assert sorted(states) == [False, False, True]


def test_one_runs_now_and_its_job_is_named(signed_in: Open, world: World) -> None:
    made = world.schedule("report")
    page = signed_in(f"/schedules/{made['id']}")
    expect(page.get_by_text("It has not run yet")).to_be_visible()

    page.get_by_role("button", name="Run report now").click()

    runs = page.get_by_role("table", name="Runs")
    expect(runs.get_by_text("Created a job")).to_be_visible()
    runs.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        world.api.get("/jobs", params={"queue_name": "reports"}).json()[0]["id"][:8]
    )


def test_deleting_asks_first(signed_in: Open, world: World) -> None:
    made = world.schedule(HOSTILE)
    page = signed_in(f"/schedules/{made['id']}")

    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("button", name="Delete schedule").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Schedules")
    expect(page.get_by_text("No schedules yet")).to_be_visible()


def test_a_schedule_made_meanwhile_waits_behind_a_button(signed_in: Open, world: World) -> None:
    first = world.schedule("first")
    page = signed_in("/schedules")
    page.wait_for_selector('.live[data-state="live"]')
    world.schedule("second")
    world.post(f"/schedules/{first['id']}/trigger", {})  # its event has the list read again

    page.get_by_role("button", name="1 newer schedule").click()

    expect(page.locator("tr[data-id]")).to_have_count(2)


def test_one_that_is_not_there_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow(" 404$")

    page = signed_in("/schedules/00000000-0000-4000-8000-000000000000")

    expect(page.get_by_text("This schedule is not here")).to_be_visible()
