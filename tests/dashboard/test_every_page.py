"""What holds for each page: WCAG 2.2 AA, in both themes and widths; hostile text; no overflow."""

from collections.abc import Callable
from importlib import resources
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Page

from tests.dashboard.conftest import DESKTOP, PHONE
from tests.dashboard.pages import PAGES, UNLOCKED, unlock
from tests.dashboard.world import World

AXE: Final = resources.files("axe_playwright_python").joinpath("axe.min.js")
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN: Final = """async tags => (await axe.run(document, { runOnly: tags })).violations.map(it =>
  `${it.id}: ${it.nodes.slice(0, 3).map(node => `${node.target} (${node.any[0]?.message ?? node.html})`).join("; ")}`)"""
# What is closed is read when it is opened.
READ: Final = """() => document.querySelector("main h1") &&
  ![...document.querySelectorAll(".skeleton")].some(it => !it.closest("details:not([open])"))"""


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA in the page as it is."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(RUN, RULES)
    return found


@pytest.fixture
def at(signed_in: Callable[[str], Page], world: World) -> Callable[[str], Page]:
    """Opens a page of the table by its name, when it has read."""

    def open_named(name: str) -> Page:
        page = signed_in(PAGES[name](world))
        if name in UNLOCKED:
            unlock(page)
        page.wait_for_function(READ)
        return page

    return open_named


@pytest.mark.parametrize("name", PAGES)
def test_people_with_disabilities_can_use_it(at: Callable[[str], Page], name: str) -> None:
    page = at(name)
    found: dict[str, Any] = {}
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        for width, height in (DESKTOP, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            if problems := violations(page):
                found[f"{theme} {width}"] = problems

    assert found == {}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_narrow_screen(at: Callable[[str], Page], name: str) -> None:
    page = at(name)

    page.set_viewport_size({"width": 320, "height": 640})

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_open_menus_and_dialogs_are_usable_too(at: Callable[[str], Page]) -> None:
    page = at("jobs")
    page.get_by_role("button", name="Queue: any").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert violations(page) == []
