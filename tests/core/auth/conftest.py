from collections.abc import Iterator

import pytest

from tests.core.stage import Stage, a_stage
from tests.core.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    it = Store()
    yield it
    it.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield from a_stage()
