"""A server in test mode, and what its pages are held to."""

from typing import Any, Final, Literal

import httpx
from playwright.sync_api import Page

from tests.dashboard.conftest import DESKTOP, PHONE
from tests.dashboard.test_every_page import violations

BAR: Final = ".clock-bar"
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
NARROW: Final = 320


def new_job(there: httpx.Client, **more: Any) -> str:
    answer = there.post("/jobs", json={"queue_name": "emails", "payload": {}, **more})
    answer.raise_for_status()
    made: str = answer.json()["id"]
    return made


def bad_on_any_screen(page: Page) -> list[str]:
    """What keeps people from using the page as it is: by axe, in both themes and widths; and
    whether it is wider than a narrow screen."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width, height in (DESKTOP, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("scrollTo(0, 0)")
            found += [f"{theme} {width}: {each}" for each in violations(page)]
    page.set_viewport_size({"width": NARROW, "height": 640})
    if (width := page.evaluate("document.documentElement.scrollWidth")) > NARROW:
        found.append(f"{width} wide")
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    return found
