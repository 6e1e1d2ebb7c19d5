"""What repeats itself in one failure fills no log."""

import asyncio
import logging

import pytest

from spooled_lite.config import Settings
from spooled_lite.log_counts import CAUSES_MAX, OTHER, Counted
from spooled_lite.outbound import mail
from spooled_lite.wire.http import api as boundary
from tests.wire.http.job_calls import WatchedApi

LOGGER = logging.getLogger("repeats")
SECONDS = 0.05


def test_a_cause_is_one_line_and_then_a_count_per_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    counted = Counted(seconds=SECONDS)

    async def scenario() -> None:
        for number in range(7_600):
            counted.log(LOGGER, logging.INFO, "503 overloaded", "the first was %d", number)
        counted.log(LOGGER, logging.INFO, "503 storage_full", "another cause")
        async with asyncio.timeout(10):
            while len(caplog.records) < 3:  # noqa: ASYNC110  # a line announces itself to nobody
                await asyncio.sleep(SECONDS)

    asyncio.run(scenario())

    assert [record.getMessage() for record in caplog.records] == [
        "the first was 0",
        "another cause",
        f"503 overloaded: 7599 more in {SECONDS} s",
    ]


def test_what_happens_again_later_is_written_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    counted = Counted(seconds=SECONDS)

    async def scenario() -> None:
        counted.log(LOGGER, logging.INFO, "a", "first")
        async with asyncio.timeout(10):
            while counted._open:  # noqa: ASYNC110  # as above
                await asyncio.sleep(SECONDS)
        counted.log(LOGGER, logging.INFO, "a", "again")

    asyncio.run(scenario())

    assert [record.getMessage() for record in caplog.records] == ["first", "again"]


def test_causes_that_somebody_makes_up_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    counted = Counted()

    async def scenario() -> None:
        for number in range(CAUSES_MAX * 3):
            counted.log(LOGGER, logging.INFO, f"cause {number}", "line of %d", number)

    asyncio.run(scenario())

    assert len(caplog.records) == CAUSES_MAX + 1
    assert counted._more == {OTHER: CAUSES_MAX * 2 - 1}


def test_nothing_is_counted_at_a_level_that_is_not_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    counted = Counted()

    counted.log(LOGGER, logging.INFO, "a", "needs no loop")

    assert caplog.records == []


def test_calls_that_one_trouble_refuses_are_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger=boundary.__name__)
    with WatchedApi(":memory:", Settings()) as api:
        monkeypatch.setattr(mail, "WAITING_MAX", 0)

        answers = [
            api.post("auth/email/start", key=None, json={"email": f"{n}@example.com"})
            for n in range(8)
        ]
        api.get("jobs")

    assert [answer.status_code for answer in answers] == [503] * 8
    [line] = [each for each in caplog.records if each.name == boundary.__name__]
    assert line.getMessage() == "503 overloaded, first of POST /api/v1/auth/email/start"
