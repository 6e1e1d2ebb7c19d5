"""Takes pictures of every page, on a desktop and a phone, light and dark, to be looked at.

    python -m tests.dashboard.looks [name of a page …]

writes `looks/` with an index; the folder is not committed.
"""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import httpx
from playwright.sync_api import Browser, sync_playwright

from tests.dashboard.conftest import CHROMIUM, DESKTOP, PHONE, enter
from tests.dashboard.pages import ADMIN_KEY, PAGES, UNLOCKED, unlock
from tests.dashboard.world import World, seed
from tests.server_process import API_KEY, ServerProcess

FOLDER: Final = Path("looks")
SIZES: Final = {"desktop": DESKTOP, "phone": PHONE}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SETTLE_MS: Final = 700.0  # for what a page reads after its first paint


def take(names: Iterable[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder), admin_key=ADMIN_KEY) as server,
    ):
        server.start()
        base = f"{server.url}/api/v1"
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {API_KEY}"}) as api:
            world = seed(api)
            tokens = api.post("/auth/login", json={"api_key": API_KEY}).json()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            shots = [
                shot
                for name in names
                for shot in _pictures(browser, server.url, world, tokens, name)
            ]
            browser.close()
    lines = [
        f'<figure><img src="{shot}" width="700"><figcaption>{shot}</figcaption></figure>'
        for shot in shots
    ]
    (FOLDER / "index.html").write_text("<!doctype html>" + "".join(lines))


def _pictures(
    browser: Browser, url: str, world: World, tokens: dict[str, str], name: str
) -> Iterable[str]:
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
            page.goto(f"{url}/#{PAGES[name](world)}")
            page.wait_for_selector("main h1")
            if name in UNLOCKED:
                unlock(page)
            page.wait_for_timeout(SETTLE_MS)
            shot = f"{name}-{size}-{theme}.png"
            page.screenshot(path=FOLDER / shot, full_page=True)
            context.close()
            yield shot


if __name__ == "__main__":
    take(sys.argv[1:] or PAGES)
