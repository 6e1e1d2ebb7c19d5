from collections.abc import Iterator

import pytest

from tests.core.job_stage import JobStage


@pytest.fixture
def stage() -> Iterator[JobStage]:
    stage = JobStage()
    yield stage
    stage.close()
