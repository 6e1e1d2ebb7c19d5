"""The dashboard in the system's Chromium, against the real server on a file.

One browser for all tests here, one server for each module, one page for each test. A page that
logs an error, throws, is refused something by its policy or by the server fails its test, unless
the test allows it by `watch.allow`.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dashboard.pages import ADMIN_KEY
from tests.dashboard.watched import Watch
from tests.dashboard.world import World, seed
from tests.server_process import API_KEY, ServerProcess
from tests.testing.test_serve import serving

CHROMIUM: Final = shutil.which("chromium")
HERE: Final = Path(__file__).parent
WAIT_MS: Final = 15_000.0  # for what a page should show; the machine may be busy

DESKTOP: Final = (1280, 800)
PHONE: Final = (390, 844)

expect.set_options(timeout=WAIT_MS)


def enter(tokens: dict[str, str]) -> str:
    """Before the scripts of a page, unless somebody has signed out: the tokens of its tab."""
    return f"""
        if (location.protocol === "http:" && !sessionStorage.getItem("test")) {{
          sessionStorage.setItem("test", "entered");
          for (const [name, value] of Object.entries({json.dumps(tokens)}))
            sessionStorage.setItem(`spooled.${{name}}`, value);
        }}"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


# Of this folder and no longer: while it is there, nothing else in this thread may run a loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the tests of the dashboard need it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("dashboard"), admin_key=ADMIN_KEY) as process:
        process.start()
        yield process


@pytest.fixture(scope="module")
def api(server: ServerProcess) -> Iterator[httpx.Client]:
    """What a test sets up and looks at beside the page."""
    with httpx.Client(
        base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {API_KEY}"}
    ) as client:
        yield client


@pytest.fixture(scope="module")
def world(api: httpx.Client) -> World:
    """The server with something of everything in it."""
    return seed(api)


@pytest.fixture(scope="module")
def tokens(server: ServerProcess) -> dict[str, str]:
    answer = httpx.post(f"{server.url}/api/v1/auth/login", json={"api_key": API_KEY})
    return {name: answer.json()[name] for name in ("access_token", "refresh_token")}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(
        viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, reduced_motion="reduce"
    ) as context:
        context.set_default_timeout(WAIT_MS)
        yield context


@pytest.fixture
def watch(context: BrowserContext) -> Iterator[Watch]:
    it = Watch(context.new_page())
    yield it
    assert it.problems == []


@pytest.fixture
def page(watch: Watch) -> Page:
    """Signed out, at no address yet."""
    return watch.page


@pytest.fixture
def signed_in(page: Page, server: ServerProcess, tokens: dict[str, str]) -> Callable[[str], Page]:
    """Opens an address behind `#`, as who holds the first key: `signed_in("/jobs")`."""
    page.add_init_script(enter(tokens))

    def open_at(address: str) -> Page:
        page.goto(f"{server.url}/#{address}")
        page.wait_for_selector("main h1")
        return page

    return open_at


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the ready file of a server in test mode says."""
    with serving(tmp_path_factory.mktemp("test-mode"), "--test", "--seed", "1") as (about, _):
        yield about


@pytest.fixture
def there(stage: dict[str, Any]) -> Iterator[httpx.Client]:
    """Calls the server in test mode, which is as it was at its start."""
    headers = {"Authorization": f"Bearer {stage['api_key']}"}
    with httpx.Client(base_url=f"{stage['url']}/api/v1", headers=headers, timeout=40) as client:
        for fork in client.get("/test/forks").json()["forks"]:
            client.delete(f"/test/forks/{quote(fork['name'], safe='')}").raise_for_status()
        client.post("/test/reset").raise_for_status()
        yield client


@pytest.fixture
def on_stage(page: Page, stage: dict[str, Any], there: httpx.Client) -> Callable[[str], Page]:
    """As `signed_in`, of the server in test mode."""
    given = there.post("/auth/login", json={"api_key": stage["api_key"]}).json()
    page.add_init_script(enter({name: given[name] for name in ("access_token", "refresh_token")}))

    def open_at(address: str) -> Page:
        page.goto(f"{stage['url']}/#{address}")
        page.wait_for_selector(".clock-bar .btn")
        return page

    return open_at


@pytest.fixture
def lib(page: Page, server: ServerProcess) -> Callable[[str], Any]:
    """Runs a piece of script in a page of its own, with `load("lib/signal")` for a module of the
    dashboard. Returns what the piece returns."""
    front = httpx.get(server.url, headers={"Accept": "text/html"}).text
    files = front.partition('href="./')[2].partition("/")[0]
    page.route("**/units", lambda route: route.fulfill(content_type="text/html", body="<body>"))
    page.goto(f"{server.url}/units")

    def run(body: str) -> Any:
        load = f"const load = name => import(`{server.url}/{files}/${{name}}.js`);"
        return page.evaluate(f"async () => {{ {load} {body} }}")

    return run
