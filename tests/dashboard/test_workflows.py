"""Workflows: their steps by keyboard, a thousand of them, what is live, retry, both cancels."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import WATCH_TASKS, Watch
from tests.dashboard.world import World

Open = Callable[[str], Page]
QUEUE: Final = "flow"
TASK_MS_MAX: Final = 100
SLOWER_MAX: Final = 5  # than an idle machine, while others use this one
DRAWN: Final = 524  # of a thousand: the chain, the ends, and twelve of each fold

# Twelve steps: three, that meet, part and meet again.
TWELVE: Final[Sequence[tuple[str, list[str]]]] = (
    ("extract-eu", []),
    ("extract-us", []),
    ("extract-apac", []),
    ("clean", ["extract-eu", "extract-us", "extract-apac"]),
    ("dedupe", ["clean"]),
    ("enrich", ["dedupe"]),
    ("geo", ["dedupe"]),
    ("score", ["dedupe"]),
    ("report", ["enrich", "geo", "score"]),
    ("notify", ["report"]),
    ("archive", ["report"]),
    ("done", ["notify", "archive"]),
)


@pytest.fixture
def world(api: httpx.Client) -> Iterator[World]:
    yield World(api)
    api.delete(f"/queues/{QUEUE}", params={"delete_jobs": "true"})


def workflow(
    world: World, steps: Sequence[tuple[str, list[str]]], name: str = "etl", **fields: Any
) -> str:
    """A new one; its id."""
    jobs = [
        {"key": key, "queue_name": QUEUE, "payload": {}, "depends_on": parents, **fields}
        for key, parents in steps
    ]
    made: str = world.post("/workflows", {"name": name, "jobs": jobs})["workflow_id"]
    return made


def statuses(world: World, workflow_id: str) -> dict[str, str]:
    rows = world.api.get(f"/workflows/{workflow_id}/jobs/status").json()
    return {row["key"]: row["status"] for row in rows}


def failed(world: World) -> str:
    """A workflow of two steps whose first has failed; its id."""
    made = workflow(world, [("first", []), ("second", ["first"])], max_retries=0)
    [claimed] = world.claim(QUEUE)
    world.fail(claimed, "boom")
    return made


def step(page: Page, name: str) -> Any:
    return page.locator(".graph a.node", has=page.locator(f'text="{name}"'))


def test_twelve_steps_are_walked_by_keyboard(signed_in: Open, world: World) -> None:
    page = signed_in(f"/workflows/{workflow(world, TWELVE)}")
    expect(page.locator(".graph a.node")).to_have_count(12)

    step(page, "extract-us").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    reached = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")

    assert reached.split(":")[0] in {"geo", "score", "enrich"}
    assert "waits for dedupe" in reached
    expect(page.get_by_role("region", name="Step")).to_contain_text("Waits for1 step")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Step")).to_have_count(0)


def test_a_thousand_steps_hold_the_page_up_in_no_task(signed_in: Open, world: World) -> None:
    wide = [(f"part-{n}", ["begin"]) for n in range(500)]
    deep = [(f"link-{n}", [f"link-{n - 1}" if n else "begin"]) for n in range(498)]
    steps = [("begin", []), *wide, *deep, ("end", [name for name, _ in wide[:100]])]
    made = workflow(world, steps, name="thousand")
    page = signed_in("/workflows")
    page.get_by_role("link", name="thousand").wait_for()
    page.evaluate(WATCH_TASKS)

    page.evaluate("id => { location.hash = `#/workflows/${id}` }", made)

    expect(page.locator(".graph a.node")).to_have_count(DRAWN)
    assert page.evaluate("longest") < TASK_MS_MAX * SLOWER_MAX


def test_steps_alike_are_shown_a_hundred_at_a_time(signed_in: Open, world: World) -> None:
    made = workflow(world, [("begin", []), *((f"part-{n}", ["begin"]) for n in range(999))])
    page = signed_in(f"/workflows/{made}")
    nodes, more = page.locator(".graph a.node"), page.locator(".graph a.node.more")
    expect(nodes).to_have_count(13)
    page.evaluate(WATCH_TASKS)

    more.press("Enter")

    expect(nodes).to_have_count(113)
    expect(more).to_have_accessible_name("888 more like these: show 100 of them")
    expect(page.locator(".graph a.node:focus")).to_have_count(1)
    assert page.evaluate("longest") < TASK_MS_MAX * SLOWER_MAX


def test_its_steps_are_followed_while_they_run(signed_in: Open, world: World) -> None:
    made = workflow(world, [("first", []), ("second", ["first"])])
    page = signed_in(f"/workflows/{made}")
    page.wait_for_selector('.live[data-state="live"]')
    expect(step(page, "second")).to_have_attribute("data-s", "blocked")

    [claimed] = world.claim(QUEUE)
    expect(step(page, "first")).to_have_attribute("data-s", "processing")
    world.complete(claimed)
    expect(step(page, "first")).to_have_attribute("data-s", "completed")
    expect(step(page, "second")).to_have_attribute("data-s", "pending")
    [claimed] = world.claim(QUEUE)
    world.complete(claimed)

    expect(page.locator(".head")).to_contain_text("2 of 2 steps done")
    expect(page.locator(".head").get_by_text("Completed")).to_be_visible()


def test_a_failed_step_is_retried_beside_what_it_waited_for(signed_in: Open, world: World) -> None:
    made = failed(world)
    page = signed_in(f"/workflows/{made}?step=first")
    expect(page.get_by_role("region", name="Error")).to_contain_text("boom")

    page.get_by_role("button", name="Retry step").click()

    expect(page.locator(".toast")).to_contain_text("first is back")
    expect(page.locator(".head").get_by_text("Running")).to_be_visible()
    assert statuses(world, made) == {"first": "pending", "second": "pending"}


def test_all_failed_steps_are_retried_by_one_key(signed_in: Open, world: World) -> None:
    made = failed(world)
    page = signed_in(f"/workflows/{made}")
    page.get_by_role("button", name="Retry failed").wait_for()

    page.keyboard.press("Shift+r")

    expect(page.locator(".head").get_by_text("Running")).to_be_visible()
    assert statuses(world, made) == {"first": "pending", "second": "pending"}


def test_what_runs_again_is_named_before_it_does(signed_in: Open, world: World) -> None:
    made = workflow(world, [("first", []), ("second", ["first"]), ("third", ["second"])])
    for _ in range(3):
        [claimed] = world.claim(QUEUE)
        world.complete(claimed)
    page = signed_in(f"/workflows/{made}?step=second")

    page.get_by_role("button", name="Run again from here…").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("second, third: they start over")
    assert set(statuses(world, made).values()) == {"completed"}
    dialog.get_by_role("button", name="Run again 2 steps").click()

    expect(dialog).to_contain_text("2 of 2 done")
    assert statuses(world, made) == {"first": "completed", "second": "pending", "third": "pending"}


@pytest.mark.parametrize(
    ("answer", "is_told"), [("Cancel what waits", False), ("Cancel, stop what runs", True)]
)
def test_cancelling_lets_what_runs_go_on_or_stops_it(
    signed_in: Open, world: World, answer: str, is_told: bool
) -> None:
    made = workflow(world, [("first", []), ("second", ["first"])])
    [claimed] = world.claim(QUEUE)
    page = signed_in(f"/workflows/{made}")

    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    expect(page.locator("dialog")).to_contain_text("1 step that waits is cancelled")
    page.get_by_role("button", name=answer).click()

    expect(page.locator(".head").get_by_text("Cancelled")).to_be_visible()
    assert statuses(world, made) == {"first": "processing", "second": "cancelled"}
    beat = world.api.post(
        f"/jobs/{claimed['id']}/heartbeat",
        json={"worker_id": "worker-1", "lease_id": claimed["lease_id"], "lease_duration_secs": 30},
    )
    assert (beat.status_code >= 400 or "cancel" in beat.text) is is_told


def test_a_copy_keeps_what_waits_for_what_and_every_digit(signed_in: Open, world: World) -> None:
    big = 12345678901234567890
    jobs = [
        {"key": "a", "queue_name": QUEUE, "payload": {"n": big}},
        {"key": "b", "queue_name": QUEUE, "payload": [], "depends_on": ["a"], "priority": 7},
    ]
    made = world.post("/workflows", {"name": "original", "jobs": jobs})["workflow_id"]
    page = signed_in(f"/workflows/{made}")

    page.get_by_role("button", name="Copy as new").click()
    page.get_by_role("button", name="Create workflow").click()

    page.wait_for_function("id => !location.hash.includes(id)", arg=made)
    copy = world.api.get(f"/workflows/{page.url.rpartition('/')[2]}").json()
    first, second = copy["jobs"]
    assert (copy["name"], first["payload"], second["priority"]) == ("original", {"n": big}, 7)
    assert second["depends_on"] == [first["id"]]


def test_deleting_a_finished_one_asks_first(signed_in: Open, world: World) -> None:
    made = failed(world)
    page = signed_in(f"/workflows/{made}")

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete workflow").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Workflows")
    assert world.api.get(f"/workflows/{made}").status_code == 404


def test_steps_are_found_by_name_and_completed_ones_hidden(signed_in: Open, world: World) -> None:
    made = workflow(world, TWELVE)
    [claimed] = world.claim(QUEUE)
    world.complete(claimed)
    page = signed_in(f"/workflows/{made}?view=list")
    expect(page.locator(".steps li")).to_have_count(12)

    page.get_by_label("Hide completed").check()
    expect(page.locator(".steps li")).to_have_count(11)
    page.get_by_label("Find a step").fill("extract")

    expect(page.locator(".steps li")).to_have_count(2)


def test_a_filter_shows_the_workflows_of_that_status(signed_in: Open, world: World) -> None:
    made = failed(world)
    page = signed_in("/workflows?status=failed")

    expect(page.locator(f'tr[data-id="{made}"]')).to_contain_text("1 failed")
    world.post(f"/workflows/{made}/retry", {})
    page.keyboard.press("r")
    expect(page.locator(f'tr[data-id="{made}"]')).to_have_count(0)


def test_one_that_is_not_there_says_so(signed_in: Open, watch: Watch) -> None:
    watch.allow(" 404$")

    page = signed_in("/workflows/00000000-0000-4000-8000-000000000000")

    expect(page.get_by_text("This workflow is not here")).to_be_visible()
