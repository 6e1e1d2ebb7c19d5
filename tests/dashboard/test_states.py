"""What a page shows while it reads, and when the server refuses: each state with a way on."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import enter
from tests.dashboard.watched import Watch
from tests.dashboard.world import World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
LIST = re.compile(r"/api/v1/jobs\?")


@pytest.fixture(scope="module")
def queue(api: httpx.Client) -> str:
    """A queue with one job that waits and one that is dead."""
    world = World(api)
    world.dead("states", "boom")
    world.job("states")
    return "states"


def refusal(status: int, code: str, message: str, **details: Any) -> Callable[[Route], None]:
    body = {"code": code, "message": message, "details": details}
    headers = {"x-request-id": "req-7", "content-type": "application/json"}
    if "retry_after" in details:
        headers["retry-after"] = str(details["retry_after"])
    return lambda route: route.fulfill(status=status, headers=headers, body=json.dumps(body))


@pytest.fixture
def refused(page: Page, signed_in: Open, watch: Watch) -> Callable[..., Page]:
    """Opens Jobs on a server that refuses its list: `refused(408, "TIMEOUT", "…", limit=3)`."""

    def open_refused(
        status: int, code: str, message: str, address: str = "/jobs", **details: Any
    ) -> Page:
        watch.allow(f"jobs.* {status}$")
        page.route(LIST, refusal(status, code, message, **details))
        return signed_in(address)

    return open_refused


def test_lines_stand_for_what_is_read_the_first_time(
    page: Page, signed_in: Open, queue: str
) -> None:
    held: list[Route] = []
    page.route(LIST, lambda route: held.append(route))

    signed_in("/jobs")

    expect(page.get_by_role("status", name="Reading")).to_be_visible()
    for route in held:
        route.continue_()
    page.unroute(LIST)
    expect(page.locator("tr[data-id]").first).to_be_visible()
    expect(page.get_by_role("status", name="Reading")).to_have_count(0)


def test_a_search_that_takes_too_long_offers_a_narrower_one(
    refused: Callable[..., Page], queue: str
) -> None:
    page = refused(408, "TIMEOUT", "Jobs by tag took too long: ask for one queue or less time")

    expect(page.get_by_text("Jobs by tag took too long")).to_be_visible()
    page.unroute(LIST)
    page.get_by_role("button", name=f"Only queue {queue}").click()

    expect(page.locator("tr[data-id]").first).to_be_visible()
    assert page.url.endswith(f"/jobs?queue={queue}")


def test_the_last_day_is_the_other_way_to_ask_for_less(
    refused: Callable[..., Page], queue: str
) -> None:
    page = refused(408, "TIMEOUT", "too long", address=f"/jobs?queue={queue}")

    expect(page.get_by_role("button", name="Only queue")).to_have_count(0)
    page.unroute(LIST)
    page.get_by_role("button", name="Last 24 hours").click()

    expect(page.locator("tr[data-id]").first).to_be_visible()
    assert "range=24h" in page.url


def test_an_error_names_its_code_and_request_and_is_tried_again(
    refused: Callable[..., Page], queue: str
) -> None:
    page = refused(500, "INTERNAL_ERROR", "Something failed")

    main = page.locator("main")
    expect(main).to_contain_text("The jobs could not be read")
    expect(main).to_contain_text("INTERNAL_ERROR request req-7")
    page.unroute(LIST)
    page.get_by_role("button", name="Try again").click()

    expect(page.locator("tr[data-id]").first).to_be_visible()


def test_what_was_read_stays_dated_when_it_cannot_be_read_again(
    page: Page, signed_in: Open, queue: str, watch: Watch
) -> None:
    watch.allow("jobs.* 500$")
    signed_in("/jobs")
    expect(page.locator("tr[data-id]").first).to_be_visible()

    page.route(LIST, refusal(500, "INTERNAL_ERROR", "Something failed"))
    page.keyboard.press("r")

    expect(page.get_by_text(re.compile("^Data of .*the jobs could not be read"))).to_be_visible()
    expect(page.locator("tr[data-id]").first).to_be_visible()


def test_too_many_requests_count_down(refused: Callable[..., Page], queue: str) -> None:
    page = refused(429, "RATE_LIMITED", "Too many requests", retry_after=50)

    told = page.get_by_text(re.compile(r"^Try again in \d+ s"))
    expect(told).to_be_visible()
    before = told.inner_text()

    expect(told).not_to_have_text(before)


def test_a_limit_of_the_plan_is_told_in_its_numbers(
    refused: Callable[..., Page], queue: str
) -> None:
    page = refused(
        429, "QUOTA", "Limit", retry_after=90, resource="jobs a day", current=1000, limit=1000
    )

    expect(page.get_by_text("A limit of the plan is reached")).to_be_visible()
    expect(page.get_by_text("1,000 of 1,000 jobs a day")).to_be_visible()


def test_an_act_the_storage_could_not_confirm_says_that_its_outcome_is_unknown(
    page: Page, signed_in: Open, api: httpx.Client, queue: str, watch: Watch
) -> None:
    watch.allow("retry 503$")
    [dead] = api.get("/jobs", params={"queue_name": queue, "status": "deadletter"}).json()
    signed_in(f"/jobs/{dead['id']}")
    page.route("**/retry", refusal(503, "UNAVAILABLE", "no", reason="storage_error"))

    page.get_by_role("button", name="Retry", exact=True).click()

    expect(page.locator(".head .refused")).to_contain_text("outcome of this call is unknown")
    expect(page.locator(".head .refused")).to_contain_text("req-7")


def test_a_server_that_takes_no_work_says_why_on_every_page(
    page: Page, signed_in: Open, queue: str, watch: Watch
) -> None:
    watch.allow("health/ready 503$")
    page.route("**/health/ready", refusal(503, "NOT_READY", "no", reason="storage_full"))

    signed_in("/jobs")

    expect(page.locator(".banner")).to_contain_text("The disk is full. Reads go on")
    expect(page.locator("tr[data-id]").first).to_be_visible()


def test_a_key_without_the_word_is_told_which_it_lacks(
    page: Page, server: ServerProcess, api: httpx.Client, queue: str, watch: Watch
) -> None:
    watch.allow(" 403$")
    body = {"name": "looker", "permissions": ["schedules:read"]}
    key = api.post("/api-keys", json=body).json()["key"]
    login = httpx.post(f"{server.url}/api/v1/auth/login", json={"api_key": key}).json()
    page.add_init_script(enter({name: login[name] for name in ("access_token", "refresh_token")}))

    page.goto(f"{server.url}/#/jobs")

    expect(page.get_by_text("This key lacks jobs:read")).to_be_visible()
    # To ask again would change nothing.
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    page.wait_for_selector('.live[data-state="polling"]')


def test_many_reads_with_an_ended_token_renew_it_once(
    page: Page, signed_in: Open, queue: str, watch: Watch
) -> None:
    watch.allow(" 401$")
    signed_in("/here")
    renewals: list[str] = []
    page.on("request", lambda it: renewals.append(it.url) if "auth/refresh" in it.url else None)
    page.evaluate("sessionStorage.setItem('spooled.access_token', 'eyJ.ended.token')")
    page.reload()

    page.keyboard.press("g")
    page.keyboard.press("h")

    expect(page.locator(f'tr[data-id="{queue}"]')).to_be_visible()
    page.wait_for_selector('.live[data-state="live"]')
    assert len(renewals) == 1
