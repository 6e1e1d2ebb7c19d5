"""All queues and one queue: what they show, and what can be done with them."""

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


def names(page: Page) -> list[str]:
    found: list[str] = page.locator("tr[data-id]").evaluate_all(
        "all => all.map(it => it.dataset.id)"
    )
    return found


def test_queues_are_found_and_ordered_by_name(signed_in: Open, world: World) -> None:
    for queue in ("find-b", "find-a", "other"):
        world.job(queue)

    page = signed_in("/queues?sort=name")
    page.get_by_label("Find a queue").fill("find-")

    expect(page.locator('tr[data-id="other"]')).to_have_count(0)
    expect(page.locator("tr[data-id]")).to_have_count(2)
    assert names(page) == ["find-a", "find-b"]
    assert "q=find-" in page.url


def test_several_queues_are_paused_at_once_and_undone(signed_in: Open, world: World) -> None:
    for queue in ("stop-a", "stop-b"):
        world.job(queue)
    page = signed_in("/queues?q=stop-")
    page.get_by_label("Select all shown").check()

    page.get_by_role("region", name="Selection").get_by_role("button", name="Pause").click()

    expect(page.get_by_text("2 queues paused")).to_have_count(2)
    assert [world.api.get(f"/queues/stop-{n}").json()["paused"] for n in "ab"] == [True, True]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Pause stop-a")).to_be_visible()
    assert [world.api.get(f"/queues/stop-{n}").json()["paused"] for n in "ab"] == [False, False]


def test_a_paused_queue_makes_its_table_no_wider_and_its_row_no_higher(
    signed_in: Open, world: World
) -> None:
    world.job("wide-" + "w" * 90)
    for name in ("paused", "beside"):
        world.job(name)
    world.post("/queues/paused/pause", {"reason": "the warehouse is down until the morning"})

    page = signed_in("/queues")
    expect(page.locator('tr[data-id="paused"]')).to_contain_text("warehouse")

    assert (
        page.evaluate(
            "(it => it.scrollWidth - it.clientWidth)(document.querySelector('main .scroll'))"
        )
        <= 0
    )
    heights = page.locator("tr[data-id]").evaluate_all("all => all.map(it => it.clientHeight)")
    assert len(set(heights)) == 1


def test_rows_stay_where_they_are_when_another_queue_becomes_worse(
    signed_in: Open, world: World
) -> None:
    for queue in ("calm-a", "calm-b"):
        world.job(queue)
    page = signed_in("/queues?q=calm-")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    page.wait_for_selector('.live[data-state="live"]')
    before = names(page)

    world.post(f"/queues/{before[1]}/pause", {"reason": "later"})

    expect(page.get_by_text("“later”")).to_be_visible()
    assert names(page) == before
    page.keyboard.press("r")
    page.wait_for_function(
        "name => document.querySelector('tr[data-id]').dataset.id === name", arg=before[1]
    )


def test_a_new_queue_needs_a_good_name(signed_in: Open, world: World, watch: Watch) -> None:
    watch.allow("POST .*/queues 4")
    page = signed_in("/queues")
    page.get_by_role("button", name="New queue").first.click()
    page.get_by_label("Name").fill("not good!")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("dialog").locator(".refused")).to_be_visible()

    page.get_by_label("Name").fill("made-here")
    page.get_by_role("button", name="Make it").click()

    expect(page.get_by_role("heading", name="made-here")).to_be_visible()
    assert world.api.get("/queues/made-here").status_code == 200


def test_settings_are_saved_one_by_one_and_undone(signed_in: Open, world: World) -> None:
    world.job("set")
    world.post("/queues", {"name": "set", "settings": {"owner": "mail"}, "rate_limit": 5})
    page = signed_in("/queues/set")
    save = page.get_by_role("button", name="Save")
    expect(save).to_have_attribute("title", "Nothing has been changed")

    page.get_by_label("Retries").fill("7")
    page.get_by_label("Handed out per second").fill("")
    with page.expect_request(lambda asked: asked.method == "PUT") as sent:
        page.get_by_role("button", name="Save 2 changes").click()

    assert sent.value.post_data_json == {"max_retries": 7, "rate_limit": None}
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    kept = world.api.get("/queues/set").json()
    assert (kept["max_retries"], kept["rate_limit"], kept["settings"]) == (
        7,
        None,
        {"owner": "mail"},
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Retries")).to_have_value("3")
    expect(page.get_by_label("Handed out per second")).to_have_value("5")
    assert world.api.get("/queues/set").json()["rate_limit"] == 5


def test_backoff_and_breaker_of_a_queue_are_set_and_taken_back(
    signed_in: Open, world: World
) -> None:
    world.job("policy")
    page = signed_in("/queues/policy")
    page.get_by_label("Backoff").fill('{"strategy": "linear", "base_delay_ms": 1500}')
    expect(page.get_by_text("Waits 1.5 s, 3.0 s, 4.5 s")).to_be_visible()
    page.get_by_label("Circuit breaker").fill('{"failure_threshold": 5, "open_timeout_ms": 30000}')
    page.get_by_role("button", name="Save 2 changes").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    kept = world.api.get("/queues/policy").json()
    assert kept["backoff"]["strategy"] == "linear"
    assert kept["circuit_breaker"]["failure_threshold"] == 5

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Backoff")).to_have_value("")
    kept = world.api.get("/queues/policy").json()
    assert "backoff" not in kept
    assert "circuit_breaker" not in kept


def test_a_bad_setting_is_told_and_not_sent(signed_in: Open, world: World) -> None:
    world.job("bad")
    page = signed_in("/queues/bad")

    page.get_by_label("Each wait longer by").fill("11")

    expect(page.get_by_text("A number from 1 to 10")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")


def test_the_waits_between_retries_are_those_of_the_server(signed_in: Open, world: World) -> None:
    body = {"name": "waits", "backoff_base_seconds": 30, "backoff_multiplier": 3}
    world.post("/queues", body)

    page = signed_in("/queues/waits")
    expect(page.get_by_text("Waits 30 s, 1 min 30 s, 4 min 30 s")).to_be_visible()

    page.get_by_label("Longest wait in seconds").fill("60")
    expect(page.get_by_text("Waits 30 s, 1 min, 1 min")).to_be_visible()


def test_purging_asks_for_the_name_and_leaves_what_runs(signed_in: Open, world: World) -> None:
    for _ in range(3):
        world.job("purged")
    world.claim("purged")
    page = signed_in("/queues/purged")
    page.get_by_role("button", name="Purge…").click()
    expect(page.get_by_role("heading", name="Purge 2 jobs of purged?")).to_be_visible()
    sure = page.get_by_role("button", name="Purge 2 jobs")
    page.get_by_label("Type purged to go on").fill("purge")
    expect(sure).to_be_disabled()

    page.get_by_label("Type purged to go on").fill("purged")
    sure.click()

    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    assert world.api.get("/queues/purged/stats").json()["total"] == 1


def test_a_queue_is_deleted_with_its_jobs(signed_in: Open, world: World) -> None:
    world.job("doomed")
    page = signed_in("/queues/doomed")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_label("Type doomed to go on").fill("doomed")

    page.get_by_role("button", name="Delete 1 job").click()

    expect(page.get_by_role("heading", name="Queues", exact=True)).to_be_attached()
    assert world.api.get("/queues/doomed").status_code == 404


def test_an_unknown_queue_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow("GET .*/queues/nobody 404")

    page = signed_in("/queues/nobody")

    expect(page.get_by_text("This queue is not here")).to_be_visible()
