"""A report is made each night, also in the two nights in which the clocks change."""

import pytest
from spooled.client import SpooledClient

from shop.reports import QUEUE, plan
from spooled_lite.testing import World


def nights(world: World, days: int) -> list[str]:
    happened = world.clock.advance(f"{days}d").happened
    return [each["at"] for each in happened if each["what"] == "schedule.triggered"]


@pytest.mark.spooled(at="2030-03-08T12:00:00Z")
def test_the_night_without_half_past_two_has_one_report(
    spooled: World, spooled_client: SpooledClient
) -> None:
    plan(spooled_client)

    assert nights(spooled, 3) == [
        "2030-03-09T07:30:00.000Z",
        "2030-03-10T07:00:00.000Z",  # three in the morning, when two would have been
        "2030-03-11T06:30:00.000Z",
    ]
    spooled.expect({"queue": QUEUE, "status": "pending", "count": 3})


@pytest.mark.spooled(at="2030-11-02T12:00:00Z")
def test_the_night_with_two_half_past_ones_has_one_report(
    spooled: World, spooled_client: SpooledClient
) -> None:
    plan(spooled_client, "30 1 * * *")

    assert nights(spooled, 2) == ["2030-11-03T05:30:00.000Z", "2030-11-04T06:30:00.000Z"]


@pytest.mark.spooled(at="2030-03-01T12:00:00Z")
def test_a_machine_that_slept_for_a_week_makes_one_report_and_not_seven(
    spooled: World, spooled_client: SpooledClient
) -> None:
    plan(spooled_client)

    spooled.clock.outage("7d")

    spooled.expect({"queue": QUEUE, "count": 1})
