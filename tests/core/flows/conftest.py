from collections.abc import Iterator

import pytest

from tests.core.job_stage import JobStage, a_job_stage


@pytest.fixture
def stage() -> Iterator[JobStage]:
    yield from a_job_stage()
