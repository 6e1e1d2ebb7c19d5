"""Rules over the files of the dashboard: its order, its size, and that it reads no markup."""

import re
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / "spooled_lite" / "dashboard"
FILES: Final = sorted(each for each in FOLDER.rglob("*") if each.is_file())
SCRIPTS: Final = [each for each in FILES if each.suffix == ".js"]
LINES_MAX: Final = 200
# Of all pages; what one page loads is bounded in a browser, at a third of it.
BYTES_MAX: Final = 630 * 1024
# What only a server for tests has a use for is loaded there alone.
OF_TEST_MODE: Final = {
    "test.css",
    "lib/described.js",
    "lib/test_mode.js",
    "pages/test.js",
    "parts/clock_bar.js",
    "parts/described_form.js",
    "parts/drain.js",
    "parts/expectations.js",
    "parts/fault_form.js",
    "parts/faults.js",
    "parts/kept.js",
    "parts/moving.js",
    "parts/seed.js",
    "parts/worlds.js",
}
BYTES_OF_TEST_MODE_MAX: Final = 62 * 1024
LEVEL: Final = {"lib": 0, "parts": 1, "pages": 2, ".": 3}
IMPORT: Final = re.compile(r"""(?:\bfrom\s+|\bimport\s*\(?\s*)["'`]([^"'`]+)["'`]""")
STATIC: Final = re.compile(r"^(?:import|export)[^;]*?from\s*[\"']([^\"']+)", re.MULTILINE)
# Each makes markup or code of text.
FORBIDDEN: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|dangerously|document\.write|DOMParser|setHTML"
    r"|createContextualFragment|\beval\b|new Function|set(?:Timeout|Interval)\(\s*[\"'`]"
)
STORAGE: Final = re.compile(r"\blocalStorage\b")


def named(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_a_script_is_short_and_reads_no_markup(path: Path) -> None:
    text = path.read_text("utf-8")

    assert len(text.splitlines()) <= LINES_MAX
    assert FORBIDDEN.findall(text) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_imports_point_down_and_stay_here(path: Path) -> None:
    here = LEVEL[path.relative_to(FOLDER).parent.as_posix()]

    for address in IMPORT.findall(path.read_text("utf-8")):
        assert address.startswith("."), f"{address} is of another site"
        there = (path.parent / address).resolve()
        if "${" not in address:
            assert there.is_file(), f"{address} is not there"
        assert LEVEL[there.relative_to(FOLDER).parent.as_posix()] <= here, f"imports up: {address}"


def test_only_the_preferences_are_kept_beyond_the_tab() -> None:
    keeping = [named(each) for each in SCRIPTS if STORAGE.search(each.read_text("utf-8"))]

    assert set(keeping) <= {"lib/prefs.js"}


def test_script_and_style_stay_within_their_budget() -> None:
    sizes = {
        named(each): each.stat().st_size
        for each in FILES
        if each.suffix in {".js", ".css", ".html"}
    }
    of_test_mode = sum(size for name, size in sizes.items() if name in OF_TEST_MODE)

    assert of_test_mode <= BYTES_OF_TEST_MODE_MAX
    assert sum(sizes.values()) - of_test_mode <= BYTES_MAX


def test_test_mode_is_loaded_by_itself_alone() -> None:
    """Others name it only in a call that loads it when it is wanted."""
    for path in SCRIPTS:
        for address in STATIC.findall(path.read_text("utf-8")):
            there = named((path.parent / address).resolve())
            assert there not in OF_TEST_MODE or named(path) in OF_TEST_MODE, named(path)


def loaded_with(name: str) -> set[str]:
    """A script and all that it imports, and those import, before it runs."""
    needed = {FOLDER / name}
    waiting = [FOLDER / name]
    while waiting:
        path = waiting.pop()
        for address in STATIC.findall(path.read_text("utf-8")):
            there = (path.parent / address).resolve()
            if there not in needed:
                needed.add(there)
                waiting.append(there)
    return {named(each) for each in needed}


def test_the_page_asks_at_once_for_all_that_every_page_needs() -> None:
    """One level of waiting: no script is first named by another that had to arrive."""
    page = (FOLDER / "index.html").read_text("utf-8")
    asked = set(re.findall(r'rel="modulepreload" href="\./\{files\}/([^"]+)"', page))

    assert asked == loaded_with("app.js") - {"app.js"}


@pytest.mark.parametrize(("address", "script"), [("", "pages/home.js"), ("jobs", "pages/jobs.js")])
def test_the_scripts_of_the_first_views_are_named_before_any_has_arrived(
    address: str, script: str
) -> None:
    page = (FOLDER / "index.html").read_text("utf-8")

    [scripts] = re.findall(f'<meta name="page/{address}" content="([^"]+)"', page)

    own = loaded_with(script) - loaded_with("app.js")
    assert {f"{name}.js" for name in scripts.split()} == own


def test_the_page_has_nothing_that_its_policy_refuses() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")

    assert re.findall(r"\son\w+=|\sstyle=|<style|javascript:", page) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
