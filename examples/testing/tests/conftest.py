"""What the tests of the shop share."""

import pytest

from bank import Bank


@pytest.fixture
def card() -> Bank:
    return Bank()
