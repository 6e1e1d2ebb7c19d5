"""Expectations in the dashboard: an editor that begins with what the world has, and what came of each."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import httpx
from playwright.sync_api import Page, Route, expect

from tests.dashboard.stage import BAR, bad_on_any_screen, new_job
from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE

ADDRESS: Final = "/test?tab=expect"


def ask(page: Page, *wanted: Any) -> None:
    editor = page.get_by_label("What is expected")
    expect(editor).not_to_have_value("[]")  # the example has come
    editor.fill(json.dumps(wanted, ensure_ascii=False))
    page.get_by_role("button", name="See what holds").click()


def test_it_begins_with_what_the_world_has_and_says_what_came_of_each(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    hook = {"name": "shop", "url": "https://inbox.test/shop", "events": ["job.completed"]}
    hook_id = there.post("/outgoing-webhooks", json=hook).json()["id"]
    made = new_job(there, payload={"to": "ada@example.com"})
    there.post("/test/drain", json={"queue": "emails"}).raise_for_status()
    page = on_stage(ADDRESS)
    editor = page.get_by_label("What is expected")
    expect(editor).to_have_value(re.compile('"queue": "emails".*"webhook": "shop"', re.DOTALL))

    page.get_by_role("button", name="See what holds").click()

    expect(page.get_by_role("status").get_by_text("All 4 expectations hold")).to_be_visible()
    results = page.get_by_role("table", name="What came of each expectation").locator("tr[data-id]")
    expect(results).to_have_count(4)
    ask(
        page,
        {"queue": "emails", "payload": {"to": "bob@example.com"}, "count": 2},
        {"webhook": "shop", "event": "job.failed"},
        {"request": "POST /api/v1/jobs", "status_code": 409},
        {"mail": "ada@example.com"},
        {"job_id": made, "at": ["+0s"]},
    )
    expect(page.get_by_role("status").get_by_text("1 of 5 expectations hold")).to_be_visible()
    expect(results.nth(0)).to_contain_text("Does not hold")
    expect(results.nth(0)).to_contain_text('payload.to is "ada@example.com"')
    expect(results.nth(1)).to_contain_text('event is "job.completed"')
    expect(results.nth(3)).to_contain_text("Nothing like it")
    expect(results.nth(4)).to_contain_text("2030-01-01 00:00:00.000")
    job = results.nth(0).get_by_role("link")
    assert job.get_attribute("href") == f"#/jobs/{made}"
    assert results.nth(1).get_by_role("link").get_attribute("href") == f"#/webhooks/{hook_id}"
    line = results.nth(2).get_by_role("link").first
    expect(line).to_have_text(re.compile("line [0-9]+ of the journal"))
    line.click()
    expect(page.locator("[aria-current=true]")).to_contain_text("POST /api/v1/jobs")
    page.go_back()
    # What one wrote is there again.
    expect(page.get_by_label("What is expected")).to_have_value(re.compile("bob@example.com"))


def test_an_example_that_comes_late_leaves_what_was_typed(on_stage: Callable[[str], Page]) -> None:
    page = on_stage("/test")
    held = list[Route]()
    page.route(re.compile("/api/v1/queues"), lambda route: held.append(route))
    tabs = page.get_by_role("navigation", name="Parts of test mode").get_by_role("link")
    tabs.get_by_text("Expectations").click()
    editor = page.get_by_label("What is expected")
    editor.fill('[{"queue": "mine"}]')
    expect(editor).to_have_value('[{"queue": "mine"}]')

    with page.expect_response(re.compile("/api/v1/queues")):
        for each in held:
            each.continue_()
    page.get_by_role("button", name="See what holds").click()

    expect(page.get_by_role("table", name="What came of each")).to_contain_text('"mine"')
    expect(editor).to_have_value(re.compile("mine"))


def test_time_passes_for_them(on_stage: Callable[[str], Page], there: httpx.Client) -> None:
    new_job(there, delay_seconds=3600)
    page = on_stage(ADDRESS)
    page.get_by_label("Within").fill("7d")
    ask(page, {"queue": "emails", "status": "pending"})
    expect(page.get_by_role("status").get_by_text("All 1 expectation hold")).to_be_visible()
    expect(page.locator(BAR)).to_contain_text("2030-01-01 01:00:00.000")


def test_what_is_refused_stands_at_its_place(on_stage: Callable[[str], Page], watch: Watch) -> None:
    watch.allow("POST .*/test/expect 4")
    page = on_stage(ADDRESS)
    editor = page.get_by_label("What is expected")
    expect(editor).not_to_have_value("[]")
    told = page.locator(".editor .refused")
    editor.fill('[\n{"queue": "q"},\n{"queue": "q",\n "status": 3}]')
    page.get_by_role("button", name="See what holds").click()
    expect(told).to_contain_text("Line 4, column 12: Field `expect[1].status` must be")
    page.get_by_role("button", name="Go there").click()
    chosen = "document.activeElement.value.slice(document.activeElement.selectionStart)"
    assert page.evaluate(chosen) == "3}]"

    editor.fill('[{"queue": "q", "at": ["+1h", "+soon"]}]')
    expect(told).to_have_count(0)
    page.get_by_role("button", name="See what holds").click()
    expect(told).to_contain_text("Line 1, column 31: Field `expect[0].at[1]` must be a duration")

    editor.fill('[{"queue": "q"}]')
    page.get_by_label("Within").fill("soon")
    page.get_by_role("button", name="See what holds").click()
    field = page.locator(".field:has(> [aria-invalid=true])")
    expect(field.locator("label")).to_have_text("Within")
    expect(field.locator(".refused")).to_contain_text("must be a duration")

    editor.fill("[")
    button = page.get_by_role("button", name="See what holds")
    expect(button).to_have_attribute("title", "This is not JSON")
    expect(button).to_have_attribute("aria-disabled", "true")


def test_hostile_results_are_text_and_everybody_can_use_the_page(
    on_stage: Callable[[str], Page], there: httpx.Client
) -> None:
    large = 12345678901234567890
    new_job(there, payload={HOSTILE: HOSTILE * 9, "n": large})
    page = on_stage(ADDRESS)
    ask(page, {"queue": "emails", "payload": {HOSTILE: large}}, {"request": HOSTILE * 9})
    first = page.locator("tr[data-id]").first
    expect(first).to_contain_text(str(large))  # to the digit
    expect(first).to_contain_text("onerror=alert(1)>\\u202eevil")
    expect(page.locator("main img")).to_have_count(0)
    assert bad_on_any_screen(page) == []
