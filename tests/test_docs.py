"""The documents name everything there is, and nothing that there is not."""

import re
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from spooled_lite.config import Settings
from spooled_lite.config_names import NOT_OURS, PLAN_VALUE
from spooled_lite.config_secrets import FILE_VARIABLES
from spooled_lite.core.jobs import history
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS
from spooled_lite.errors import OutageReason, SpooledError
from spooled_lite.events import EventType
from spooled_lite.testing.routes import TEST_ROUTES
from spooled_lite.wire.http.dispatch import API_PREFIX, Dispatch
from spooled_lite.wire.http.errors import STATUS
from spooled_lite.wire.http.routes import ROUTES
from tests.wire.http.route_table import MAIN_PORT

ROOT: Final = Path(__file__).parent.parent
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_CODE: Final = re.compile(r"`([^`]*)`")
_EXAMPLE: Final = re.compile(r"https?://127\.0\.0\.1:\d+(/[^\s\"'?`)]*)")
_VARIABLE: Final = re.compile(r"SPOOLED_[A-Z0-9_]+")
_LINK: Final = re.compile(r"\]\(([^)#:]+)\)")


def table(document: str, heading: str) -> list[list[str]]:
    """The rows of every table that has this first heading, cell by cell."""
    rows: list[list[str]] = []
    is_inside = False
    for line in (ROOT / "docs" / document).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            is_inside = False
        elif cells[0] == heading:
            is_inside = True
        elif is_inside and not cells[0].startswith("---"):
            rows.append(cells)
    assert rows, f"{document} has no table that begins with {heading}"
    return rows


def codes(cell: str) -> list[str]:
    return _CODE.findall(cell)


def test_every_route_is_in_the_table_of_routes() -> None:
    successes = {(row[0], row[1]): row[4].split(",") for row in MAIN_PORT}
    written = {
        (method, codes(path)[0]): (codes(word), success.split(", "))
        for method, path, _, word, success in table("api.md", "Method")
    }

    assert written == {
        (method, path): ([] if word == "-" else word.split(), successes[(method, path)])
        for method, path, _, _, word, *_ in ROUTES
    }


def test_every_route_of_test_mode_is_in_its_table() -> None:
    written = {(method, codes(path)[0]) for method, path, _ in table("testing.md", "Method")}

    assert written == {(method, path.removeprefix(API_PREFIX)) for method, path, *_ in TEST_ROUTES}


def test_every_route_says_what_it_does() -> None:
    assert all(row[2] for row in table("api.md", "Method"))


def test_every_variable_that_names_a_file_with_a_secret_is_in_their_table() -> None:
    written = [codes(row[0])[0] for row in table("settings.md", "File with a secret")]

    assert sorted(written) == sorted(FILE_VARIABLES)


def test_every_error_code_is_in_the_table_of_errors_with_its_status() -> None:
    written = {(codes(row[0])[0], int(row[1])) for row in table("errors.md", "Code")}

    assert written == {(kind.code, status) for kind, status in STATUS.items()}


def test_every_reason_of_a_503_is_in_its_table() -> None:
    written = {codes(row[0])[0] for row in table("errors.md", "Reason")}

    assert written == set(get_args(OutageReason))


def test_every_event_is_in_the_table_of_events() -> None:
    rows = table("events.md", "Event")

    assert [codes(row[0])[0] for row in rows] == list(get_args(EventType))
    assert all(row[1] for row in rows)


def test_the_table_of_events_tells_which_are_in_the_history() -> None:
    written = {codes(row[0])[0] for row in table("events.md", "Event") if row[2] != "-"}

    assert written == set(history._LINES)


def test_every_setting_is_in_the_table_of_settings_with_its_default() -> None:
    defaults: dict[str, Any] = msgspec.structs.asdict(Settings())
    del defaults["plan_values"]  # many variables, described below the table
    del defaults["given"]  # what was set, and no setting

    written = {codes(row[0])[0]: row[1:] for row in table("settings.md", "Setting")}

    assert list(written) == list(defaults)
    for name, (variable, default) in written.items():
        assert codes(variable) == [f"SPOOLED_{name.upper()}"]
        assert default == shown(defaults[name]), name


def shown(value: Any) -> str:
    """A default as the table has it: as in the file, and a dash for none."""
    if value is None:
        return "-"
    text = msgspec.json.encode(value).decode()
    return f"`{text}`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_variables_that_are_named_exist(document: Path) -> None:
    known = {f"SPOOLED_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    known |= set(FILE_VARIABLES)

    for name in _VARIABLE.findall(document.read_text()):
        assert name in known | NOT_OURS or PLAN_VALUE.fullmatch(name) or name == "SPOOLED_PLAN_"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_codes_that_are_named_exist(document: Path) -> None:
    known = {kind.code for kind in _errors()}

    for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", document.read_text()):
        assert name in known or name.startswith(("SPOOLED_", "OTEL_")), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_that_are_named_are_served(document: Path) -> None:
    dispatch = Dispatch((*ROUTES, *TEST_ROUTES))
    text = document.read_text()

    for path in _EXAMPLE.findall(text):
        dispatch.methods(path.encode())  # raises for one that is not served
    for path in re.findall(r"`(?:GET |POST |PUT |DELETE )?(/api/v1/[^`?]*)`", text):
        dispatch.methods(path.encode())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    missing = [
        link
        for link in _LINK.findall(document.read_text())
        if not (document.parent / link).exists()
    ]

    assert missing == []


def _errors() -> list[type[SpooledError]]:
    found = list(SpooledError.__subclasses__())
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if hasattr(kind, "code")]


def test_every_event_of_webhooks_is_in_their_table() -> None:
    written = [codes(row[0])[0] for row in table("events.md", "Webhook event")]

    assert written == list(WEBHOOK_EVENTS)


def test_the_questions_of_newcomers_name_few_files_and_they_exist() -> None:
    asked = dict(table("../README.md", "Question"))

    assert len(asked) >= 5
    for question, answer in asked.items():
        files = [name for name in codes(answer) if "/" in name or name.endswith(".py")]
        missing = [name for name in files if not (ROOT / "spooled_lite" / name).is_file()]
        assert missing == [], question
        assert 1 <= len(files) <= (5 if "field" in question else 2), question


def test_each_decision_has_a_number_of_its_own() -> None:
    titles = {
        each.name: each.read_text().split("\n", 1)[0]
        for each in (ROOT / "docs" / "decisions").iterdir()
    }
    numbers = [name[:4] for name in sorted(titles)]
    assert numbers == [f"{number:04}" for number in range(1, len(titles) + 1)]
    assert [name for name, title in titles.items() if not title.startswith(f"# {name[:4]}: ")] == []
