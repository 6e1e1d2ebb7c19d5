"""The page for people, in a browser: small, folded, and its search looks into everything."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ServerProcess
from tests.wire.http.browser import shown_by_a_browser

pytestmark = pytest.mark.slow

ELEMENTS_MAX = 4_000  # it had 80,000 when every route was written out


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServerProcess(tmp_path_factory.mktemp("docs")) as server:
        server.start()
        yield server.url


def routes_shown(page: str) -> list[str]:
    return re.findall(r'<details class="route" id="([^"]+)" ?>', page)


def test_routes_are_folded_and_those_always_refused_stand_apart(url: str, tmp_path: Path) -> None:
    page = shown_by_a_browser(f"{url}/docs", tmp_path)

    assert page.count("</") < ELEMENTS_MAX
    assert "createJob" in routes_shown(page)
    real, _, refused = page.partition("<h2>Always refused</h2><p>")
    assert "registerWithPassword" in routes_shown(refused)
    assert "registerWithPassword" not in routes_shown(real)


@pytest.mark.parametrize(
    ("words", "found", "not_found"),
    [
        ("idempotency", "createJob", "getHealth"),
        ("LEASE_EXPIRED", "completeJob", "createJob"),
    ],
)
def test_the_search_looks_into_fields_and_errors(
    url: str, tmp_path: Path, words: str, found: str, not_found: str
) -> None:
    page = shown_by_a_browser(f"{url}/docs?q={words}", tmp_path)

    assert found in routes_shown(page)
    assert not_found not in routes_shown(page)  # it is hidden


def test_a_route_that_is_opened_has_its_command_and_answers(url: str, tmp_path: Path) -> None:
    page = shown_by_a_browser(f"{url}/docs#createJob", tmp_path)

    assert f"curl -X POST '{url}/api/v1/jobs'" in page
    assert page.count(">With curl<") == 1
