"""One job: what was sent because of it, others like it, what it waits for, who acted on it."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, NOBODY, World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
QUEUE = "more"


@pytest.fixture
def world(api: httpx.Client) -> Iterator[World]:
    """An own queue, empty at the beginning; the webhooks of a test go with it."""
    world = World(api)
    yield world
    for made in world.made.values():
        api.delete(f"/outgoing-webhooks/{made['id']}")
    api.delete(f"/queues/{QUEUE}", params={"delete_jobs": "true"})


def hook(world: World, *events: str, name: str = "shop") -> None:
    body = {"name": name, "url": NOBODY, "events": events, "secret": "hush"}
    world.made[name] = world.post("/outgoing-webhooks", body)


def with_key(page: Page, server: ServerProcess, world: World, **limits: list[str]) -> None:
    """From the next address on the page is used with a key that may do less."""
    key = world.post("/api-keys", {"name": "less", **limits})["key"]
    tokens = httpx.post(f"{server.url}/api/v1/auth/login", json={"api_key": key}).json()
    for name in ("access_token", "refresh_token"):
        page.evaluate("([k, v]) => sessionStorage.setItem(k, v)", [f"spooled.{name}", tokens[name]])
    page.reload()
    page.wait_for_selector("main h1")


def test_what_webhooks_were_told_is_shown_and_sent_again(signed_in: Open, world: World) -> None:
    hook(world, "job.created", "job.completed", name=f"shop {HOSTILE}")
    job = world.job(QUEUE, completion_webhook=NOBODY)
    page = signed_in(f"/jobs/{job['id']}")
    table = page.get_by_role("table", name="Deliveries")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table).to_contain_text("shop <img")
    page.wait_for_selector('.live[data-state="live"]')

    [claimed] = world.claim(QUEUE)
    world.complete(claimed)

    rows = table.get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("job.created")
    expect(rows.filter(has_text="its completion webhook")).to_contain_text("job.completed")
    rows.nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("region", name="Sent body")).to_contain_text(job["id"])
    page.get_by_role("button", name="Close").click()
    rows.nth(1).get_by_role("button", name="Send").click()
    expect(page.locator(".toast")).to_contain_text("failed")
    completion = rows.filter(has_text="its completion webhook")
    with page.expect_response("**/deliveries/*/retry") as sent:
        completion.get_by_role("button", name="Send").click()
    assert sent.value.status == 200
    assert page.locator("main img").count() == 0


def test_others_like_it_are_counted_and_lead_to_their_group(signed_in: Open, world: World) -> None:
    for n in range(3):
        job = world.dead(QUEUE, f"HTTP 50{n} from 'api-{n}' (request 4f1a22{n}b)\nat line {n}")

    page = signed_in(f"/jobs/{job['id']}")

    like = page.get_by_role("link", name="2 more dead letters like it")
    expect(like).to_be_visible()
    group = world.api.get("/dashboard/errors", params={"queue": QUEUE}).json()[0]
    assert like.get_attribute("href") == f"#/dead?queue={QUEUE}&group={group['key']}"


def test_one_that_failed_and_waits_says_how_many_failed_like_it(
    signed_in: Open, world: World
) -> None:
    job = world.job(QUEUE)
    [claimed] = world.claim(QUEUE)
    world.fail(claimed, "no route to 10.0.0.1")

    page = signed_in(f"/jobs/{job['id']}")

    expect(page.get_by_text("1 attempt failed like it in the last hour")).to_be_visible()


def test_a_waiting_job_is_made_to_wait_for_another(
    signed_in: Open, world: World, watch: Watch
) -> None:
    watch.allow("/dependencies 4")
    parent, job = world.job(QUEUE), world.job(QUEUE)
    page = signed_in(f"/jobs/{job['id']}")
    expect(page.get_by_text("It waits for no other job")).to_be_visible()

    page.get_by_role("button", name="Wait for others").click()
    dialog = page.get_by_role("dialog")
    ids = dialog.get_by_label("Ids of the jobs")
    expect(ids).to_be_focused()
    ids.fill("00000000-0000-4000-8000-000000000000")
    dialog.get_by_role("button", name="Let it wait").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not found")
    ids.fill(f"{parent['id']}\n")
    dialog.get_by_role("button", name="Let it wait").click()

    family = page.locator(".panel", has_text="Parents and children")
    expect(family.get_by_role("link", name=parent["id"][:8])).to_be_visible()
    expect(page.locator(".why")).to_contain_text("waits for")
    expect(page.get_by_role("button", name="Wait for others")).to_be_focused()


def test_who_acted_on_it_is_told_when_it_is_asked_for(signed_in: Open, world: World) -> None:
    job = world.dead(QUEUE, "boom")
    page = signed_in(f"/jobs/{job['id']}")
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url) if "/acts" in it.url else None)
    page.keyboard.press("Shift+r")
    expect(page.locator(".lane")).to_contain_text("by ")
    assert asked == []

    page.get_by_text("Who did what to it").click()

    expect(page.locator("details", has_text="Who did what")).to_contain_text("retried it")


def test_a_key_without_the_words_is_told_which_it_lacks(
    signed_in: Open, server: ServerProcess, world: World
) -> None:
    job = world.job(QUEUE, completion_webhook=NOBODY)
    page = signed_in(f"/jobs/{job['id']}")

    with_key(page, server, world, permissions=["jobs:read"])

    expect(page.get_by_text("This key lacks webhooks:read")).to_be_visible()
    page.get_by_text("Who did what to it").click()
    expect(page.get_by_text("This key lacks organization:read")).to_be_visible()
    wait = page.get_by_role("button", name="Wait for others")
    expect(wait).to_have_attribute("aria-disabled", "true")
    expect(wait).to_have_attribute("title", "This key lacks jobs:write")


def test_a_running_job_offers_no_act_that_the_server_would_refuse(
    signed_in: Open, world: World
) -> None:
    job = world.job(QUEUE)
    world.claim(QUEUE)

    page = signed_in(f"/jobs/{job['id']}")

    expect(page.locator(".head").get_by_text("Processing")).to_be_visible()
    acts = page.locator(".head .acts")
    expect(acts.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Wait for others")).to_have_count(0)
