"""Tasks and their runs: defined, changed, run, found by state, cancelled; a run as a job; seen live."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]


@pytest.fixture
def task(api: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A task of the test's own, with one attempt."""
    name: str = request.node.name.removeprefix("test_")[:40]
    api.put(f"/tasks/{name}", json={"max_retries": 0}).raise_for_status()
    return name


def run(api: httpx.Client, task: str, given: Any = 1, **fields: Any) -> str:
    made = World(api).post(f"/tasks/{task}/runs", {"input": given, **fields})
    run_id: str = made["id"]
    return run_id


def test_a_task_is_defined_changed_and_put_back(
    signed_in: Open, api: httpx.Client, watch: Watch
) -> None:
    page = signed_in("/")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.get_by_role("button", name="New task").first.click()
    dialog = page.get_by_role("dialog")
    create = dialog.get_by_role("button", name="Create")
    dialog.get_by_label("Name").fill("Charge")
    expect(create).to_have_attribute("title", "Type a name first: small letters, digits and _")
    dialog.get_by_label("Name").fill("charge_card")
    dialog.get_by_label("Queue").fill("payments")
    dialog.get_by_label("Time-out in seconds").fill("20")
    dialog.get_by_label("Condition").fill("input.amount above 0")
    watch.allow("tasks 400")
    create.click()
    expect(dialog.get_by_role("alert")).to_contain_text("condition")
    dialog.get_by_label("Condition").fill("input.amount gt 0")
    dialog.get_by_label("When it fails").fill(
        '{"backoff": {"strategy": "linear", "base_delay_ms": 500},'
        ' "circuit_breaker": {"failure_threshold": 5, "open_timeout_ms": 30000}, "on_fail": {}}'
    )
    create.click()

    expect(page.locator("h1")).to_have_text("charge_card")
    facts = page.locator(".facts").first
    for text in ("500 ms, each time as much more", "opens after 5 failures in a row, for 30 s"):
        expect(facts).to_contain_text(text)
    expect(facts).to_contain_text("a job in charge_card_on_fail")
    page.keyboard.press("e")
    dialog.get_by_label("Retries").fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".toast").last).to_contain_text("charge_card is saved")
    assert api.get("/tasks/charge_card").json()["max_retries"] == 7
    page.get_by_role("button", name="Undo").click()
    expect(facts).to_contain_text("Revision3")
    kept = api.get("/tasks/charge_card").json()
    assert (kept["max_retries"], kept["timeout_ms"], kept["queue_name"]) == (2, 20_000, "payments")
    assert kept["condition"] == "input.amount gt 0"


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(
    signed_in: Open, api: httpx.Client, watch: Watch, task: str
) -> None:
    page = signed_in(f"/tasks/{task}")
    page.get_by_role("button", name="Change").click()
    api.put(f"/tasks/{task}", json={"description": "theirs"}).raise_for_status()
    page.get_by_role("dialog").get_by_label("Description").fill("mine")
    watch.allow("tasks.* 412")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    assert api.get(f"/tasks/{task}").json()["description"] == "theirs"


def test_a_run_is_started_and_seen_to_its_end(
    signed_in: Open, api: httpx.Client, task: str
) -> None:
    page = signed_in(f"/tasks/{task}")
    expect(page.get_by_role("heading", name="It has not been run")).to_be_visible()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Input").fill('{"amount": 12345678901234567890, "token": "hush"}')
    dialog.get_by_label("Headers").fill('{"trace": "t-9"}')
    dialog.get_by_label("Key").fill("order-7")
    dialog.get_by_role("button", name="Run", exact=True).click()

    row = page.locator("tr[data-id]")
    expect(row).to_contain_text("Queued")
    expect(row).to_contain_text("12345678901234567890")
    expect(row).not_to_contain_text("hush")
    page.keyboard.press("n")
    dialog.get_by_label("Key").fill("order-7")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".toast").last).to_contain_text("Not stored")
    page.wait_for_selector('.live[data-state="live"]')
    [claimed] = World(api).claim(task)
    expect(row).to_contain_text("Started")
    World(api).complete(claimed, [5])
    expect(row).to_contain_text("Completed")

    row.get_by_role("link").click()
    expect(page.locator(".head")).to_contain_text(f"run of {task}")
    expect(page.get_by_role("region", name="Input")).to_contain_text("12345678901234567890")
    expect(page.get_by_role("region", name="Headers")).to_contain_text("t-9")
    expect(page.get_by_role("region", name="Output")).to_contain_text("5")
    expect(page.locator(".facts")).to_contain_text("order-7")
    page.get_by_role("button", name="Run again…").click()
    expect(dialog.get_by_label("Input")).to_have_value(
        '{\n  "amount": 12345678901234567890,\n  "token": "hush"\n}'
    )
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".head")).to_contain_text("Pending")


def test_runs_are_found_by_state_and_say_how_they_went(
    signed_in: Open, api: httpx.Client, task: str
) -> None:
    api.put(f"/tasks/{task}", json={"max_retries": 0, "condition": "input gt 0"}).raise_for_status()
    skipped, failed = run(api, task, 0), run(api, task, 1)
    [claimed] = World(api).claim(task)
    World(api).fail(claimed, "card refused")
    canceled = run(api, task, 2)
    World(api).post(f"/tasks/{task}/runs/{canceled}/cancel", {"reason": "ordered twice"})
    page = signed_in(f"/tasks/{task}")
    expect(page.locator(f'tr[data-id="{failed}"]')).to_contain_text("card refused")
    expect(page.locator(f'tr[data-id="{canceled}"]')).to_contain_text("ordered twice")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(3)

    page.get_by_role("button", name="Skipped 1").click()
    expect(rows).to_have_count(1)
    expect(page.locator(f'tr[data-id="{skipped}"]')).to_be_visible()
    page.get_by_role("button", name="Expired").click()
    expect(page.get_by_text("No runs fit these filters")).to_be_visible()


def test_runs_are_cancelled_with_a_reason_also_those_that_a_worker_has(
    signed_in: Open, api: httpx.Client, task: str
) -> None:
    ids = [run(api, task, n) for n in range(3)]
    [claimed] = World(api).claim(task)
    page = signed_in(f"/tasks/{task}")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(3)

    page.keyboard.press("*")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_label("Why").fill("ordered twice")
    page.get_by_role("dialog").get_by_role("button", name="Cancel 3 runs").click()

    expect(page.locator(".toast").last).to_contain_text("3 runs cancelled")
    expect(rows.get_by_text("Canceled")).to_have_count(3)
    for each in ids:
        assert api.get(f"/jobs/{each}").json()["cancel_reason"] == "ordered twice"
    body = {"worker_id": "worker-1", "lease_id": claimed["lease_id"]}
    assert api.post(f"/jobs/{claimed['id']}/complete", json=body).status_code == 409


def test_a_running_job_is_stopped_from_its_page(signed_in: Open, api: httpx.Client) -> None:
    made = World(api).job("stopping")
    World(api).claim("stopping")
    page = signed_in(f"/jobs/{made['id']}")

    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("dialog").get_by_label("Why").fill("runs away")
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()

    expect(page.locator(".head")).to_contain_text("Cancelled")
    expect(page.locator(".facts")).to_contain_text("runs away")
    assert api.get(f"/jobs/{made['id']}").json()["status"] == "cancelled"


def test_a_task_is_deleted_after_its_name_was_typed(
    signed_in: Open, api: httpx.Client, task: str
) -> None:
    run(api, task)
    page = signed_in(f"/tasks/{task}")
    page.get_by_role("button", name="Delete…").click()
    delete = page.get_by_role("button", name="Delete task")
    expect(delete).to_have_attribute("title", f"Type {task} first")
    page.get_by_role("dialog").get_by_role("textbox").fill(task)
    delete.click()

    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    assert api.get(f"/tasks/{task}").status_code == 404


def test_what_a_key_may_not_do_names_the_word_and_an_unknown_task_is_told(
    signed_in: Open, api: httpx.Client, page: Page, watch: Watch, task: str
) -> None:
    me = {**api.get("/auth/me").json(), "permissions": ["jobs:read"]}
    page.route("**/auth/me", lambda route: route.fulfill(json=me))
    page = signed_in(f"/tasks/{task}")
    for name in ("Run…", "Change", "Delete…"):
        expect(page.get_by_role("button", name=name)).to_have_attribute(
            "title", "This key lacks jobs:write"
        )

    watch.allow("tasks/nobody.* 404")
    page = signed_in("/tasks/nobody")

    expect(page.get_by_text("This task is not here")).to_be_visible()


def test_texts_of_others_are_text(signed_in: Open, api: httpx.Client, task: str) -> None:
    api.put(f"/tasks/{task}", json={"description": HOSTILE}).raise_for_status()
    run(api, task, HOSTILE, concurrency_key=HOSTILE, headers={HOSTILE: HOSTILE})

    page = signed_in(f"/tasks/{task}")
    expect(page.locator("tr[data-id]")).to_contain_text("<img src=x")
    expect(page.locator("main")).to_contain_text("onerror=alert(1)")
    expect(page.locator("main img")).to_have_count(0)
    page = signed_in("/tasks")
    row = page.locator(f'tr[data-id="{task}"]')
    expect(row).to_contain_text("1 waiting")
    row.get_by_role("button", name=f"Run {task}").click()

    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Run {task}")


def test_an_open_breaker_is_told_on_the_page_of_its_queue_and_of_a_job(
    signed_in: Open, api: httpx.Client
) -> None:
    world = World(api)
    breaker = {"circuit_breaker": {"failure_threshold": 1, "open_timeout_ms": 600_000}}
    world.dead("breaking", "boom")
    api.put("/queues/breaking/config", json=breaker).raise_for_status()
    world.job("breaking", max_retries=0)
    [claimed] = world.claim("breaking")
    world.fail(claimed, "boom")
    waiting = world.job("breaking")

    page = signed_in("/queues/breaking")
    expect(page.locator(".head")).to_contain_text("breaker Open, lets one through in 9 min")
    page = signed_in(f"/jobs/{waiting['id']}")

    expect(page.locator(".why")).to_contain_text("a breaker is open after 1 failure")


def test_a_task_is_scheduled_and_says_by_what_it_is(
    signed_in: Open, api: httpx.Client, task: str
) -> None:
    page = signed_in(f"/tasks/{task}")
    page.get_by_role("link", name="make one").click()
    expect(page.get_by_label("Task")).to_have_value(task)
    page.get_by_label("Name").fill("nightly charge")
    page.get_by_label("Input of its runs").fill('{"amount": 2}')
    page.get_by_role("button", name="Create schedule").click()
    expect(page.locator(".facts").get_by_role("link", name=task)).to_have_count(2)
    expect(page.get_by_role("region", name="Payload")).to_contain_text('"amount": 2')
    [made] = api.get("/schedules", params={"target_type": "task"}).json()
    assert (made["task_name"], made["input"]) == (task, {"amount": 2})
    page.get_by_role("button", name="Run nightly charge now").click()
    expect(page.get_by_text("Made a run")).to_be_visible()

    page.locator(".facts").get_by_role("link", name=task).first.click()
    expect(page.locator(".facts").get_by_role("link", name="nightly charge")).to_be_visible()
    expect(page.locator("tr[data-id]")).to_contain_text("Queued")
