"""Schedules in a world whose clock is moved fire as the clocks on the walls of their zones say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import pytest

from spooled_lite.events import Event
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.move import How
from tests.core.schedules.cron_oracle import (
    DAY,
    RULES,
    Rule,
    Stretch,
    slots_by_minute,
    stretches,
    walls,
)
from tests.testing.stage import Stage, play

YEAR: Final = (
    int(datetime(2030, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2031, 1, 1, tzinfo=UTC).timestamp()),
)
AWKWARD: Final = (
    "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana",
    "Africa/Cairo", "Pacific/Chatham",
)  # fmt: skip
NAMES: Final = sorted(available_timezones() - {"localtime"})
ONCE: Final = [each for each in RULES if each.expression in ("30 2 * * *", "15,45 0,1,23 * * *")]
MANY: Final = [
    each
    for each in RULES
    if each.expression in ("30 2 * * *", "*/10 0-3 * * *", "15,45 0,1,23 * * *", "*/15 */2 * * *")
]
TO_ITS_END: Final = How(workers="ignore", steps_max=10**6, real_ms_max=10**7)


def changes(names: Iterable[str]) -> Mapping[Stretch, list[str]]:
    """The days of the year on which clocks are changed, and in which zones; for a zone that never
    changes a day like any other."""
    found = defaultdict[Stretch, list[str]](list)
    for name in names:
        near, days = stretches(ZoneInfo(name), *YEAR)
        for stretch in near or [Stretch(days[100], days[100] + DAY)]:
            found[stretch].append(name)
    return found


def differences(stretch: Stretch, names: Sequence[str], rules: Sequence[Rule]) -> list[Any]:
    """Schedules that have missed a slot, or fired twice or at another time, and when."""

    async def script(stage: Stage) -> dict[str, list[int]]:
        fired = defaultdict[str, list[int]](list)

        def hear(events: Sequence[Event]) -> None:
            for each in events:
                if each.type == "schedule.triggered":
                    fired[each.row["name"]].append(each.at_ms)

        stage.world.app.services.bus.listen(hear)
        for name in names:
            for rule in rules:
                body = {
                    "name": f"{name} {rule.expression}", "cron_expression": rule.expression,
                    "timezone": name, "queue_name": "reports", "payload_template": {},
                }  # fmt: skip
                await stage.post("schedules", body)
        await stage.world.stepper.advance(stretch.end * 1000 - 1, TO_ITS_END)
        return fired

    # A slot is strictly after the moment at which its schedule was made.
    clock = VirtualClock(stretch.start * 1000 - 1)
    fired = play(script, clock=clock, seconds_max=3_600.0)
    wrong = []
    for name in names:
        minutes = walls(ZoneInfo(name), stretch)
        for rule in rules:
            expected = [each * 1000 for each in slots_by_minute(rule, minutes)]
            found = fired[f"{name} {rule.expression}"]
            if found != expected:
                wrong.append((name, rule.expression, found, expected))
    return wrong


@pytest.mark.slow
def test_no_slot_is_missed_or_doubled_over_the_changes_of_awkward_zones() -> None:
    for stretch, names in changes(AWKWARD).items():
        assert differences(stretch, names, ONCE) == []


@pytest.mark.long
def test_no_slot_is_missed_or_doubled_over_the_changes_of_all_zones() -> None:
    for stretch, names in changes(NAMES).items():
        assert differences(stretch, names, MANY) == []


def test_slots_over_a_clock_change_fire_as_the_zone_has_them() -> None:
    """In New York there was no 02:30 on 10 March 2030, and 01:30 came twice on 3 November."""

    async def script(stage: Stage, day: str, cron: str) -> list[str]:
        await stage.post(
            "schedules",
            {
                "name": "s", "cron_expression": cron, "timezone": "America/New_York",
                "queue_name": "reports", "payload_template": {},
            },
        )  # fmt: skip
        await stage.move("advance", to=f"2030-{day}T00:00:00-05:00", report=0)
        moved = await stage.move("advance", by="3d")
        return [each["at"] for each in moved["happened"] if each["what"] == "schedule.triggered"]

    march = play(lambda stage: script(stage, "03-09", "30 2 * * *"))
    november = play(lambda stage: script(stage, "11-02", "30 1 * * *"))

    assert march == [
        "2030-03-09T07:30:00.000Z", "2030-03-10T07:00:00.000Z", "2030-03-11T06:30:00.000Z",
    ]  # fmt: skip
    assert november == [
        "2030-11-02T05:30:00.000Z", "2030-11-03T05:30:00.000Z", "2030-11-04T06:30:00.000Z",
    ]  # fmt: skip
