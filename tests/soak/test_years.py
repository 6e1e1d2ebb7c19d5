"""Years in minutes: nothing is lost or done twice, and nothing grows."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.server_process import ServerProcess
from tests.soak.years import Ending, Life, Mark, Rates

BEGIN: Final = datetime(2030, 1, 1, tzinfo=UTC)
# What the allocator, and the longest log, take more at one time than at another.
GROWTH_MAX: Final = 4 * 2**20
FILE_GROWTH_MAX: Final = 1.15


@pytest.mark.slow
def test_four_weeks_lose_nothing(tmp_path: Path) -> None:
    """With retention of a week, and the night in which New York's clocks go forward."""
    rates = Rates(schedules=1, hours=6, created=4, retention_days=7)

    begin = datetime(2030, 2, 26, tzinfo=UTC)
    marks = asyncio.run(a_life(tmp_path, rates, begin, [7] * 4, {1: "kill"}))

    assert marks[-1].file_bytes <= FILE_GROWTH_MAX * max(each.file_bytes for each in marks[1:3])


@pytest.mark.long
def test_two_years_of_10_000_jobs_a_month_lose_nothing_and_nothing_grows(tmp_path: Path) -> None:
    """Restarted each second month of the first year; the second year is one run."""
    rates = Rates(schedules=13, hours=1, created=15, retention_days=30)

    restarts: dict[int, Ending] = {
        1: "kill",
        3: "stop",
        5: "kill",
        7: "kill",
        9: "stop",
        11: "kill",
    }
    marks = asyncio.run(a_life(tmp_path, rates, BEGIN, [30] * 25, restarts))

    for each in marks:
        print(each)  # noqa: T201
    assert_nothing_grows(marks[13:])


async def a_life(
    folder: Path, rates: Rates, begin: datetime, stretches: list[int], restarts: dict[int, Ending]
) -> list[Mark]:
    settings = {"durability": "normal", "job_retention_days": str(rates.retention_days)}
    with ServerProcess(folder, log_level="warning", **settings) as server:
        life = Life(server, rates, begin)
        await life.begin()
        for number, days in enumerate(stretches):
            since = life.now
            await life.pass_days(days)
            await life.mark(since)
            if number in restarts:
                await life.restart(restarts[number])
        await life.end()
    assert life.ledger.complaints == []
    return life.marks


def assert_nothing_grows(marks: Sequence[Mark]) -> None:
    """Of one process: its second half against its first."""
    first, second = marks[: len(marks) // 2], marks[len(marks) // 2 :]
    memory = max(each.resident_bytes for each in first) + GROWTH_MAX
    assert max(each.resident_bytes for each in second) <= memory
    assert second[-1].open_files <= max(each.open_files for each in first)
    log = max(each.wal_bytes for each in first) + GROWTH_MAX
    assert max(each.wal_bytes for each in second) <= log
    largest = max(each.file_bytes for each in first)
    assert max(each.file_bytes for each in second) <= FILE_GROWTH_MAX * largest
