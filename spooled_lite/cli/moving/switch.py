"""Has schedules fire there instead of here, each slot once, and webhooks called there as well.

Per schedule: pause it here, which keeps its next slot; resume it there; and create there the jobs
of the slots that came in between, under a key made of the schedule and the slot. Each of these may
be repeated, at any later time: what decides is which slot is the first that neither side had, and
which is the first that the other side fires by itself.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.cli.client import path_of
from spooled_lite.cli.moving.config import Config, Pair, label
from spooled_lite.cli.moving.ledger import Ledger
from spooled_lite.cli.moving.side import ShownThing, Side
from spooled_lite.cli.things import time_ms
from spooled_lite.core.schedules import cron
from spooled_lite.core.schedules.cron import Cron
from spooled_lite.core.schedules.zones import Zone, zone_of
from spooled_lite.times import format_ms

SLOTS_MAX: Final = 1_000  # of one schedule that are made up for, as after an outage
LATE_MS_MAX: Final = 60_000  # a schedule that skips missed slots fires one that is no later
_JOB_FIELDS: Final = ("queue_name", "priority", "max_retries", "timeout_seconds", "tags")


class Switched(Struct):
    schedules: int = 0
    slots: int = 0
    webhooks: int = 0
    problems: list[str] = []


def switch(config: Config, here: Side, there: Side, ledger: Ledger) -> Switched:
    """Repeating it goes on where it broke off. Raises: as Side."""
    switched = Switched()
    for pair in config.schedules:
        _switch_schedule(pair, here, there, ledger, switched)
    for pair in config.webhooks:
        _switch_webhook(pair, there, switched)
    return switched


def _switch_schedule(
    pair: Pair, here: Side, there: Side, ledger: Ledger, switched: Switched
) -> None:
    here_id = pair.here.text("id")
    begun = here_id in ledger.switching
    if not begun and not pair.here.value("is_active"):
        return  # it was paused by somebody, and stays so there
    if here_id in ledger.switched:
        return
    if pair.there is None:
        switched.problems.append(f"schedule {label(pair.here)} is not there: run --copy")
        return
    there_id = pair.there.text("id")
    if not begun:
        ledger.write("switching", **{"from": here_id}, to=there_id)
    paused = ShownThing.read(here.post(path_of("schedules", here_id, "pause")).body)
    resumed = ShownThing.read(there.post(path_of("schedules", there_id, "resume")).body)
    first_here = time_ms(paused.text("next_run_at"))
    slots: Sequence[int] = ()
    if first_here is not None:
        first_there = _first_fired(there, there_id, since_ms=first_here)
        slots = _missed(paused, first_here, first_there, now_ms=time_ms(resumed.text("updated_at")))
        if first_there is not None and first_there < first_here:
            switched.problems.append(
                f"schedule {label(pair.here)}: the clocks of the two differ, so its slot"
                f" {format_ms(first_there)} fires on both sides"
            )
    for slot in slots:
        there.post("/jobs", _job(paused, slot))
    ledger.write(
        "switched",
        **{"from": here_id},
        to=there_id,
        next_slot=paused.value("next_run_at"),
        made_up_for=[format_ms(slot) for slot in slots],
    )
    switched.schedules += 1
    switched.slots += len(slots)


def _switch_webhook(pair: Pair, there: Side, switched: Switched) -> None:
    """Webhooks here stay on for the jobs that are still here."""
    if not pair.here.value("enabled") or (pair.there and pair.there.value("enabled")):
        return
    if pair.there is None:
        switched.problems.append(f"webhook {label(pair.here)} is not there: run --copy")
    elif pair.here.value("has_secret") and not pair.there.value("has_secret"):
        switched.problems.append(
            f"webhook {label(pair.here)} stays off there: set its secret, then run --switch again"
        )
    else:
        there.put(path_of("outgoing-webhooks", pair.there.text("id")), {"enabled": True})
        switched.webhooks += 1


def _first_fired(there: Side, schedule_id: str, *, since_ms: int) -> int | None:
    """The first slot that the schedule there fires, or has fired, since a slot here was left out.
    None: it fires no more."""
    schedule = ShownThing.read(there.get(path_of("schedules", schedule_id)).body)
    runs = there.things(path_of("schedules", schedule_id, "history"))  # newest first
    started = (time_ms(each.text("started_at")) or 0 for each in runs)
    fired = list(takewhile(lambda at: at >= since_ms, started))
    if not fired:
        return time_ms(schedule.text("next_run_at"))
    # A slot fires at its time or within moments; the slot before it is further away.
    rule, zone = _rule(schedule)
    slot = since_ms
    while (following := cron.next_slot(rule, zone, slot)) is not None and following <= min(fired):
        slot = following
    return slot


def _missed(
    schedule: ShownThing, first: int, until: int | None, *, now_ms: int | None
) -> Sequence[int]:
    """The slots from `first` to before `until` that are made up for, as `catch_up` has it."""
    assert now_ms is not None, "a schedule was changed at some time"
    slots: list[int] = []
    for slot in _slots(schedule, first):
        if slot > now_ms or (until is not None and slot >= until) or len(slots) == SLOTS_MAX:
            break
        slots.append(slot)
    catch_up = schedule.text("catch_up")
    if catch_up == "all":
        return slots
    if catch_up == "skip":
        return slots if len(slots) == 1 and now_ms - slots[0] <= LATE_MS_MAX else ()
    return slots[-1:]


def _slots(schedule: ShownThing, first: int) -> Iterator[int]:
    rule, zone = _rule(schedule)
    slot: int | None = first
    while slot is not None:
        yield slot
        slot = cron.next_slot(rule, zone, slot)


def _rule(schedule: ShownThing) -> tuple[Cron, Zone]:
    return cron.parse(schedule.text("cron_expression")), zone_of(schedule.text("timezone"))


def _job(schedule: ShownThing, slot: int) -> dict[str, Raw]:
    key = f"slot:{schedule.text('id')}:{format_ms(slot)}"
    return {
        "payload": schedule.members["payload_template"],
        **schedule.chosen(_JOB_FIELDS),
        "idempotency_key": Raw(msgspec.json.encode(key)),
    }
