"""The server and its organizations: the admin key, figures, and what an administrator changes."""

import json
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.dashboard.pages import ADMIN_KEY, unlock
from tests.dashboard.watched import Watch
from tests.dashboard.world import HOSTILE, World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
REFUSED: Final = r"request: GET \S+/admin/\S+ 401"
STARTER: Final = {"plan_tier": "starter"}


@pytest.fixture(scope="module")
def admin(server: ServerProcess) -> Any:
    with httpx.Client(
        base_url=f"{server.url}/api/v1/admin", headers={"X-Admin-Key": ADMIN_KEY}
    ) as client:
        yield client


@pytest.fixture
def opened(signed_in: Open) -> Open:
    """Opens an address with the admin key."""

    def open_at(address: str) -> Page:
        page = signed_in(address)
        unlock(page)
        return page

    return open_at


@pytest.fixture
def acme(admin: httpx.Client) -> dict[str, Any]:
    """A new organization, with the answer to its making."""
    count = admin.get("/organizations").json()["total"]
    made = admin.post("/organizations", json={"name": "Acme", "slug": f"acme-{count}", **STARTER})
    body: dict[str, Any] = made.raise_for_status().json()
    return body


def of(admin: httpx.Client, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(f"/organizations/{made['id']}").json()
    return found


def asked(page: Page) -> Locator:
    return page.get_by_label("The admin key of this server")


# -- the admin key -------------------------------------------------------------------------------


def test_the_admin_key_is_kept_nowhere_and_gone_when_one_leaves(
    signed_in: Open, watch: Watch, server: ServerProcess
) -> None:
    watch.allow(REFUSED)
    page = signed_in("/server")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    asked(page).fill("not it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="This is not the admin key")).to_be_visible()
    expect(asked(page)).to_have_value("")
    asked(page).fill("schlüssel")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It has characters that no admin key has")).to_be_visible()

    unlock(page)
    expect(page.get_by_text("Room on the disk")).to_be_visible()

    assert ADMIN_KEY not in page.content()
    kept = page.evaluate(
        "JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, history.state])"
    )
    assert ADMIN_KEY not in kept
    assert addresses
    assert not [
        each for each in (*addresses, page.url) if "admin%20key" in each or ADMIN_KEY in each
    ]
    page.get_by_role("button", name="As curl").click()
    expect(page.get_by_role("dialog")).to_contain_text('"X-Admin-Key: $SPOOLED_ADMIN_KEY"')
    page.keyboard.press("Escape")
    page.get_by_role("link", name="default", exact=True).click()
    expect(page.locator("h1")).to_have_text("default")
    expect(page.get_by_role("button", name="Forget the key")).to_be_visible()
    page.get_by_role("link", name="Queues").click()
    expect(page.locator("h1")).to_have_text("Queues")
    page.go_back()
    expect(asked(page)).to_be_visible()
    assert ADMIN_KEY not in server.log


def test_the_admin_key_is_forgotten_after_fifteen_minutes(page: Page, opened: Open) -> None:
    page.clock.install()
    opened("/server")

    page.clock.fast_forward("14:50")
    expect(page.get_by_role("button", name="Forget the key")).to_be_visible()
    page.clock.fast_forward("00:15")

    expect(page.get_by_text("15 minutes are over")).to_be_visible()
    expect(page.get_by_text("Room on the disk")).to_have_count(0)
    unlock(page)
    page.get_by_role("button", name="Forget the key").click()
    expect(asked(page)).to_be_visible()
    expect(page.get_by_text("15 minutes are over")).to_have_count(0)


def test_a_key_that_the_server_takes_no_more_is_asked_for_again(
    opened: Open, page: Page, watch: Watch
) -> None:
    watch.allow(REFUSED)
    opened("/server")
    body = {"code": "INVALID_ADMIN_KEY", "message": "The admin key is wrong"}
    page.route("**/admin/**", lambda route: route.fulfill(status=401, json=body))

    page.keyboard.press("Escape")
    page.locator("h1").focus()
    page.keyboard.press("r")

    expect(page.get_by_text("The server does not take the key any more")).to_be_visible()
    expect(asked(page)).to_be_visible()


def test_a_server_without_an_admin_key_says_how_to_give_it_one(
    signed_in: Open, page: Page, watch: Watch
) -> None:
    watch.allow(REFUSED)
    body = {"code": "ADMIN_NOT_CONFIGURED", "message": "No admin key is configured"}
    page.route("**/admin/**", lambda route: route.fulfill(status=401, json=body))
    signed_in("/server")

    asked(page).fill("anything")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert").filter(has_text="SPOOLED_ADMIN_KEY")).to_be_visible()
    expect(page.get_by_text("Takes work")).to_be_visible()


# -- figures -------------------------------------------------------------------------------------


def test_bad_figures_come_first(opened: Open, page: Page, admin: httpx.Client) -> None:
    seen = admin.get("/server").json()
    seen["writer"]["lines"] = {"claim": 2000, "rest": 1}
    seen["loops"][3]["failures"] = 7
    seen["loops"][3]["name"] = HOSTILE
    page.route("**/admin/server", lambda route: route.fulfill(json=seen))

    def full(route: Route) -> None:
        health = route.fetch().json()
        health["checks"] |= {"disk": "full", "writer": "ok"}
        route.fulfill(json=health)

    page.route("**/health", full)
    opened("/server")

    lines = page.locator(".figures li")
    expect(page.get_by_text("2 are bad")).to_be_visible()
    expect(lines.nth(0)).to_contain_text("Room on the disk")
    expect(lines.nth(0)).to_contain_text("Full. Nothing new is stored")
    expect(lines.nth(1)).to_contain_text("1 fails")
    expect(lines.nth(1)).to_contain_text("<img src=x onerror")
    expect(lines.nth(2)).to_contain_text("Waits to be written")
    expect(lines.nth(2)).to_contain_text("claim 2,000")
    first = page.get_by_role("table", name="Background loops").locator("tbody tr").first
    expect(first).to_contain_text("7")


def test_figures_are_told_without_metrics(opened: Open, page: Page, watch: Watch) -> None:
    watch.allow("metrics/prometheus 503")
    page.route("**/metrics/prometheus", lambda route: route.fulfill(status=503, json={}))
    opened("/server")

    expect(page.locator(".figures li").filter(has_text="Room on the disk")).to_be_visible()
    expect(page.locator(".figures li").filter(has_text="Requests")).to_have_count(0)


def test_a_server_that_stops_says_so(
    signed_in: Open, page: Page, watch: Watch, server: ServerProcess
) -> None:
    watch.allow("health/ready 503")
    body = {"code": "SERVICE_UNAVAILABLE", "message": "no", "details": {"reason": "shutting_down"}}
    page.route("**/health/ready", lambda route: route.fulfill(status=503, json=body))
    signed_in("/server")

    expect(page.locator(".figures li").first).to_contain_text("The server is being stopped.")
    expect(page.get_by_text("1 is bad")).to_be_visible()


def test_rates_are_between_two_reads(lib: Callable[[str], Any]) -> None:
    lines = lib("""
      const { figuresOf, parsed } = await load("lib/server_figures");
      const text = (requests, slow, errors) => `# HELP x\\n# TYPE x counter
spooled_api_requests_total ${requests}.0
spooled_api_errors_total ${errors}
spooled_repaired_deadlines_total 0.0
spooled_queue_jobs{organization="a",queue="} 1",status="x"} 9.0
spooled_writer_commit_seconds_bucket{le="0.005"} 90.0
spooled_writer_commit_seconds_bucket{le="0.01"} ${90 + requests}
spooled_writer_commit_seconds_bucket{le="+Inf"} ${90 + requests + slow}
spooled_writer_commit_seconds_count ${90 + requests + slow}`;
      const server = { writer: { state: "ok", lines: {} }, database: { bytes: 1, wal_bytes: 0 },
        disk: { free_bytes: 9, reserve_bytes: 1 }, loops: [], settings: [], backup: null };
      const of = (before, after) => Object.fromEntries(figuresOf({ server, before, after, nowMs: 0 })
        .map(it => [it.name, it]));
      const read = (at, ...more) => ({ at, values: parsed(text(...more)) });
      const first = of(null, read(0, 100, 0, 2)), second = of(read(0, 100, 0, 2), read(5000, 150, 0, 2)),
        bad = of(read(0, 100, 0, 2), read(5000, 110, 10, 3)), again = of(read(0, 900, 0, 9), read(5000, 5, 0, 0));
      return { first: [first.Requests, first.Commit], second: [second.Requests, second.Commit, second["Answers of 5xx"]],
        bad: [bad.Commit, bad["Answers of 5xx"]], again: again.Requests };
    """)

    assert [it["value"] for it in lines["first"]] == ["is being measured"] * 2
    requests, commit, errors = lines["second"]
    assert (requests["value"], requests["note"]) == ("10 a second", "150 since the start")
    assert (commit["value"], commit["tone"]) == ("at most 10 ms", "completed")
    assert (errors["value"], errors["tone"]) == ("2", "completed")
    commit, errors = lines["bad"]
    assert (commit["value"], commit["tone"]) == ("over 1.0 s", "failed")
    assert (errors["tone"], errors["note"][:16]) == ("failed", "1 in the last 5.")
    assert lines["again"]["value"] == "0 a second"


def test_how_far_the_archive_is_behind_is_told_where_there_is_one(
    lib: Callable[[str], Any],
) -> None:
    lines = lib("""
      const { figuresOf } = await load("lib/server_figures");
      const of = archive => figuresOf({ health: { checks: { archive }, durability: "full" }, nowMs: 9000 })
        .filter(it => it.name === "Archive").map(it => [it.value, it.tone, it.note])[0] ?? null;
      const at = new Date(5000).toISOString();
      return [of(undefined), of({ at, lag_seconds: 0, well: true }), of({ at: null, lag_seconds: 90, well: true }),
        of({ at, lag_seconds: 4.2, well: false })];
    """)

    none, up_to_date, late, refused = lines
    assert none is None
    assert up_to_date == ["up to date", "completed", "What was committed 4.0 s ago is in it"]
    assert late == ["1 min 30 s behind", "retrying", "Nothing was put into it since the start"]
    assert refused[:2] == ["not well", "failed"]


def test_settings_say_where_they_come_from_and_no_secret(opened: Open) -> None:
    page = opened("/server")
    settings = page.get_by_role("table", name="Settings")

    row = settings.get_by_role("row").filter(has_text="admin_key")
    expect(row).to_contain_text("set, not shown")
    expect(row).to_contain_text("variable SPOOLED_ADMIN_KEY")
    expect(settings.get_by_text("smtp_host")).to_have_count(0)
    page.get_by_label("Find a setting").fill("smtp host")
    expect(settings.get_by_text("smtp_host")).to_be_visible()
    page.get_by_label("Find a setting").fill("")
    page.get_by_label("Defaults too").check()
    expect(settings.get_by_text("write_batch_max")).to_be_visible()


# -- organizations -------------------------------------------------------------------------------


def test_an_organization_is_made_and_found(opened: Open, watch: Watch, admin: httpx.Client) -> None:
    watch.allow("request: POST .*/admin/organizations 400")
    page = opened("/server")
    page.locator("h1").focus()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Create")).to_have_attribute(
        "title", "A name has at least 3 characters"
    )
    dialog.get_by_label("Name", exact=True).fill(HOSTILE[:60])
    dialog.get_by_label("Short name").fill("Not One")
    dialog.get_by_label("Plan").select_option("pro")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Short name").fill("made-here")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("This is the only time it is shown")).to_be_visible()
    dialog.get_by_role("button", name="I have stored it").click()

    page.get_by_label("Find an organization").fill("made-he")
    row = page.get_by_role("table", name="Organizations").locator("tbody tr[data-id]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("pro")
    row.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("<img src=x onerror")
    [made] = admin.get("/organizations?search=made-here").json()["organizations"]
    assert (made["name"], made["plan_tier"]) == (HOSTILE[:60], "pro")


def test_plan_and_limits_are_changed_and_undone(
    opened: Open, admin: httpx.Client, acme: dict[str, Any]
) -> None:
    notes = '{"note":12345678901234567890,"max_workers":3}'
    admin.patch(
        f"/organizations/{acme['id']}", content=f'{{"custom_limits":{notes}}}'
    ).raise_for_status()
    page = opened(f"/server/orgs/{acme['id']}")
    form = page.locator("section").filter(has_text="Plan and limits")
    save = form.get_by_role("button", name="Save")
    expect(save).to_have_attribute("title", "Nothing is changed")
    expect(form.get_by_label("Workers")).to_have_value("3")

    form.get_by_label("Queues").fill("many")
    expect(save).to_have_attribute("title", 'Queues: a whole number, or "none" for no limit')
    form.get_by_label("Queues").fill("7")
    form.get_by_label("Workers").fill("")
    form.get_by_label("Webhooks").fill("none")
    form.get_by_label("Plan").select_option("pro")
    save.click()

    expect(page.locator(".toast")).to_contain_text("Saved")
    changed = of(admin, acme)
    assert changed["plan_tier"] == "pro"
    assert changed["custom_limits"] == {
        "note": 12345678901234567890, "max_queues": 7, "max_webhooks": None,
    }  # fmt: skip
    page.get_by_role("button", name="Undo").click()
    expect(form.get_by_label("Queues")).to_have_value("")
    expect(form.get_by_label("Plan")).to_have_value("starter")
    assert of(admin, acme)["custom_limits"] == json.loads(notes)


def test_an_organization_is_renamed_and_gets_a_key(
    opened: Open, server: ServerProcess, admin: httpx.Client, acme: dict[str, Any]
) -> None:
    page = opened(f"/server/orgs/{acme['id']}")
    page.get_by_label("Name", exact=True).fill("Acme & Sons")
    page.get_by_label("Payment customer").fill("cus_1")
    page.locator("section").filter(has_text="What it is").get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Acme & Sons")
    assert of(admin, acme)["stripe_customer_id"] == "cus_1"

    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("worker")
    dialog.get_by_role("button", name="Create").click()
    dialog.get_by_role("button", name="Hold to see").dispatch_event(
        "keydown", {"key": " ", "bubbles": True}
    )
    shown = dialog.get_by_role("group", name="Key worker").locator("code")
    expect(shown).to_contain_text("sk_test_")
    bearer = {"Authorization": f"Bearer {shown.inner_text()}"}
    dialog.get_by_role("button", name="I have stored it").click()

    me = httpx.get(f"{server.url}/api/v1/auth/me", headers=bearer).json()
    assert me["organization_id"] == acme["id"]


def test_usage_is_reset_after_a_question(
    opened: Open, server: ServerProcess, admin: httpx.Client, acme: dict[str, Any]
) -> None:
    bearer = {"Authorization": f"Bearer {acme['api_key']['key']}"}
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=bearer) as client:
        World(client).job("emails")
    page = opened(f"/server/orgs/{acme['id']}")

    page.get_by_role("button", name="Reset usage").click()
    expect(page.get_by_text("Set its 1 job of today to 0?")).to_be_visible()
    page.get_by_role("button", name="Reset", exact=True).click()

    expect(page.locator(".toast")).to_contain_text("Its jobs of today are 0")
    assert of(admin, acme)["usage"]["jobs_today"] == 0


def test_an_organization_is_switched_off_closed_opened_again_and_deleted(
    opened: Open, server: ServerProcess, admin: httpx.Client, acme: dict[str, Any]
) -> None:
    bearer = {"Authorization": f"Bearer {acme['api_key']['key']}"}

    def is_let_in() -> bool:
        return httpx.get(f"{server.url}/api/v1/queues", headers=bearer).status_code == 200

    page = opened(f"/server/orgs/{acme['id']}")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    assert not is_let_in()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    assert is_let_in()

    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Close it").click()
    expect(page.get_by_text("It is closed: its keys")).to_be_visible()
    assert not is_let_in()
    page.get_by_label("Plan").select_option("free")
    page.locator("section").filter(has_text="Plan and limits").get_by_role(
        "button", name="Save"
    ).click()
    expect(page.get_by_text("It is closed: its keys")).to_have_count(0)
    assert is_let_in()

    page.get_by_role("button", name="Delete…").click()
    slug = acme["slug"]
    page.get_by_label(f"Type {slug} to go on").fill(slug[:-1])
    remove = page.get_by_role("button", name="Delete the organization")
    expect(remove).to_have_attribute("aria-disabled", "true")
    page.get_by_label(f"Type {slug} to go on").fill(slug)
    remove.click()
    expect(page.locator("h1")).to_have_text("Server")
    assert admin.get(f"/organizations/{acme['id']}").status_code == 404
