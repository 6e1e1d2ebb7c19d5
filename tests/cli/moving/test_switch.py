"""Schedules fire on one side or the other: each slot once, also when the switch breaks off."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.testing import World
from tests.cli.moving.stage import Killed, Moment, Stage, killed_at

MOMENTS: Final[tuple[Moment, ...]] = ("before", "after")


def schedule(stage: Stage, **fields: Any) -> str:
    body: dict[str, Any] = {
        "name": "each minute",
        "cron_expression": "* * * * *",
        "queue_name": "reports",
    }
    body |= {"payload_template": {"report": 1}, "catch_up": "all", **fields}
    return str(stage.here.call("POST", "/schedules", body)["id"])


def pass_time(stage: Stage, by: str) -> None:
    for world in (stage.here, stage.there):
        world.clock.advance(by)


def jobs(world: World) -> int:
    return len(world.call("GET", "/jobs?queue_name=reports&limit=100"))


def is_active(world: World) -> bool:
    [found] = world.call("GET", "/schedules")
    return bool(found["is_active"])


def test_a_schedule_goes_on_there_from_its_next_slot(stage: Stage) -> None:
    schedule(stage)
    pass_time(stage, "2m")
    stage("copy")

    said = stage("switch").stdout
    pass_time(stage, "3m")

    assert "switched       1 schedules (0 slots made up for)" in said
    assert (is_active(stage.here), is_active(stage.there)) == (False, True)
    assert (jobs(stage.here), jobs(stage.there)) == (2, 3)


def test_a_schedule_that_somebody_paused_stays_paused(stage: Stage) -> None:
    schedule(stage, is_active=False)
    stage("copy")

    stage("switch")

    assert (is_active(stage.here), is_active(stage.there)) == (False, False)


def test_without_a_copy_nothing_is_paused(stage: Stage) -> None:
    schedule(stage)

    result = stage("switch", code=1)

    assert "run --copy" in result.stderr
    assert is_active(stage.here)


def test_a_webhook_is_on_there_unless_its_secret_is_missing(stage: Stage) -> None:
    for name, secret in (("plain", None), ("signed", "keep-me-secret")):
        hook = {"name": name, "url": "https://example.com/x", "events": ["job.failed"]}
        stage.here.call("POST", "/outgoing-webhooks", {**hook, "secret": secret})
    stage("copy")

    result = stage("switch", code=1)

    assert "webhook signed stays off there: set its secret" in result.stderr
    on = {each["name"]: each for each in stage.there.call("GET", "/outgoing-webhooks")}
    assert (on["plain"]["enabled"], on["signed"]["enabled"]) == (True, False)
    signed = on["signed"]["id"]
    stage.there.call("PUT", f"/outgoing-webhooks/{signed}", {"secret": "keep-me-secret"})
    stage("switch")
    assert stage.there.call("GET", f"/outgoing-webhooks/{signed}")["enabled"] is True


@pytest.mark.parametrize(("catch_up", "made_up"), [("all", 3), ("one", 1), ("skip", 0)])
def test_slots_between_the_two_are_made_up_for_as_catch_up_has_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, catch_up: str, made_up: int
) -> None:
    schedule(stage, catch_up=catch_up)
    stage("copy")
    with killed_at(monkeypatch, 10_000, "after") as calls:
        stage("switch")
    resume = next(n for n, call in enumerate(calls, 1) if call.endswith("/resume"))
    stage.there.call("POST", f"/schedules/{stage.lines('switched')[0]['to']}/pause", {})
    again(stage)
    with killed_at(monkeypatch, resume, "before"), pytest.raises(Killed):
        stage.run("switch")
    pass_time(stage, "3m")

    stage("switch")

    assert (jobs(stage.here), jobs(stage.there)) == (0, made_up)


def again(stage: Stage) -> None:
    """As after the copy."""
    for line in stage.lines("switching"):
        stage.here.call("POST", f"/schedules/{line['from']}/resume", {})
    kept = [
        line for line in stage.ledger.read_text().splitlines(keepends=True) if '"switch' not in line
    ]
    stage.ledger.write_text("".join(kept))


@pytest.mark.slow  # eight switches with their repetitions
def test_a_switch_that_is_killed_at_any_change_fires_each_slot_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call, moment, pauses in kills(stage, monkeypatch, pauses=("90s",)):
        killed_and_finished(stage, monkeypatch, call, moment, pauses)


@pytest.mark.long
def test_a_switch_that_is_killed_at_any_call_fires_each_slot_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = kills(stage, monkeypatch, pauses=("1s", "90s", "10m"), only_changes=False)
    for call, moment, pauses in every:
        killed_and_finished(stage, monkeypatch, call, moment, pauses)


def kills(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    *,
    pauses: tuple[str, ...],
    only_changes: bool = True,
) -> Iterator[tuple[int, Moment, str]]:
    """Each call of a switch, before and after it; the stage is as after the copy at each."""
    schedule(stage)
    stage("copy")
    for world in (stage.here, stage.there):
        world.baseline()
    copied = stage.ledger.read_text()
    # Time passes after the pause, so that there is a slot to make up for.
    with killed_at(monkeypatch, 10_000, "after") as calls:
        stage("switch")
    acts = [n for n, call in enumerate(calls, 1) if not (only_changes and call.startswith("GET"))]
    for call, moment, pause in itertools.product(acts, MOMENTS, pauses):
        for world in (stage.here, stage.there):
            world.reset()
        stage.ledger.write_text(copied)
        yield call, moment, pause


def killed_and_finished(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int, moment: Moment, pause: str
) -> None:
    began = stage.here.clock.now
    with killed_at(monkeypatch, call, moment), pytest.raises(Killed):
        stage.run("switch")
    pass_time(stage, pause)
    stage("switch")
    pass_time(stage, "150s")

    minutes = int(stage.here.clock.now.timestamp() // 60) - int(began.timestamp() // 60)
    assert jobs(stage.here) + jobs(stage.there) == minutes, (call, moment, pause)
    assert (is_active(stage.here), is_active(stage.there)) == (False, True)
