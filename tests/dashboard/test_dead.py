"""Dead letters by error: groups, what is done with one, with an error, with all; and how it stays live."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]
HTTP, SLOW = "HTTP 503 from api", "TimeoutError: longer than 30 s"


@pytest.fixture
def queue(api: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """A queue of one test, with its jobs gone at the end."""
    name = f"q{abs(hash(request.node.name))}"
    yield name
    api.delete(f"/queues/{name}", params={"delete_jobs": "true"})


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


def key_of(world: World, queue: str, title: str) -> str:
    rows = world.api.get("/dashboard/errors", params={"queue": queue}).json()
    [key] = [row["key"] for row in rows if row["title"] == title]
    return str(key)


def at_group(signed_in: Open, world: World, queue: str, title: str = "HTTP ? from api") -> Page:
    page = signed_in(f"/dead?queue={queue}&group={key_of(world, queue, title)}")
    page.wait_for_selector("tr[data-id]")
    return page


def group(page: Page, title: str = "HTTP ? from api") -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def wait_live(page: Page) -> None:
    page.wait_for_selector('.live[data-state="live"]')


def statuses(world: World, queue: str) -> list[str]:
    rows = world.api.get("/jobs", params={"queue_name": queue}).json()
    return sorted(row["status"] for row in rows)


def test_errors_are_counted_and_one_is_opened_and_closed(
    signed_in: Open, world: World, queue: str
) -> None:
    first = world.dead(queue, HTTP)
    for error in (HTTP, SLOW, HOSTILE):
        world.dead(queue, error)

    page = signed_in(f"/dead?queue={queue}")

    expect(page.get_by_text("4 in 3 groups")).to_be_visible()
    expect(group(page).locator("header b")).to_have_text("2")
    expect(page.get_by_text("<img src=x onerror=alert(?)>\\u202eevil\\u200b")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(group(page).get_by_role("link", name=first["id"][:8])).to_be_visible()
    expect(page.locator("tr[data-id]")).to_have_count(2)
    assert f"group={key_of(world, queue, 'HTTP ? from api')}" in page.url
    page.go_back()
    expect(page.locator("tr[data-id]")).to_have_count(0)
    expect(page.get_by_role("button", name="HTTP ? from api", exact=True)).to_have_attribute(
        "aria-expanded", "false"
    )


def test_one_goes_back_at_once_and_its_row_stays(signed_in: Open, world: World, queue: str) -> None:
    for _ in range(2):
        job = world.dead(queue, HTTP)
    page = at_group(signed_in, world, queue)
    wait_live(page)

    page.get_by_role("button", name=f"Retry {job['id'][:8]}").click()

    row = page.locator(f'tr[data-id="{job["id"]}"]')
    expect(row.get_by_text("now pending")).to_be_visible()
    expect(group(page).locator("header b")).to_have_text("1")
    [claimed] = world.claim(queue)
    expect(row.get_by_text("now processing")).to_be_visible()
    world.complete(claimed)
    expect(row.get_by_text("now completed")).to_be_visible()
    expect(group(page).get_by_text("1 of 1 retried since completed")).to_be_visible(timeout=30_000)
    assert page.locator("tr[data-id]").count() == 2


def test_of_an_error_one_goes_first_and_the_rest_follow(
    signed_in: Open, world: World, queue: str
) -> None:
    for error in (HTTP, HTTP, HTTP, SLOW):
        world.dead(queue, error)
    page = at_group(signed_in, world, queue)

    group(page).get_by_role("button", name="Retry 3…").click()
    expect(page.get_by_role("heading", name="Retry 3 dead letters?")).to_be_visible()
    with page.expect_response("**/jobs/actions"):
        page.get_by_role("button", name="Retry 1 first").click()
    expect(page.get_by_role("dialog").get_by_text("Pending")).to_be_visible()
    [claimed] = world.claim(queue)
    world.complete(claimed)
    expect(page.get_by_text("It went well.")).to_be_visible()
    page.get_by_role("button", name="Retry 3 jobs").click()

    expect(page.get_by_text("2 of 3 done")).to_be_visible()
    assert statuses(world, queue) == ["completed", "deadletter", "pending", "pending"]
    page.get_by_role("button", name="Close").click()
    expect(group(page).get_by_role("button", name="Retry…")).to_have_attribute(
        "title", "None are left"
    )


def test_a_retry_of_many_can_be_stopped_half_way(signed_in: Open, world: World, queue: str) -> None:
    for _ in range(3):
        world.dead(queue, HTTP)
    page = signed_in(f"/dead?queue={queue}")
    calls: list[Any] = []

    def act(route: Route) -> None:
        body: Any = route.request.post_data_json
        if body["dry_run"]:
            return route.continue_()
        calls.append(body)
        if len(calls) == 1:
            return route.fulfill(json={"done": 1, "skipped": {}, "cursor": "more"})
        page.get_by_role("button", name="Stop").dispatch_event("click")
        return route.fulfill(json={"done": 1, "skipped": {"changed": 0}, "cursor": "more"})

    page.route("**/jobs/actions", act)
    page.get_by_role("button", name="Retry all 3…").click()
    page.get_by_role("button", name="Retry 3 jobs").click()

    expect(page.get_by_text("2 of 3 done, then stopped")).to_be_visible()
    assert calls[0]["filter"] == {"statuses": ["deadletter"], "queue_name": queue}
    assert calls[1]["cursor"] == "more"


def test_a_purge_wants_its_number_and_the_one_of_a_queue_its_name(
    signed_in: Open, world: World, queue: str
) -> None:
    for error in (HTTP, HTTP, SLOW):
        world.dead(queue, error)
    page = at_group(signed_in, world, queue)

    page.get_by_role("button", name="Purge this error…").click()
    sure = page.get_by_role("button", name="Purge 2 dead letters")
    page.get_by_label("Type 2 to go on").fill("3")
    expect(sure).to_be_disabled()
    page.get_by_label("Type 2 to go on").fill("2")
    sure.click()
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("No dead letter has this error now")).to_be_visible()
    assert statuses(world, queue) == ["deadletter"]

    page.get_by_role("button", name="Purge…", exact=True).click()
    page.get_by_label(f"Type {queue} to go on").fill(queue)
    page.get_by_role("button", name="Purge 1 dead letter").click()
    expect(page.get_by_text("1 of 1 done")).to_be_visible()
    assert statuses(world, queue) == []


def test_newer_ones_wait_behind_a_button(signed_in: Open, world: World, queue: str) -> None:
    world.dead(queue, HTTP)
    page = at_group(signed_in, world, queue)
    wait_live(page)

    world.dead(queue, HTTP)
    world.dead(queue, SLOW)

    newer = page.get_by_role("button", name="1 newer dead letter")
    expect(newer).to_be_visible()
    expect(page.get_by_role("button", name="1 other error")).to_be_visible()
    expect(group(page).locator("header b")).to_have_text("2")
    assert page.locator("tr[data-id]").count() == 1
    page.keyboard.press(".")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    page.keyboard.press(".")
    expect(group(page, "TimeoutError: longer than ? s")).to_be_visible()


def test_what_is_selected_by_keys_goes_back(signed_in: Open, world: World, queue: str) -> None:
    for _ in range(3):
        world.dead(queue, HTTP)
    page = at_group(signed_in, world, queue)

    for pressed in ("j", "x", "j", "x", "Shift+r"):
        page.keyboard.press(pressed)
    page.get_by_role("button", name="Retry 2 jobs").click()

    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    assert statuses(world, queue) == ["deadletter", "pending", "pending"]
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("now pending")).to_have_count(2)
    page.keyboard.press("e")
    page.wait_for_url("**/#/jobs/new?from=*")


def test_a_field_is_changed_in_all_of_an_error(signed_in: Open, world: World, queue: str) -> None:
    big = '{"customer": {"id": 12345678901234567890}, "b": 1.50}'
    for payload in (big, big, '{"customer": 5}'):
        body = f'{{"queue_name": "{queue}", "payload": {payload}, "max_retries": 0, "priority": 7}}'
        world.api.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    for claimed in world.claim(queue, 3):
        world.fail(claimed, HTTP)
    page = at_group(signed_in, world, queue)

    page.get_by_role("button", name="Change a field and run as new…").click()
    page.get_by_role("textbox", name="Field").fill("customer.region")
    page.get_by_label("New value").fill("eu")
    expect(page.get_by_text("Column 1: Unexpected e")).to_be_visible()
    page.get_by_label("New value").fill('"eu"')
    expect(page.get_by_role("dialog").locator("ins", has_text='"region": "eu"')).to_have_count(2)
    expect(page.get_by_text("has no such place: it stays as it is")).to_have_count(1)
    page.get_by_role("button", name="Count them…").click()
    page.get_by_role("button", name="Run 3 jobs").click()

    expect(page.get_by_text("2 of 3 done")).to_be_visible()
    expect(page.get_by_text("1 left as they are: no such field")).to_be_visible()
    rows = world.api.get("/jobs", params={"queue_name": queue}).json()
    made = [row for row in rows if row["status"] == "pending"]
    assert [(row["priority"], row["status"]) for row in rows if row not in made] == [
        (7, "deadletter")
    ]
    for row in made:
        text = world.api.get(f"/jobs/{row['id']}").text
        assert '{"customer": {"id": 12345678901234567890,"region":"eu"}, "b": 1.50}' in text
        assert row["priority"] == 7


def test_a_field_is_changed_page_by_page_and_the_dead_letters_may_stay(
    signed_in: Open, world: World, queue: str
) -> None:
    world.post(
        "/jobs/bulk",
        {"queue_name": queue, "jobs": [{"payload": {"n": n}, "max_retries": 0} for n in range(60)]},
    )
    for claimed in world.claim(queue, 60):
        world.fail(claimed, HTTP)
    page = at_group(signed_in, world, queue)

    page.get_by_role("button", name="Change a field and run as new…").click()
    page.get_by_role("textbox", name="Field").fill("n")
    page.get_by_label("New value").fill("null")
    page.get_by_label("and delete the dead letters").uncheck()
    page.get_by_role("button", name="Count them…").click()
    page.get_by_role("button", name="Run 60 jobs").click()

    expect(page.get_by_text("60 of 60 done")).to_be_visible()
    stats = world.api.get("/jobs/stats", params={"queue_name": queue}).json()
    assert (stats["deadletter"], stats["pending"]) == (60, 60)


def test_a_dead_letter_that_was_edited_can_go(signed_in: Open, world: World, queue: str) -> None:
    job = world.dead(queue, HTTP)
    page = signed_in(f"/jobs/new?from={job['id']}")

    page.get_by_label("and delete the dead letter").check()
    page.get_by_role("button", name="Run as new").click()

    page.wait_for_selector("main h1 .mono")
    assert world.api.get(f"/jobs/{job['id']}").status_code == 404
    assert statuses(world, queue) == ["pending"]


def test_what_the_key_may_not_do_names_the_missing_word(
    signed_in: Open, world: World, queue: str, page: Page, api: httpx.Client
) -> None:
    world.dead(queue, HTTP)
    key = world.post("/api-keys", {"name": "reader", "permissions": ["jobs:read"]})
    tokens = httpx.post(f"{api.base_url}auth/login", json={"api_key": key["key"]}).json()
    page.add_init_script(
        f"sessionStorage.setItem('spooled.access_token', {tokens['access_token']!r})"
    )

    at_group(signed_in, world, queue)

    for name, word in {
        "Retry all 1…": "jobs:write",
        "Retry 1…": "jobs:write",
        "Purge…": "jobs:delete",
        "Change a field and run as new…": "jobs:write",
        "Purge this error…": "jobs:delete",
    }.items():
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", f"This key lacks {word}")


def test_nothing_dead_garbage_in_the_address_and_errors_are_told(
    signed_in: Open, world: World, queue: str, watch: Watch
) -> None:
    watch.allow("dashboard/errors.* 503")
    page = signed_in(f"/dead?queue={queue}&group=<script>")
    expect(page.get_by_text("There is no such error.")).to_be_visible()
    expect(page.get_by_text("No dead letters fit these filters.")).to_be_visible()

    page.goto(page.url.split("#")[0] + f"#/dead?queue={queue}&group={'0' * 16}")
    expect(page.get_by_text("No dead letter has this error now")).to_be_visible()

    world.dead(queue, HTTP)
    page.route(
        "**/dashboard/errors*",
        lambda route: route.fulfill(status=503, json={"code": "UNAVAILABLE", "message": "busy"}),
    )
    page.keyboard.press("r")
    expect(page.get_by_text("the dead letters could not be read")).to_be_visible(timeout=30_000)
    page.unroute("**/dashboard/errors*")
    page.get_by_role("button", name="Try again").click()
    expect(group(page)).to_be_visible()


def test_jobs_are_narrowed_by_the_error_they_died_of(
    signed_in: Open, world: World, queue: str
) -> None:
    for error in (HTTP, HTTP, SLOW):
        world.dead(queue, error)
    page = signed_in(f"/jobs?queue={queue}&status=deadletter")
    expect(page.locator("tr[data-id]")).to_have_count(3)
    expect(page.get_by_role("link", name="By error")).to_be_visible()

    page.get_by_role("button", name="Error: any").click()
    page.get_by_role("button", name="HTTP ? from api").click()

    expect(page.locator("tr[data-id]")).to_have_count(2)
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="choose").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.get_by_role("heading", name="Retry 2 jobs?")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    page.get_by_role("link", name="By error").click()
    expect(group(page).get_by_role("table")).to_be_visible()


def test_a_value_is_put_into_a_text_that_else_stays(lib: Callable[[str], Any]) -> None:
    cases = {
        ('{"a": {"b": 1}}', "a.b", "2"): '{"a": {"b": 2}}',
        ('{"a": [1, {"b": 1e2}]}', "a.1.b", "null"): '{"a": [1, {"b": null}]}',
        ('{"a": {}}', "a.b", '"x"'): '{"a": {"b":"x"}}',
        ('{"a": 1 }', "b", "[2]"): '{"a": 1 ,"b":[2]}',
        ('{"a.b": {"c": 1}}', "/a.b/c", "2"): '{"a.b": {"c": 2}}',
        ('{"a": 1, "a": 2}', "a", "3"): '{"a": 1, "a": 3}',
        ('{"\\u0061": 1}', "a", "3"): '{"\\u0061": 3}',
        ('{"__proto__": 1}', "__proto__", "3"): '{"__proto__": 3}',
        ('{"a": 1}', "a.b", "2"): None,
        ('{"a": 1}', "b.c", "2"): None,
        ("[1]", "1", "2"): None,
        ("[1, 5]", "1", "2"): "[1, 2]",
        ("5", "a", "2"): None,
        ("{", "a", "2"): None,
    }
    found = lib(f"""
        const {{ withValue, pathOf, itemsOf, placeIn }} = await load("lib/edited");
        const cases = {[[*case] for case in cases]!r};
        return [itemsOf(' [{{"id": 1.0}}, [2] ,"x"]'), itemsOf("[]"),
          cases.map(([text, path, value]) => withValue(text, pathOf(path), value)),
          ["b.1", "b.5", "c"].map(path => placeIn('{{"a": 1,\\n "b": [2, 3]}}', pathOf(path))),
          placeIn("{{", ["a"])];""")

    # Of what is not there, the nearest above it.
    assert [(it["line"], it["column"], it["at"]) for it in found[3]] == [
        (2, 11, 19),
        (2, 7, 15),
        (1, 1, 0),
    ]
    assert found[4] is None
    assert found[:2] == [['{"id": 1.0}', "[2]", '"x"'], []]
    assert found[2] == list(cases.values())
