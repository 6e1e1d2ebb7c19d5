"""The organization, what came in from others, and what this browser keeps."""

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.dashboard.world import World
from tests.server_process import API_KEY

Open = Callable[[str], Page]


def org_of(api: httpx.Client) -> dict[str, object]:
    org_id = api.get("/auth/me").json()["organization_id"]
    found: dict[str, object] = api.get(f"/organizations/{org_id}").json()
    return found


def test_the_organization_is_changed_and_undone(signed_in: Open, api: httpx.Client) -> None:
    page = signed_in("/org")
    save = page.get_by_role("button", name="Save")
    expect(save).to_have_attribute("title", "Nothing is changed")

    page.get_by_label("Name", exact=True).fill("Acme & Sons")
    page.get_by_label("Description").fill("Mail and more")
    save.click()

    expect(page.locator("h1")).to_have_text("Acme & Sons")
    assert org_of(api)["description"] == "Mail and more"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).not_to_have_text("Acme & Sons")
    expect(page.get_by_label("Description")).to_have_value("")
    assert not org_of(api)["description"]


def test_usage_is_told_against_the_limits(signed_in: Open, api: httpx.Client, page: Page) -> None:
    usage = api.get("/organizations/usage").json()
    usage["usage"]["queues"] = {"current": 9, "limit": 10, "percentage": 90, "is_disabled": False}
    usage["warnings"] = [
        {"resource": "queues", "message": "Close to the limit of queues (9/10)",
         "severity": "warning", "current": 9, "limit": 10}
    ]  # fmt: skip
    page.route("**/organizations/usage", lambda route: route.fulfill(json=usage))

    page = signed_in("/org")

    meter = page.get_by_role("meter", name="Queues")
    expect(meter).to_have_attribute("aria-valuenow", "9")
    expect(page.get_by_text("Close to the limit of queues")).to_be_visible()


def test_deleting_the_organization_asks_for_its_short_name(
    signed_in: Open, api: httpx.Client
) -> None:
    page = signed_in("/org")
    slug = str(org_of(api)["slug"])

    page.get_by_role("button", name="Delete…").click()

    remove = page.get_by_role("button", name="Delete the organization")
    page.get_by_label(f"Type {slug} to go on").fill("no")
    expect(remove).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Keep").click()
    assert org_of(api)["is_active"]


def test_secrets_of_providers_are_written_and_the_settings_stay(
    signed_in: Open, api: httpx.Client
) -> None:
    org_id = org_of(api)["id"]
    settings = '{"settings":{"big":12345678901234567890}}'
    api.put(f"/organizations/{org_id}", content=settings).raise_for_status()
    page = signed_in("/inbound")

    page.get_by_role("button", name="Secrets…").click()
    page.get_by_label("GitHub").fill('it\'s a "secret"')
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".toast")).to_contain_text("The secrets are saved")
    assert '"settings":{"big":12345678901234567890}' in api.get(f"/organizations/{org_id}").text


def test_what_came_in_leads_to_its_job(signed_in: Open, api: httpx.Client) -> None:
    event = {"queue_name": "orders", "payload": {"order": 7}, "event_type": "order.created"}
    world = World(api)
    made = world.post(f"/webhooks/{org_of(api)['id']}/custom", event)
    page = signed_in("/inbound")

    # A seeded server has another one of this kind.
    row = page.get_by_role("row").filter(has_text=made["job_id"][:8])
    expect(row).to_contain_text("order.created")
    expect(row).to_contain_text("made a job")
    row.get_by_role("link", name=made["job_id"][:8]).click()

    expect(page.locator("h1")).to_have_text(made["job_id"][:8])


def test_the_token_of_incoming_webhooks_is_dots_and_can_be_replaced(
    signed_in: Open, api: httpx.Client
) -> None:
    old = api.get("/organizations/webhook-token").json()["token"]
    page = signed_in("/inbound")
    expect(page.get_by_role("group", name="Token")).to_contain_text("••••")
    assert old not in page.content()

    page.get_by_role("button", name="New token…").click()
    page.get_by_label("Type new token to go on").fill("new token")
    page.get_by_role("button", name="Make a new token").click()

    expect(page.locator(".toast")).to_contain_text("There is a new token")
    assert api.get("/organizations/webhook-token").json()["token"] != old


def test_what_a_browser_keeps_is_how_things_look(signed_in: Open, world: World) -> None:
    page = signed_in("/here")
    page.get_by_role("radio", name="Dark").check()
    page.get_by_label("Wide").check()
    page.get_by_label("Names shown as dots").fill("iban")
    page.goto(page.url.replace("/here", "/jobs"))
    page.wait_for_selector("tr[data-id]")
    page.reload()

    kept = page.evaluate("({ ...localStorage })")
    assert kept == {
        "spooled.theme": '"dark"',
        "spooled.density": '"cosy"',
        "spooled.masks": '"iban"',
    }
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert API_KEY not in page.evaluate("JSON.stringify({ ...sessionStorage })")
    page.goto(page.url.replace("/jobs", "/here"))
    page.get_by_role("button", name="Reset all of it").click()
    assert page.evaluate("({ ...localStorage })") == {}


def test_shortcuts_of_one_key_can_be_switched_off(signed_in: Open) -> None:
    page = signed_in("/here")
    page.get_by_label("Shortcuts of one key").uncheck()
    page.locator("h1").focus()

    page.keyboard.press("?")

    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Shortcuts of one key").check()


def test_columns_that_are_hidden_are_listed_and_shown_again(signed_in: Open, world: World) -> None:
    page = signed_in("/here")
    expect(page.get_by_text("None: each table has its own menu")).to_be_visible()
    page.evaluate('localStorage.setItem(\'spooled.columns\', \'{"Jobs":["Prio","Took"]}\')')
    page.reload()
    expect(page.get_by_text("Jobs: Prio, Took")).to_be_visible()

    page.get_by_role("button", name="Show all columns of Jobs").click()

    expect(page.get_by_text("None: each table has its own menu")).to_be_visible()
    page.evaluate("location.hash = '#/jobs'")
    expect(page.get_by_role("columnheader", name="Prio")).to_be_visible()
