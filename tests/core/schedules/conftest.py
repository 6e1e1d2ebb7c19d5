from collections.abc import Iterator

import pytest

from tests.core.schedules.schedule_stage import ScheduleStage, a_schedule_stage


@pytest.fixture
def stage() -> Iterator[ScheduleStage]:
    yield from a_schedule_stage()
