"""Takes pictures of every page, on a desktop and a phone, light and dark, to be looked at.

    python -m tests.dashboard.looks [--state full|empty|error …] [name of a page …]

writes `looks/` with an index; the folder is not committed. `full`: a seeded server. `empty`: one
with nothing in it. `error`: each read of the page fails. Without `--state` all three.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.dashboard.conftest import CHROMIUM, DESKTOP, PHONE, enter
from tests.dashboard.pages import ADMIN_KEY, PAGES, UNLOCKED, unlock
from tests.dashboard.world import World, seed
from tests.server_process import API_KEY, ServerProcess

FOLDER: Final = Path("looks")
SIZES: Final = {"desktop": DESKTOP, "phone": PHONE}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
STATES: Final = ("full", "empty", "error")
SETTLE_MS: Final = 700.0  # for what a page reads after its first paint
FAILED_MS: Final = 6000.0  # until a page has given up asking again
FAILURE: Final = {"code": "internal_error", "message": "An internal error occurred"}


def take(states: Sequence[str], names: Sequence[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for state in states:
            _take_state(browser, state, names)
        browser.close()
    lines = [
        f'<figure><img src="{shot.name}" width="700"><figcaption>{shot.name}</figcaption></figure>'
        for shot in sorted(FOLDER.glob("*.png"))
    ]
    (FOLDER / "index.html").write_text("<!doctype html>" + "".join(lines))


def _take_state(browser: Browser, state: str, names: Sequence[str]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder), admin_key=ADMIN_KEY) as server,
    ):
        server.start()
        base = f"{server.url}/api/v1"
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
            world = World(api) if state == "empty" else seed(api)
            world.made.setdefault("org", api.get("/auth/me").json()["organization_id"])
            tokens = api.post("/auth/login", json={"api_key": API_KEY}).json()
        for name in names:
            try:
                address = PAGES[name](world)
            except KeyError:
                continue  # of one thing that an empty server does not have
            _pictures(browser, state, server.url, tokens, (name, address))


def _pictures(
    browser: Browser, state: str, url: str, tokens: dict[str, str], page_of: tuple[str, str]
) -> None:
    name, address = page_of
    for size, (width, height) in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                reduced_motion="reduce",
                device_scale_factor=1,
            )
            page = context.new_page()
            page.add_init_script(
                enter({key: tokens[key] for key in ("access_token", "refresh_token")})
            )
            if state == "error":
                _refuse_reads(page)
            page.goto(f"{url}/#{address}")
            page.wait_for_selector("main h1")
            if name in UNLOCKED and state != "error":
                unlock(page)
            page.wait_for_timeout(FAILED_MS if state == "error" else SETTLE_MS)
            page.screenshot(path=FOLDER / f"{name}-{state}-{size}-{theme}.png", full_page=True)
            context.close()


def _refuse_reads(page: Page) -> None:
    def refuse(route: Route) -> None:
        if route.request.url.endswith("/auth/me"):
            route.continue_()
        else:
            route.fulfill(status=500, json=FAILURE, headers={"X-Request-Id": "01a3f-5d2c"})

    page.route("**/api/v1/**", refuse)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pictures of every page of the dashboard.")
    parser.add_argument("pages", nargs="*", metavar="page", help=", ".join(PAGES))
    parser.add_argument("--state", action="append", choices=STATES)
    given = parser.parse_args()
    if unknown := set(given.pages) - set(PAGES):
        parser.error(f"no such page: {', '.join(unknown)}")
    take(given.state or STATES, given.pages or list(PAGES))
