"""New jobs: one of a form, one made of another, many of pasted lines."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]
QUEUE: Final = "new"


@pytest.fixture
def world(api: httpx.Client) -> Iterator[World]:
    """An own queue, empty at the beginning."""
    yield World(api)
    api.delete(f"/queues/{QUEUE}", params={"delete_jobs": "true"})


def jobs_of(world: World) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = world.api.get("/jobs", params={"queue_name": QUEUE}).json()
    return rows


def test_a_job_is_made_of_what_was_filled_in(signed_in: Open, world: World) -> None:
    page = signed_in("/jobs/new")

    page.get_by_label("Queue", exact=True).fill(QUEUE)
    page.get_by_label("Type").fill("mail.send")
    page.get_by_label("Payload", exact=True).fill('{"big": 12345678901234567890}')
    page.get_by_label("Priority").fill("7")
    page.get_by_label("Tags").fill("tier=vip, region=eu")
    page.get_by_role("button", name="Create job").click()

    expect(page.get_by_role("region", name="Payload")).to_contain_text("12345678901234567890")
    [job] = jobs_of(world)
    assert (job["job_type"], job["priority"]) == ("mail.send", 7)
    assert job["tags"] == {"tier": "vip", "region": "eu"}


def test_a_job_is_edited_beside_the_last_that_went_well(signed_in: Open, world: World) -> None:
    world.job(QUEUE, "tax.file", payload={"rate": 19})
    [claimed] = world.claim(QUEUE)
    world.complete(claimed)
    dead = world.dead(QUEUE, "no rate", "tax.file")
    page = signed_in(f"/jobs/new?from={dead['id']}")
    difference = page.get_by_role("region", name="Differences against the original")
    expect(difference).to_contain_text("Nothing is different")

    page.get_by_role("button", name="The last completed of its type").click()

    name = f"Differences against the last completed, {claimed['id'][:8]}"
    difference = page.get_by_role("region", name=name)
    expect(difference.locator("del")).to_contain_text('"rate": 19')
    expect(difference.locator("ins")).to_contain_text('"customer_id": "cus_81"')
    page.goto(page.url.replace(dead["id"], claimed["id"]))
    expect(page.get_by_role("region", name="Differences against the original")).to_be_visible()
    expect(page.get_by_role("button", name="The last completed of its type")).to_have_count(0)


def test_what_is_no_json_is_not_sent(signed_in: Open, world: World) -> None:
    page = signed_in(f"/jobs/new?queue={QUEUE}")

    page.get_by_label("Payload", exact=True).fill('{"a": }')

    expect(page.get_by_text("Line 1, column 7")).to_be_visible()
    button = page.get_by_role("button", name="Create job")
    expect(button).to_have_attribute("title", "The payload is not JSON")
    button.click(force=True)
    assert jobs_of(world) == []


def test_the_payload_of_another_job_goes_on_to_the_byte(signed_in: Open, world: World) -> None:
    payload = '{"z": 1.50, "a": 12345678901234567890, "a": "\\u00e9"}'
    body = f'{{"queue_name": "{QUEUE}", "payload": {payload}}}'
    headers = {"Content-Type": "application/json"}
    made = world.api.post("/jobs", content=body, headers=headers).json()
    page = signed_in(f"/jobs/new?from={made['id']}")

    page.get_by_role("button", name="Run as new").click()

    expect(page.get_by_role("heading", level=1)).not_to_have_text("Edit and run as new")
    [copied] = [job for job in jobs_of(world) if job["id"] != made["id"]]
    assert payload in world.api.get(f"/jobs/{copied['id']}").text


def test_the_same_change_sent_twice_makes_one_job(signed_in: Open, world: World) -> None:
    made = world.job(QUEUE, payload={"to": HOSTILE})
    for _ in range(2):
        page = signed_in(f"/jobs/new?from={made['id']}")
        page.get_by_label("Payload", exact=True).fill('{"to": "b"}')
        differences = page.get_by_role("region", name="Differences against the original")
        expect(differences.locator("ins", has_text='"to": "b"')).to_be_visible()
        page.get_by_role("button", name="Run as new").click()
        page.wait_for_url("**/#/jobs/*-*")
        page.goto("about:blank")

    assert len(jobs_of(world)) == 2


def test_pasted_lines_are_sent_in_hundreds_and_refusals_named(
    signed_in: Open, world: World
) -> None:
    page = signed_in(f"/jobs/new?queue={QUEUE}")
    page.get_by_role("link", name="Paste many").click()
    sent: list[str] = []
    page.on("request", lambda it: sent.append(it.url) if it.url.endswith("/jobs/bulk") else None)

    page.get_by_label("a job, with").check()
    lines = [f'{{"payload": {{"n": {n}}}}}' for n in range(120)]
    lines[110] = '{"payload": {}, "priority": 900}'
    page.get_by_label("Lines of JSON").fill("\n".join(lines))
    page.get_by_role("button", name="Create 120 jobs").click()

    expect(page.get_by_text("119 jobs made, 1 refused")).to_be_visible()
    expect(page.get_by_text("Line 111:")).to_be_visible()
    assert len(sent) == 2
