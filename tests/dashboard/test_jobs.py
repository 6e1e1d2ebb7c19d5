"""The list of jobs: filters, pages, live rows that stay, acts on several and on all that match."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.world import World

Open = Callable[[str], Page]


@pytest.fixture
def queue(api: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """A queue of one test, with its jobs gone at the end."""
    name = f"q{abs(hash(request.node.name))}"
    yield name
    api.delete(f"/queues/{name}", params={"delete_jobs": "true"})


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


def shown(page: Page) -> list[str]:
    """The ids of the rows, from above."""
    ids: list[str] = page.evaluate(
        "[...document.querySelectorAll('tr[data-id]')].map(it => it.dataset.id)"
    )
    return ids


def row(page: Page, job_id: str) -> object:
    return page.locator(f'tr[data-id="{job_id}"]')


def wait_for_rows(page: Page, count: int) -> None:
    page.wait_for_function("n => document.querySelectorAll('tr[data-id]').length === n", arg=count)


def wait_live(page: Page) -> None:
    page.wait_for_selector('.live[data-state="live"]')


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("status=deadletter", {"status": "deadletter"}),
        ("status=cancelled", {"status": "cancelled"}),
        ("type=report.daily", {"job_type": "report.daily"}),
        ("tag=vip", {"tag": "vip"}),
        ("range=1h", {}),
        ("status=retrying", {"state": "retrying"}),
        ("status=blocked", {"state": "blocked"}),
        ("worker=worker-1", {"worker_id": "worker-1"}),
    ],
)
def test_a_filter_shows_what_the_api_lists(
    signed_in: Open, world: World, queue: str, address: str, query: dict[str, str]
) -> None:
    dead = world.dead(queue, "boom")
    cancelled = world.job(queue, "report.daily", tags={"tier": "vip"})
    world.api.delete(f"/jobs/{cancelled['id']}")
    world.job(queue)

    page = signed_in(f"/jobs?queue={queue}&{address}")

    expected = [
        it["id"] for it in world.api.get("/jobs", params={"queue_name": queue, **query}).json()
    ]
    if expected:
        wait_for_rows(page, len(expected))
        assert shown(page) == expected
    else:
        expect(page.get_by_text("fit these filters")).to_be_visible()
    assert dead["id"]


def test_filters_are_steps_back(signed_in: Open, world: World, queue: str) -> None:
    world.job(queue)
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)

    page.get_by_role("button", name="Completed").click()
    expect(page.get_by_text("fit these filters")).to_be_visible()
    page.go_back()

    wait_for_rows(page, 1)
    expect(page.get_by_role("button", name="All 1")).to_have_attribute("aria-pressed", "true")


def test_pages_neither_lose_nor_double_jobs_of_one_moment(
    signed_in: Open, world: World, queue: str
) -> None:
    for _ in range(3):
        world.post("/jobs/bulk", {"queue_name": queue, "jobs": [{"payload": {}}] * 85})
    page = signed_in(f"/jobs?queue={queue}")

    page.get_by_role("button", name="100 shown. More").click()
    page.get_by_role("button", name="200 shown. More").click()

    expect(page.locator("table")).to_have_attribute("aria-rowcount", "256")
    first = shown(page)
    page.mouse.wheel(0, 100_000)
    page.wait_for_function("id => !document.querySelector(`tr[data-id='${id}']`)", arg=first[0])
    assert len(first) < 200
    assert len({*first, *shown(page)}) > len(first)


def test_newer_jobs_wait_behind_a_button(signed_in: Open, world: World, queue: str) -> None:
    old = world.job(queue)["id"]
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)
    wait_live(page)

    new = world.job(queue)["id"]

    expect(page.get_by_role("button", name="1 newer job")).to_be_visible()
    assert shown(page) == [old]
    page.keyboard.press(".")
    wait_for_rows(page, 2)
    assert shown(page) == [new, old]


def test_newer_jobs_are_counted_to_a_thousand(
    signed_in: Open, api: httpx.Client, world: World, queue: str
) -> None:
    world.job(queue)
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)
    wait_live(page)

    for _ in range(11):
        api.post("/jobs/bulk", json={"queue_name": queue, "jobs": [{"payload": {}}] * 100})

    expect(page.get_by_role("button", name="1,000+ newer jobs")).to_be_visible()


def test_a_row_that_leaves_the_filter_stays_and_says_so(
    signed_in: Open, world: World, queue: str
) -> None:
    job = world.job(queue)["id"]
    page = signed_in(f"/jobs?queue={queue}&status=pending")
    wait_for_rows(page, 1)
    wait_live(page)

    [claimed] = world.claim(queue)
    world.complete(claimed)

    expect(page.locator("tr.moved").get_by_text("now completed")).to_be_visible()
    assert shown(page) == [job]


def test_nothing_changes_while_it_is_held(signed_in: Open, world: World, queue: str) -> None:
    world.job(queue)
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)
    wait_live(page)
    page.keyboard.press("z")

    world.claim(queue)

    expect(page.get_by_text("Held", exact=True)).to_be_visible()
    page.wait_for_timeout(700)
    expect(page.get_by_text("Processing", exact=True)).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator("tr[data-id]").get_by_text("Processing")).to_be_visible()


def test_dead_letters_selected_by_keys_go_back(signed_in: Open, world: World, queue: str) -> None:
    dead = {world.dead(queue, "boom")["id"] for _ in range(3)}
    page = signed_in(f"/jobs?queue={queue}&status=deadletter")
    wait_for_rows(page, 3)

    for key in ("j", "x", "j", "x", "Shift+r"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Retry 2 jobs?")).to_be_visible()
    page.get_by_role("button", name="Retry 2 jobs").click()

    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    after = [world.api.get(f"/jobs/{each}").json()["status"] for each in dead]
    assert sorted(after) == ["deadletter", "pending", "pending"]


def test_all_that_match_are_counted_first_and_later_ones_left_out(
    signed_in: Open, world: World, queue: str
) -> None:
    dead = [world.dead(queue, "boom")["id"] for _ in range(3)]
    page = signed_in(f"/jobs?queue={queue}&status=deadletter")
    wait_for_rows(page, 3)
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="choose").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name="Retry 3 jobs?")).to_be_visible()

    late = world.dead(queue, "boom")["id"]
    page.get_by_role("button", name="Retry 3 jobs").click()

    expect(page.get_by_text("3 of 3 done")).to_be_visible()
    assert world.api.get(f"/jobs/{late}").json()["status"] == "deadletter"
    assert {world.api.get(f"/jobs/{each}").json()["status"] for each in dead} == {"pending"}


def test_what_a_worker_holds_is_no_filter_to_act_on(
    signed_in: Open, world: World, queue: str
) -> None:
    world.job(queue)
    world.claim(queue, worker="holder")
    page = signed_in(f"/jobs?queue={queue}&worker=holder")
    wait_for_rows(page, 1)

    page.get_by_label("Select all shown").check()

    selection = page.get_by_role("region", name="Selection")
    expect(selection.get_by_role("button", name="Retry")).to_be_visible()
    expect(selection.get_by_role("button", name="choose")).to_have_count(0)


def test_one_goes_first_and_tells_how_it_fared(signed_in: Open, world: World, queue: str) -> None:
    for _ in range(2):
        world.dead(queue, "boom")
    page = signed_in(f"/jobs?queue={queue}&status=deadletter")
    wait_for_rows(page, 2)
    page.get_by_label("Select all shown").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Retry").click()

    with page.expect_response("**/jobs/actions"):
        page.get_by_role("button", name="Retry 1 first").click()
    expect(page.get_by_role("dialog").get_by_text("Pending")).to_be_visible()
    [claimed] = world.claim(queue)
    world.complete(claimed)

    expect(page.get_by_text("It went well.")).to_be_visible()
    page.get_by_role("button", name="Retry 2 jobs").click()
    expect(page.get_by_text("1 of 2 done")).to_be_visible()


def test_deleting_asks_for_the_number(signed_in: Open, world: World, queue: str) -> None:
    job = world.dead(queue, "boom")["id"]
    page = signed_in(f"/jobs?queue={queue}&status=deadletter")
    wait_for_rows(page, 1)
    page.get_by_label("Select all shown").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Delete").click()
    sure = page.get_by_role("button", name="Delete 1 job")
    expect(sure).to_be_disabled()

    page.get_by_label("Type 1 to go on").fill("1")
    sure.click()

    expect(page.get_by_text("1 of 1 done")).to_be_visible()
    assert world.api.get(f"/jobs/{job}").status_code == 404


def test_what_the_key_may_not_do_names_the_missing_word(
    signed_in: Open, world: World, queue: str, page: Page, api: httpx.Client
) -> None:
    world.job(queue)
    key = world.post("/api-keys", {"name": "reader", "permissions": ["jobs:read"]})
    tokens = httpx.post(f"{api.base_url}auth/login", json={"api_key": key["key"]}).json()
    page.add_init_script(
        f"sessionStorage.setItem('spooled.access_token', {tokens['access_token']!r})"
    )

    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)
    page.get_by_label("Select all shown").check()

    retry = page.get_by_role("region", name="Selection").get_by_role("button", name="Retry")
    expect(retry).to_have_attribute("aria-disabled", "true")
    expect(retry).to_have_attribute("title", "This key lacks jobs:write")


def test_all_that_match_are_exported(signed_in: Open, world: World, queue: str) -> None:
    for _ in range(3):
        world.post("/jobs/bulk", {"queue_name": queue, "jobs": [{"payload": {}}] * 70})
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 100)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()

    lines = download.value.path().read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 210
    assert download.value.suggested_filename == "jobs.jsonl"


def test_the_reader_chooses_the_columns_and_they_stay_chosen(
    signed_in: Open, world: World, queue: str
) -> None:
    world.job(queue)
    page = signed_in(f"/jobs?queue={queue}")
    wait_for_rows(page, 1)
    heads = page.locator("thead")
    expect(heads).to_contain_text("Prio")

    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Prio").click()

    expect(heads).not_to_contain_text("Prio")
    page.reload()
    wait_for_rows(page, 1)
    expect(heads).not_to_contain_text("Prio")
    expect(heads).to_contain_text("Created")


def test_a_link_can_name_the_times_that_are_shown_now(
    signed_in: Open, world: World, queue: str
) -> None:
    job = world.job(queue)["id"]
    page = signed_in(f"/jobs?queue={queue}&range=1h")
    wait_for_rows(page, 1)

    page.get_by_role("button", name="As curl").click()
    address = page.get_by_role("region", name="The same with these times, also later").inner_text()
    page.keyboard.press("Escape")
    world.job(queue)
    page.goto("about:blank")
    page.goto(address)

    wait_for_rows(page, 1)
    assert shown(page) == [job]
