"""Searching by id, key and what is in payloads, results and errors: in Find and in the list of jobs."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.world import HOSTILE, World

Open = Callable[[str], Page]


@pytest.fixture
def world(api: httpx.Client) -> World:
    return World(api)


def shown(page: Page) -> list[str]:
    ids: list[str] = page.evaluate(
        "[...document.querySelectorAll('tr[data-id]')].map(it => it.dataset.id)"
    )
    return ids


def test_a_key_and_the_beginning_of_an_id_are_found(signed_in: Open, world: World) -> None:
    job = world.job("orders", idempotency_key="order-7041")["id"]
    page = signed_in("/")
    found = page.get_by_role("listbox", name="Found")

    page.get_by_role("combobox").fill(job[:10])
    expect(found.get_by_role("option").first).to_contain_text(job[:8])
    page.get_by_role("combobox").fill("order-7041")
    expect(found.get_by_role("option").first).to_contain_text("order-7041")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/#/jobs/{job}")


def test_find_leads_to_a_search_of_payloads(signed_in: Open, world: World) -> None:
    job = world.job("orders", payload={"customer": {"id": "cus_9&q=1"}})["id"]
    page = signed_in("/")

    page.get_by_role("combobox").fill("cus_9&q=1")
    page.get_by_role("option", name="in payloads, results, errors").click()

    expect(page.locator("tr[data-id]")).to_contain_text(["cus_9&q=1"])
    assert shown(page) == [job]
    expect(page.get_by_text("Searched all")).to_be_visible()


def test_what_is_found_says_where_and_hides_what_is_masked(signed_in: Open, world: World) -> None:
    secret = {"user": "u-4711", "password": "hunter2", "token": ["hidden one"]}
    masked = world.job("orders", payload=secret)["id"]
    dead = world.dead("refused", "u-4711 was refused")["id"]
    page = signed_in("/jobs?text=u-4711")

    expect(page.locator(f'tr[data-id="{dead}"]')).to_contain_text("error u-4711 was refused")
    row = page.locator(f'tr[data-id="{masked}"]')
    expect(row).to_contain_text('"user":"u-4711"')
    expect(row).not_to_contain_text("hunter2")
    expect(row).not_to_contain_text("hidden one")

    page.get_by_role("button", name="Dead letters").click()
    expect(row).to_have_count(0)
    assert shown(page) == [dead]


@pytest.mark.parametrize(
    ("excerpt", "expected"),
    [
        ('{"a":1,"password":"x\\"y","b":"k"}', '{"a":1,"password":••••••••,"b":"k"}'),
        ('{"API_KEY" : 12345, "b": "k"}', '{"API_KEY" : ••••••••, "b": "k"}'),
        ('{"pass\\u0077ord":"x","b":"k"}', '{"pass\\u0077ord":••••••••,"b":"k"}'),
        ('…ter2","a":"k…', '… "a":"k…'),
        ('…ssword":"abkcd…', "… k … "),
        ('…word":":kx","b":1}', '… k … "b":1}'),
        ('{"secret":{"b":"k","c":1}}', '{"secret":••••••••'),
        ('{"token":"ab…', '{"token":••••••••'),
    ],
)
def test_masked_names_are_masked_in_pieces_too(
    signed_in: Open, excerpt: str, expected: str
) -> None:
    page = signed_in("/here")

    shown: str = page.evaluate(
        """async excerpt => {
             const scripts = [...document.querySelectorAll('script[src]')].map(it => it.src);
             const { masked } = await import(new URL("parts/search.js", scripts[0]));
             return masked(excerpt, "k");
           }""",
        excerpt,
    )

    assert re.sub(r"\s+", " ", shown) == re.sub(r"\s+", " ", expected)


def test_a_search_says_how_far_it_looked_and_goes_on(
    signed_in: Open, world: World, page: Page
) -> None:
    jobs = [world.job("orders", payload={"ref": "far-away"})["id"] for _ in range(2)]
    found = world.api.get("/jobs/search", params={"text": "far-away"}).json()["jobs"]
    asked: list[str] = []

    def answer(route: Route) -> None:
        """First far from the end and empty, for as long as a page goes on by itself."""
        asked.append(route.request.url)
        is_last = "cursor=2" in route.request.url
        route.fulfill(
            json={
                "jobs": found if is_last else found[:1],
                "scanned": 120_000,
                "reached_at": "2026-11-27T14:02:00.000Z",
                "cursor": None if is_last else "2" if len(asked) > 2 else "1",
                "is_complete": is_last,
            }
        )

    # The two seconds are over with the third call.
    page.add_init_script("""
        const now = Date.now, ask = fetch;
        let calls = 0;
        Date.now = () => now() + (calls === 3 ? 1e6 : 0);
        window.fetch = (to, ...more) => {
          calls += String(to).includes("/jobs/search");
          return ask(to, ...more);
        };""")
    page.route("**/api/v1/jobs/search**", answer)
    page = signed_in("/jobs?text=far-away")

    expect(page.get_by_text("Searched 360,000, back to 27 Nov 14:02")).to_be_visible()
    assert shown(page) == jobs[:0:-1]
    page.get_by_role("button", name="Keep searching").click()

    expect(page.get_by_text("Searched all 480,000 jobs")).to_be_visible()
    assert shown(page) == jobs[::-1]


def test_hostile_text_is_text(signed_in: Open, world: World) -> None:
    job = world.job("orders", payload={"x": HOSTILE})["id"]
    page = signed_in("/jobs?text=" + httpx.QueryParams({"t": HOSTILE[:28]}).get("t"))

    page.get_by_role("combobox").fill(HOSTILE[:28])
    page.get_by_role("option", name="in payloads, results, errors").click()

    expect(page.locator(f'tr[data-id="{job}"]')).to_contain_text("<img src=x onerror=alert(1)>")


def test_all_that_match_a_search_cannot_be_acted_on(signed_in: Open, world: World) -> None:
    world.job("orders", payload={"ref": "only-selected"})
    page = signed_in("/jobs?text=only-selected")

    page.get_by_label("Select all shown").check()

    selection = page.get_by_role("region", name="Selection")
    expect(selection.get_by_role("button", name="Cancel")).to_be_visible()
    expect(selection.get_by_role("button", name="choose")).to_have_count(0)
    expect(page.get_by_role("button", name="Export")).to_have_count(0)


def test_nothing_found_offers_the_filters(signed_in: Open, world: World) -> None:
    world.job("orders")
    page = signed_in("/jobs?text=nowhere-at-all")

    expect(page.get_by_text("fit these filters")).to_be_visible()
    expect(page.get_by_text("Searched all")).to_be_visible()
    page.get_by_role("button", name="Text: nowhere-at-all").last.click()

    expect(page.locator("tr[data-id]").first).to_be_visible()
