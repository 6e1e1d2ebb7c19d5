"""Signing in and out: what is said, what is kept, and what is gone afterwards."""

import os
import re
from collections.abc import Callable
from typing import Final

import httpx
from playwright.sync_api import Page, expect

from tests.dashboard.watched import Watch
from tests.server_process import API_KEY, ServerProcess

STORED: Final = "JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href])"


def printed(server: ServerProcess) -> str:
    """The greeting of the server."""
    assert server.process.stdout is not None
    return os.read(server.process.stdout.fileno(), 65_536).decode()


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_opens_the_page_that_was_asked_for(page: Page, server: ServerProcess) -> None:
    page.goto(f"{server.url}/#/jobs?status=pending")

    sign_in(page, API_KEY)

    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Pending 0")).to_have_attribute("aria-pressed", "true")
    assert API_KEY not in page.evaluate(STORED)


def test_a_wrong_key_is_told_under_the_field(
    page: Page, server: ServerProcess, watch: Watch
) -> None:
    watch.allow("auth/login 401")
    page.goto(server.url)

    sign_in(page, "sk_test_wrong")

    expect(
        page.get_by_role("alert").filter(has_text="No organization knows this key")
    ).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in to Spooled Lite")).to_be_visible()


def test_nothing_is_left_after_signing_out(
    signed_in: Callable[[str], Page], server: ServerProcess, tokens: dict[str, str]
) -> None:
    answer = httpx.post(f"{server.url}/api/v1/auth/login", json={"api_key": API_KEY}).json()
    page = signed_in("/more")
    page.evaluate(
        "token => sessionStorage.setItem('spooled.access_token', token)", answer["access_token"]
    )
    page.evaluate(
        "token => sessionStorage.setItem('spooled.refresh_token', token)", answer["refresh_token"]
    )
    page.reload()
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()

    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("API key")).to_be_visible()
    assert "eyJ" not in page.evaluate(STORED)
    page.go_back()
    expect(page.get_by_label("API key")).to_be_visible()
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert httpx.get(f"{server.url}/api/v1/auth/me", headers=headers).status_code == 401


def test_a_token_that_ended_is_renewed_and_nobody_notices(
    signed_in: Callable[[str], Page], watch: Watch
) -> None:
    watch.allow(" 401$")
    page = signed_in("/more")
    page.evaluate("sessionStorage.setItem('spooled.access_token', 'eyJ.ended.token')")

    page.reload()
    page.goto(page.url.replace("more", "jobs"))

    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="All 0")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('spooled.access_token')") != "eyJ.ended.token"


def test_without_any_good_token_one_signs_in_over_the_page(
    signed_in: Callable[[str], Page], watch: Watch
) -> None:
    watch.allow(" 401$")
    watch.allow("auth/refresh 400$")
    page = signed_in("/jobs")
    page.evaluate(
        "['access_token', 'refresh_token'].forEach(it => sessionStorage.setItem(`spooled.${it}`, 'eyJ.a.b'))"
    )
    page.reload()

    expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
    sign_in(page, API_KEY)

    expect(page.get_by_role("heading", name="Sign in again")).to_be_hidden()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_the_printed_link_signs_in_once_and_leaves_the_address(
    page: Page, server: ServerProcess, watch: Watch
) -> None:
    found = re.search(r"#/sign-in\?code=(\S+)", printed(server))
    assert found is not None
    page.goto(f"{server.url}/{found[0]}")

    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    assert found[1] not in page.evaluate(STORED)
    assert found[1] not in str(page.evaluate("history.length && location.href"))
    watch.allow("auth/link 4")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(f"{server.url}/{found[0]}")
    expect(page.get_by_label("API key")).to_be_visible()
