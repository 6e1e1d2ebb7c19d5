"""Home: whether anything is wrong, in one look."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.dashboard.world import World

Open = Callable[[str], Page]


def test_the_numbers_are_those_of_the_api(signed_in: Open, world: World) -> None:
    stats = world.api.get("/jobs/stats").json()

    page = signed_in("/")

    tiles = page.get_by_role("navigation", name="Jobs by status")
    expect(tiles.get_by_role("link", name="Dead letters")).to_contain_text(str(stats["deadletter"]))
    expect(tiles.get_by_role("link", name="Processing")).to_contain_text(str(stats["processing"]))
    board = world.api.get("/dashboard/queues", params={"sort": "attention", "limit": 10}).json()
    names = page.locator("tr[data-id]").evaluate_all("rows => rows.map(it => it.dataset.id)")
    assert names == [it["queue_name"] for it in board]
    expect(page.locator('tr[data-id="reports"]')).to_contain_text("“warehouse is down”")


def test_a_queue_is_paused_at_once_and_undone(signed_in: Open, world: World) -> None:
    page = signed_in("/")

    page.get_by_role("button", name="Pause emails").click()

    expect(page.locator('tr[data-id="emails"]').get_by_text("Paused")).to_be_visible()
    assert world.api.get("/queues/emails").json()["paused"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Pause emails")).to_be_visible()
    assert not world.api.get("/queues/emails").json()["paused"]


def test_a_queue_is_paused_by_its_key_and_says_why(signed_in: Open, world: World) -> None:
    page = signed_in("/")
    row = page.locator('tr[data-id="hostile"]')
    row.focus()

    page.keyboard.press("p")
    row.get_by_role("button", name="say why").click()
    page.get_by_label("Why is hostile paused?").fill("<b>looking</b>")
    page.keyboard.press("Enter")

    expect(row).to_contain_text("“<b>looking</b>”")
    page.keyboard.press("p")
    expect(row.get_by_text("Paused")).to_be_hidden()


def test_the_first_sentence_names_the_worst(signed_in: Open, world: World) -> None:
    page = signed_in("/")

    verdict = page.get_by_role("region", name="Is anything wrong?")

    expect(verdict.locator("p").first).to_contain_text("charges is failing")
    verdict.get_by_role("link", name="charges is failing").click()
    page.wait_for_url("**/#/queues/charges")


def test_what_fails_now_is_there_by_its_error(signed_in: Open, world: World) -> None:
    page = signed_in("/")

    part = page.locator(".panel", has=page.get_by_role("heading", name="Failing now"))

    expect(part.get_by_role("listitem")).to_have_count(5)
    expect(part).to_contain_text("HTTP ? from https://api.pay.example")
    expect(part).to_contain_text("2 attempts in the last hour, 2 dead")


def test_what_others_do_is_seen_without_a_reload(signed_in: Open, world: World) -> None:
    page = signed_in("/")
    page.wait_for_selector('.live[data-state="live"]')

    world.post("/queues/etl/pause", {"reason": "migration"})

    expect(page.locator('tr[data-id="etl"]').get_by_text("migration")).to_be_visible()
    world.post("/queues/etl/resume", {})


def test_home_by_keys_alone(signed_in: Open, world: World) -> None:
    page = signed_in("/")
    expect(page.locator('tr[data-id="charges"]')).to_be_visible()

    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.dataset.id")

    assert focused == world.api.get("/dashboard/queues").json()[0]["queue_name"]
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_charts_of_the_hour_and_of_a_range_in_the_address(signed_in: Open, world: World) -> None:
    page = signed_in("/")
    charts = page.get_by_role("group", name="Attempts")
    expect(charts.first).to_be_visible()

    page.get_by_role("button", name="Range of the charts").click()
    with page.expect_response("**/dashboard/series?**") as answer:
        page.get_by_role("button", name="last 24 hours").click()

    page.wait_for_url("**/#/?range=24h")
    assert answer.value.json()["step_seconds"] > 60
