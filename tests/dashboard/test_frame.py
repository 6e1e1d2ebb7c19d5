"""The frame around every page: find, keys, addresses, a server that goes away, the policy."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.dashboard.watched import Watch
from tests.dashboard.world import World
from tests.server_process import ServerProcess

Open = Callable[[str], Page]
SEARCH = re.compile("in payloads, results, errors")


def test_a_pasted_id_and_enter_lead_to_the_job(signed_in: Open, world: World) -> None:
    job = world.made["waiting"]["id"]
    page = signed_in("/")

    page.keyboard.press("/")
    page.keyboard.insert_text(job)
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/#/jobs/{job}")
    expect(page.locator("h1")).to_have_text(job[:8])


def test_a_part_of_a_name_finds_queues_and_pages(signed_in: Open, world: World) -> None:
    page = signed_in("/jobs")
    found = page.get_by_role("listbox", name="Found")

    page.get_by_role("combobox").fill("thumb")
    expect(found.get_by_role("option")).to_have_text([re.compile("thumbnails.*queue"), SEARCH])
    page.get_by_role("combobox").fill("webh")
    expect(found.get_by_role("option")).to_have_text([re.compile("Webhooks.*page"), SEARCH])
    page.get_by_role("combobox").fill("nothing at all")
    expect(found.get_by_role("option")).to_have_text([SEARCH])
    page.keyboard.press("Escape")

    expect(found).to_be_hidden()


def test_the_help_names_the_keys_that_work_here(signed_in: Open, world: World) -> None:
    page = signed_in("/jobs")
    expect(page.locator("tr[data-id]").first).to_be_visible()

    page.keyboard.press("?")

    dialog = page.get_by_role("dialog", name="Keyboard")
    for text in ("Next row", "Retry", "Dead letters", "Hold what is shown"):
        expect(dialog.get_by_text(text, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys_can_be_switched_off(signed_in: Open) -> None:
    page = signed_in("/jobs")
    page.keyboard.press("?")
    page.get_by_label("Shortcuts of a single key").uncheck()
    page.keyboard.press("Escape")

    page.keyboard.press("t")
    page.keyboard.press("g")
    page.keyboard.press("h")

    expect(page.locator("html")).to_have_attribute("data-theme", "system")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_theme_and_zone_are_kept_in_this_browser(signed_in: Open) -> None:
    page = signed_in("/")

    page.keyboard.press("t")
    page.keyboard.press("u")
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("Object.keys(localStorage).sort()") == ["spooled.theme", "spooled.zone"]


def test_a_server_that_goes_away_is_told_and_comes_back(
    signed_in: Open, world: World, watch: Watch
) -> None:
    watch.allow("ERR_FAILED|ERR_CONNECTION|net::")
    page = signed_in("/")
    expect(page.locator('tr[data-id="charges"]')).to_be_visible()

    page.route(re.compile("/api/|/health"), lambda route: route.abort())
    page.keyboard.press("r")

    expect(page.get_by_text("The server does not answer.", exact=True)).to_be_visible()
    expect(page.locator('tr[data-id="charges"]')).to_be_visible()
    pause = page.get_by_role("button", name="Pause charges")
    expect(pause).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_text(re.compile("^Offline, data of"))).to_be_visible()
    page.unroute(re.compile("/api/|/health"))
    page.keyboard.press("r")
    expect(page.get_by_text("The server does not answer.", exact=True)).to_be_hidden()
    expect(pause).not_to_have_attribute("aria-disabled", "true")


def test_it_works_below_any_prefix(
    page: Page, server: ServerProcess, signed_in: Open, world: World
) -> None:
    """As behind a proxy that takes the prefix away."""

    def strip(route: Route) -> None:
        route.continue_(url=route.request.url.replace("/some/prefix/", "/"))

    page.route("**/some/prefix/**", strip)
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url))

    page.goto(f"{server.url}/some/prefix/#/jobs?status=deadletter")

    expect(page.locator("tr[data-id]").first).to_be_visible()
    page.wait_for_selector('.live[data-state="live"]')
    page.get_by_role("link", name="Home").click()
    expect(page.locator('tr[data-id="charges"]')).to_be_visible()
    assert [url for url in asked if "/some/prefix/" not in url] == []


@pytest.mark.parametrize("address", ["/", "/jobs"])
def test_the_first_view_is_small(page: Page, signed_in: Open, world: World, address: str) -> None:
    page.add_init_script("""new MutationObserver((_, it) => {
        if (!document.querySelector("tr[data-id]")) return;
        it.disconnect();
        window.firstRow = performance.now();
    }).observe(document, { childList: true, subtree: true })""")
    signed_in(address)
    page.wait_for_selector("tr[data-id]")

    files = page.evaluate(
        "performance.getEntriesByType('resource').filter(it => it.startTime < firstRow && !/api|health/.test(it.name)).map(it => it.decodedBodySize)"
    )

    assert 50 * 1024 < sum(files) <= 150 * 1024


@pytest.mark.parametrize(
    "script",
    [
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "document.body['inner' + 'HTML'] = '<img src=x onerror=alert(1)>'",
    ],
)
def test_the_policy_refuses_markup_made_of_text(signed_in: Open, watch: Watch, script: str) -> None:
    watch.allow("policy: require-trusted-types-for|TrustedHTML")
    page = signed_in("/more")

    told = page.evaluate(
        f"() => {{ try {{ {script}; return 'done'; }} catch (error) {{ return error.name; }} }}"
    )

    assert told == "TypeError"


def test_the_policy_refuses_scripts_of_others(signed_in: Open, watch: Watch) -> None:
    watch.allow(
        "policy: |Content Security Policy|ERR_BLOCKED_BY_CSP|Refused|TrustedScript|violates| csp$"
    )
    page = signed_in("/more")

    told = page.evaluate("""async () => {
        const tried = [];
        for (const url of ["data:text/javascript,1", "https://example.com/x.js"])
          tried.push(await import(url).then(() => "ran", () => "refused"));
        tried.push(await fetch("https://example.com/").then(() => "sent", () => "refused"));
        return tried;
    }""")

    assert told == ["refused", "refused", "refused"]
