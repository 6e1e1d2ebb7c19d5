"""The soak of a real server, for a minute; `python -m tests.soak` makes it as long as one likes."""

import asyncio
from pathlib import Path

import pytest

from tests.soak.hours import Soak


@pytest.mark.long
def test_a_minute_of_everything_with_kills_and_backups_loses_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    soak = Soak(tmp_path, hours=3, hour_seconds=20)

    asyncio.run(soak.run(said.append))

    assert soak.complaints == [], said
