"""Test mode in the dashboard: a bar on every page that moves the clock, and the page of its worlds."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from spooled_lite.testing.journal import KINDS
from tests.dashboard.stage import BAR, bad_on_any_screen, new_job
from tests.dashboard.test_every_page import violations
from tests.dashboard.watched import Watch
from tests.server_process import ServerProcess


def test_the_bar_moves_time_and_says_what_happened(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    delayed = new_job(there, delay_seconds=1800)
    page = on_stage("/jobs")
    bar = page.locator(BAR)
    expect(bar).to_contain_text("2030-01-01 00:00:00.000")
    expect(page.locator(f'tr[data-id="{delayed}"]')).to_contain_text("now")

    bar.get_by_role("button", name="Next: promotion in 30 min").click()

    expect(bar).to_contain_text("2030-01-01 00:30:00.000")
    expect(bar.get_by_role("status")).to_contain_text("1 job.promoted")
    # A page's "ago" follows the clock of the world, which stands between two moves.
    expect(page.locator(f'tr[data-id="{delayed}"]')).to_contain_text("30 min ago")

    bar.get_by_role("button", name="+1 h").click()

    expect(bar).to_contain_text("2030-01-01 01:30:00.000")
    expect(page.locator(f'tr[data-id="{delayed}"]')).to_contain_text("1 h 30 min ago")
    # What another moves is seen here too.
    there.post("/test/clock/advance", json={"by": "1h"}).raise_for_status()
    expect(bar).to_contain_text("2030-01-01 02:30:00.000")

    new_job(there, delay_seconds=60)
    bar.get_by_role("button", name="+1 min").click()
    bar.get_by_role("button", name="Show what happened").click()
    bar.get_by_role("link", name="job ").click()
    expect(page).to_have_url(re.compile(r"#/jobs/.+"))


def test_what_stops_a_move_stands_at_its_button_with_what_can_be_done(
    on_stage: Callable[[str], Page], there: httpx.Client, watch: Watch
) -> None:
    watch.allow("POST .*/test/clock/(advance|next) (400|409)")
    worker = {"queue_name": "emails", "hostname": "here", "max_concurrency": 1}
    there.post("/workers/register", json=worker).raise_for_status()
    new_job(there)
    page = on_stage("/test")
    page.get_by_label("By", exact=True).fill("soon")
    page.get_by_role("button", name="Advance by it").click()
    expect(page.locator(".moves")).to_contain_text("must be a duration")

    # It waits for the worker in real time before it gives up.
    page.route("**/clock/advance", impatient)
    page.get_by_label("By", exact=True).fill("2h")
    page.get_by_role("button", name="Advance by it").click()
    expect(page.locator(".moves")).to_contain_text("can be taken by a live worker")
    page.get_by_role("button", name="Go on without waiting for workers").click()
    expect(page.locator(BAR)).to_contain_text("2030-01-01 02:00:00.000")
    expect(page.locator(".moves [role=alert]")).to_have_count(0)

    page.get_by_label("To", exact=True).fill("2030-01-01T01:00:00Z")
    page.get_by_role("button", name="Advance to it").click()
    page.get_by_role("button", name="Go back all the same").click()
    expect(page.locator(BAR)).to_contain_text("2030-01-01 01:00:00.000")

    page.get_by_label("The clock").select_option("ticking")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(BAR)).to_contain_text("60 times as fast")
    page.get_by_label("Time waits for live workers").uncheck()
    page.get_by_role("button", name="To the next of them").click()
    page.get_by_role("button", name="Let the clock stand, then do it").click()
    expect(page.locator(BAR)).to_contain_text("stands")


def impatient(route: Any) -> None:
    body = {"wait_ms": 0, **route.request.post_data_json}
    route.continue_(post_data=body)


def test_a_world_is_forked_seen_with_its_key_deleted_and_reset(
    on_stage: Callable[[str], Page],
    there: httpx.Client,
    stage: dict[str, Any],
    context: BrowserContext,
) -> None:
    new_job(there)
    page = on_stage("/test?tab=worlds")
    page.get_by_role("button", name="Fork…").click()
    page.get_by_label("Name").fill("test_pay.py::<b>")
    page.get_by_role("button", name="Fork", exact=True).click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("begins with 1 job")
    assert violations(page) == []
    dialog.get_by_role("button", name="Hold to see").hover()
    page.mouse.down()
    key = dialog.locator("code").inner_text()
    page.mouse.up()
    dialog.get_by_role("button", name="I have stored it").click()
    expect(page.locator('tr[data-id="test_pay.py::<b>"]')).to_be_visible()

    other = context.new_page()
    other.goto(f"{stage['url']}/#/sign-in")
    other.get_by_label("API key").fill(key)
    other.keyboard.press("Enter")
    expect(other.locator(BAR)).to_contain_text("in test_pay.py::<b>")
    # Its token is over then, and it is renewed in its own world.
    other.get_by_role("button", name="+1 d").click()
    expect(other.locator(BAR)).to_contain_text("2030-01-02 00:00:00.000")
    other.get_by_role("button", name="+1 d").click()
    expect(other.locator(BAR)).to_contain_text("2030-01-03 00:00:00.000")
    expect(page.locator(BAR)).to_contain_text("2030-01-01 00:00:00.000")
    other.close()

    page.get_by_role("button", name="Delete test_pay.py::<b>").click()
    page.get_by_role("button", name="Delete fork").click()
    expect(page.get_by_text("No forks")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Reset").click()
    page.wait_for_selector(f"{BAR} .btn")
    assert there.get("/jobs").json() == []


def test_what_a_world_kept_is_shown(on_stage: Callable[[str], Page], there: httpx.Client) -> None:
    hook = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.created"]}
    there.post("/outgoing-webhooks", json=hook).raise_for_status()
    made = new_job(there)
    page = on_stage("/test")
    tab = page.get_by_role("navigation", name="Parts of test mode").get_by_role("link")
    tab.get_by_text("Journal").click()
    journal = page.get_by_role("list", name="Journal")
    expect(journal).to_contain_text("job.created")
    expect(journal).to_contain_text(made[:8])
    expect(journal).not_to_contain_text("GET")
    kinds = choose(page, "Kind", "request")
    assert sorted(kinds) == sorted(["all but requests", *KINDS])
    expect(journal).to_contain_text("GET")
    expect(journal).not_to_contain_text("job.created")
    page.go_back()
    page.go_forward()
    tab.get_by_text("Webhooks").click()
    calls = page.get_by_role("list", name="Webhooks")
    expect(calls).to_contain_text("job.created")
    calls.get_by_role("button", name="Body").click()
    expect(calls).to_contain_text(made)
    page.evaluate("scrollTo(0, 0)")
    assert violations(page) == []
    choose(page, "Inbox", "shop")
    expect(calls).to_contain_text("to shop")
    page.goto(page.url.replace("name=shop", "name=other"))
    expect(page.get_by_text("No webhooks fit these filters.")).to_be_visible()
    page.locator(".chip.set").click()
    page.get_by_role("button", name="Empty").click()
    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_text("are answered here and kept")).to_be_visible()
    tab.get_by_text("Mails").click()
    expect(page.get_by_text("No mail leaves in test mode")).to_be_visible()


def choose(page: Page, filter_: str, value: str) -> list[str]:
    """Choose of a filter. Returns what there was to choose from."""
    page.get_by_role("button", name=f"{filter_}: ").click()
    menu = page.locator("[popover]:popover-open")
    expect(menu.get_by_role("button", name=value, exact=True)).to_be_visible()
    values = menu.locator("> button").all_inner_texts()
    menu.get_by_role("button", name=value, exact=True).click()
    return values


def test_a_queue_is_worked_off_without_a_worker(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    made = new_job(there)
    page = on_stage("/test")
    page.get_by_label("Queue", exact=True).fill("emails")
    page.get_by_label("First attempts that fail").fill("1")
    page.get_by_role("button", name="Work it off").click()
    panel = page.locator("section", has=page.get_by_role("heading", name="Work a queue off"))
    expect(panel).to_contain_text("2 attempts: 1 completed, 1 failed; 0 left")
    assert there.get(f"/jobs/{made}").json()["status"] == "completed"


def test_people_with_disabilities_can_use_it(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    there.post("/test/fork", json={"name": "a" * 90}).raise_for_status()
    new_job(there, delay_seconds=60)
    page = on_stage("/test")
    page.locator(BAR).get_by_role("button", name="+1 h").click()
    page.locator(BAR).get_by_role("button", name="Show what happened").click()
    assert bad_on_any_screen(page) == []
    expect(page.locator(".rail [href='#/test']")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Worlds").click()
    expect(page.locator(f'tr[data-id="{"a" * 90}"]')).to_be_visible()
    assert bad_on_any_screen(page) == []


def test_elsewhere_nothing_of_test_mode_is_loaded(
    signed_in: Callable[[str], Page], server: ServerProcess, watch: Watch
) -> None:
    watch.allow("GET .*/test/clock 404")
    page = signed_in("/queues")
    page.wait_for_selector(".live")
    asked = page.evaluate("performance.getEntriesByType('resource').map(it => it.name)")
    assert [it for it in asked if re.search(r"test|clock_bar|moving", it)] == []
    expect(page.get_by_role("link", name="Test mode")).to_have_count(0)

    page = signed_in("/test")
    expect(page.get_by_text("This server is not in test mode")).to_be_visible()
    expect(page.locator(BAR)).to_have_count(0)
