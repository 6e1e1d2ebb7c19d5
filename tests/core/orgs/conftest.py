from collections.abc import Iterator

import pytest

from tests.core.stage import Stage, a_stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield from a_stage()
