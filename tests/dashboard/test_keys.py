"""API keys: made and shown once, changed, replaced, taken away."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World

Open = Callable[[str], Page]


@pytest.fixture
def mailer(api: httpx.Client) -> dict[str, str]:
    """A key that may do everything in all queues."""
    made: dict[str, str] = World(api).post("/api-keys", {"name": "mailer"})
    return made


def of(api: httpx.Client, name: str) -> list[dict[str, object]]:
    return [it for it in api.get("/api-keys").json() if it["name"] == name]


def test_a_key_is_made_and_shown_once(signed_in: Open, api: httpx.Client) -> None:
    World(api).job("emails")
    page = signed_in("/keys")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("worker of mails")
    dialog.get_by_label("Requests per minute").fill("600")
    dialog.get_by_label("Ends").select_option("30")
    dialog.get_by_label("Only these").check()
    create = dialog.get_by_role("button", name="Create")
    expect(create).to_have_attribute("title", "Choose a queue")
    dialog.get_by_label("emails", exact=True).check()
    dialog.get_by_label("Others").fill("bulk-*")
    dialog.get_by_label("Only this").check()
    jobs = dialog.get_by_role("group", name="jobs", exact=True)
    jobs.get_by_label("read", exact=True).check()
    jobs.get_by_label("write", exact=True).check()
    create.click()

    expect(dialog.get_by_text("This is the only time it is shown")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    shown = dialog.get_by_role("group", name="Key worker of mails").locator("code")
    hidden = shown.inner_text()
    dialog.get_by_role("button", name="Hold to see").dispatch_event(
        "keydown", {"key": " ", "bubbles": True}
    )
    expect(shown).to_contain_text("sk_test_")
    secret = shown.inner_text()
    assert secret not in hidden
    dialog.get_by_role("button", name="I have stored it").click()

    [made] = of(api, "worker of mails")
    assert made["queues"] == ["emails", "bulk-*"]
    assert made["permissions"] == ["jobs:read", "jobs:write"]
    assert made["rate_limit"] == 600
    assert made["expires_at"] is not None
    url = str(api.base_url)
    with httpx.Client(headers={"Authorization": f"Bearer {secret}"}) as own:
        assert own.get(f"{url}auth/me").status_code == 200
    expect(page.get_by_role("row").filter(has_text="worker of mails")).to_contain_text("bulk-*")
    assert secret not in page.content()


def test_a_key_is_changed(signed_in: Open, api: httpx.Client, mailer: dict[str, str]) -> None:
    page = signed_in("/keys")
    page.get_by_role("button", name="Change mailer").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("mailer of bulk")
    dialog.get_by_label("Only this").check()
    dialog.get_by_role("group", name="queues", exact=True).get_by_label("all of it").check()
    dialog.get_by_role("button", name="Save").click()

    expect(page.get_by_role("row").filter(has_text="mailer of bulk")).to_contain_text("queues:*")
    [changed] = of(api, "mailer of bulk")
    assert changed["permissions"] == ["queues:*"]
    assert changed["queues"] == []


def test_a_key_is_revoked_when_its_name_is_typed(
    signed_in: Open, api: httpx.Client, mailer: dict[str, str]
) -> None:
    api.put(f"/api-keys/{mailer['id']}", json={"name": "leaked"})
    page = signed_in("/keys")
    page.get_by_role("button", name="More for leaked").click()
    page.get_by_role("button", name="Revoke…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It was never used")
    revoke = dialog.get_by_role("button", name="Revoke the key")
    typed = dialog.get_by_label("Type leaked to go on")

    typed.fill("leak")
    expect(revoke).to_have_attribute("aria-disabled", "true")
    typed.fill("leaked")
    revoke.click()

    expect(page.locator(".toast")).to_contain_text("leaked is revoked")
    assert not [it for it in of(api, "leaked") if it["is_active"]]


def test_a_key_gets_another_secret(
    signed_in: Open, api: httpx.Client, mailer: dict[str, str]
) -> None:
    api.put(f"/api-keys/{mailer['id']}", json={"name": "renewed"})
    page = signed_in("/keys")
    page.get_by_role("button", name="More for renewed").click()
    page.get_by_role("button", name="New secret…").click()
    page.get_by_label("Type renewed to go on").fill("renewed")
    page.keyboard.press("Enter")

    expect(page.get_by_text("This is the only time it is shown")).to_be_visible()
    page.get_by_role("button", name="I have stored it").click()
    me = f"{api.base_url}auth/me"
    old = httpx.get(me, headers={"Authorization": f"Bearer {mailer['key']}"})
    assert old.status_code == 401


def test_the_key_one_is_signed_in_with_is_marked(signed_in: Open, api: httpx.Client) -> None:
    page = signed_in("/keys")

    own = page.get_by_role("row").filter(has_text="signed in with it")
    expect(own).to_have_count(1)
    name = api.get("/auth/me").json()["name"]
    expect(own).to_contain_text(name)
    expect(own.get_by_role("button", name=f"Switch {name} off")).to_have_attribute(
        "title", "You are signed in with it"
    )


def test_a_refusal_is_told_where_the_keys_would_be(
    signed_in: Open, page: Page, watch: Watch
) -> None:
    watch.allow(" 403$")
    page.route(
        "**/api-keys",
        lambda route: route.fulfill(
            status=403, json={"error": "x", "code": "FORBIDDEN", "message": "No"}
        ),
    )

    page = signed_in("/keys")

    expect(page.get_by_role("heading", name="This key may not read it")).to_be_visible()
