"""Fixtures of the API tests: `served` for tests with await, `api` for those without."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.served import Api, Served, serving

ServedFactory = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def served(tmp_path: Path) -> ServedFactory:
    """`async with served(rate_limit_burst_size=5) as it:` — settings are passed by name."""

    def factory(**settings: Any) -> AbstractAsyncContextManager[Served]:
        return serving(str(tmp_path / "spooled.db"), Settings(**settings))

    return factory


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(str(tmp_path / "spooled.db"), Settings()) as it:
        yield it
