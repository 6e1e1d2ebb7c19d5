"""Random flows live as the contract says: settled once, never stuck, right in every number."""

import asyncio
import random
from typing import Final

import pytest

from tests.flow_model.core_stage import AnyStage, CoreStage
from tests.flow_model.documents import a_document
from tests.flow_model.life import Life
from tests.testing.stage import play

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


@pytest.mark.slow
def test_a_flow_lives_the_same_over_http() -> None:
    for number in range(3):
        live_over_http(f"http-{number}")


@pytest.mark.long
def test_many_flows_live_the_same_over_http() -> None:
    for number in range(LIVES_OF_A_SERIES):
        live_over_http(f"many-http-{number}")


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
    """One life, the same for the same seed."""
    stage = CoreStage()
    try:
        asyncio.run(lived(stage, seed, step_counts))
        stage.check()
    finally:
        stage.close()


def live_over_http(seed: str) -> None:
    play(lambda stage: lived(stage, seed, STEP_COUNTS))


async def lived(stage: AnyStage, seed: str, step_counts: tuple[int, ...]) -> None:
    """What it did is told when something is wrong."""
    choose = random.Random(seed)
    life = Life(stage, choose, a_document(choose, choose.choice(step_counts)))
    try:
        await life.live(ACTS)
    except (AssertionError, LookupError) as error:
        told = "\n".join([f"seed {seed!r}", str(life.document.body), *life.story])
        raise AssertionError(f"{error!r}\n{told}") from error
