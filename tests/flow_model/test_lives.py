"""Random flows live as the contract says: settled once, never stuck, right in every number."""

import asyncio
import random
from typing import Final

import pytest

from tests.flow_model.core_stage import CoreStage
from tests.flow_model.documents import a_document
from tests.flow_model.life import Life

STEP_COUNTS: Final = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
LARGE: Final = (20, 50, 100, 200)
ACTS: Final = 40
LIVES_OF_A_SERIES: Final = 100


@pytest.mark.parametrize("number", range(12))
def test_a_small_flow_lives_as_the_contract_says(number: int) -> None:
    live(f"small-{number}", STEP_COUNTS)


@pytest.mark.slow
def test_a_flow_of_two_hundred_steps_lives_as_the_contract_says() -> None:
    live("large", (200,))


@pytest.mark.long
@pytest.mark.parametrize("series", range(8))
def test_many_flows_live_as_the_contract_says(series: int) -> None:
    for number in range(LIVES_OF_A_SERIES):
        live(f"series-{series}-{number}", STEP_COUNTS)


@pytest.mark.long
@pytest.mark.parametrize("series", range(4))
def test_large_flows_live_as_the_contract_says(series: int) -> None:
    for number in range(LIVES_OF_A_SERIES // 4):
        live(f"large-{series}-{number}", LARGE)


def live(seed: str, step_counts: tuple[int, ...]) -> None:
    """One life, the same for the same seed. What it did is told when something is wrong."""
    choose, stage = random.Random(seed), CoreStage()
    life = Life(stage, choose, a_document(choose, choose.choice(step_counts)))
    try:
        asyncio.run(life.live(ACTS))
        stage.check()
    except (AssertionError, LookupError) as error:
        told = "\n".join([f"seed {seed!r}", str(life.document.body), *life.story])
        raise AssertionError(f"{error!r}\n{told}") from error
    finally:
        stage.close()
