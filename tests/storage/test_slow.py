"""What keeps the writing thread for long is logged, and never without end."""

import logging
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.call_notes import NOTES, CallNotes
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.slow import CAUSES_MAX, INTERVAL_SECONDS, SLOW_SECONDS, SlowOperations
from spooled_lite.storage.transaction import Tx, together
from tests.storage.stage import a_database, run

LOGGER: Final = "spooled_lite.storage.slow"


def dawdle(tx: Tx) -> str:
    time.sleep(SLOW_SECONDS * 1.2)
    return "done"


def hurry(tx: Tx) -> None: ...


def a_request(operation: Any = dawdle, *arguments: Any, owner: int = 1) -> Request:
    return Request(operation, arguments, Lane.REST, owner, None)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger=LOGGER)
    return caplog


def of_operations(lines: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without those about commits: the disk of the test may be slow."""
    found = [each for each in lines.records if each.name == LOGGER]
    return [each for each in found if each.__dict__["fields"]["operation"] != "commit"]


def test_a_slow_operation_is_logged_with_its_time_and_who_asked_for_it(
    tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_database(tmp_path / "s.db") as db:
            notes = CallNotes(b"r-1")
            notes.route, notes.org_id = "/api/v1/jobs", "org-1"
            NOTES.set(notes)

            assert await db.submit(7, dawdle) == "done"

    run(main())

    [line] = of_operations(lines)
    about = line.__dict__["fields"]
    assert about.pop("ms") >= SLOW_SECONDS * 1000
    assert about == {
        "request_id": "r-1", "route": "/api/v1/jobs", "org": "org-1", "operation": "dawdle",
    }  # fmt: skip
    assert "slow operation: dawdle took" in line.getMessage()


def test_a_slow_commit_is_logged(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    def slow_commit(connection: sqlite3.Connection) -> None:
        time.sleep(SLOW_SECONDS * 1.2)
        connection.execute("COMMIT")

    async def main() -> None:
        async with a_database(tmp_path / "s.db", commit=slow_commit) as db:
            await db.write(hurry)

    run(main())

    assert "slow operation: commit took" in lines.text


def test_a_cause_that_lasts_has_one_line_an_interval_with_a_count(
    lines: pytest.LogCaptureFixture,
) -> None:
    now = 100.0
    slow = SlowOperations(lambda: now)

    for _ in range(5):
        slow.ran(a_request(), 0.06)
    slow.ran(a_request(owner=2), 0.06)
    now += INTERVAL_SECONDS
    slow.ran(a_request(), 0.07)

    said = [line.getMessage() for line in of_operations(lines)]
    assert said == [
        "slow operation: dawdle took 60 ms of the writing thread",
        "slow operation: dawdle took 60 ms of the writing thread",
        "slow operation: dawdle took 70 ms of the writing thread,"
        " and 4 more like it since the last such line",
    ]


def test_very_many_causes_are_told_together(lines: pytest.LogCaptureFixture) -> None:
    now = 100.0
    slow = SlowOperations(lambda: now)

    for owner in range(10 * CAUSES_MAX):
        slow.ran(a_request(owner=owner), 0.06)
    assert len(of_operations(lines)) == CAUSES_MAX + 1

    now += INTERVAL_SECONDS
    slow.ran(a_request(owner=-1), 0.06)

    assert len(of_operations(lines)) == CAUSES_MAX + 2


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (a_request(partial(partial(dawdle), 1)), "dawdle"),
        (a_request(lambda tx: None), "lambda"),
        (a_request(together, [(dawdle, ()), (hurry, ()), (dawdle, ())]), "dawdle, hurry"),
        (a_request(SlowOperations().ran), "SlowOperations.ran"),
    ],
)
def test_an_operation_has_a_name_that_leads_to_the_code(
    request_: Request, name: str, lines: pytest.LogCaptureFixture
) -> None:
    SlowOperations().ran(request_, 0.06)

    [line] = of_operations(lines)
    assert name in line.__dict__["fields"]["operation"]
