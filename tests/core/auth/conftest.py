from collections.abc import Iterator

import pytest

from tests.core.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    it = Store()
    yield it
    it.close()
