from collections.abc import Iterator

import pytest

from tests.core.webhooks.hook_stage import HookStage


@pytest.fixture
def stage() -> Iterator[HookStage]:
    stage = HookStage()
    try:
        yield stage
    finally:
        stage.close()
