"""Stores a seed in a world: all of it, or nothing."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Final, Self

from msgspec import Struct

from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.schedules.define import first_slot
from spooled_lite.errors import BadRequest
from spooled_lite.plans import OwnLimits
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.calls import WorldOfCall
from spooled_lite.testing.clock_routes import check_clock, set_clock
from spooled_lite.testing.faults.rules import PromisedFaults
from spooled_lite.testing.seeding.read import CheckedSeed, placed, read_seed
from spooled_lite.testing.seeding.shapes import SeededView
from spooled_lite.testing.seeding.store import (
    Author,
    FirstSlots,
    Rehearsed,
    rehearse,
    steps_of,
    store,
    told,
)
from spooled_lite.testing.shapes import SetClock
from spooled_lite.times import parse_ms
from spooled_lite.wire.admission import StoringFor
from spooled_lite.wire.services import Services

CLOCK: Final = "clock"

# Keeps keys for a world, by the place of each in the seed, for as long as the context lasts.
Reserve = Callable[[Sequence[tuple[str, str]]], AbstractAsyncContextManager[None]]


class OrgTenant(Struct, frozen=True):
    """An organization whose plan counts, though it does not call itself."""

    plan_tier: str
    custom_limits: OwnLimits | None

    @classmethod
    def of(cls, row: OrgRow) -> Self:
        return cls(row["plan_tier"], OwnLimits.stored(row["custom_limits"]))


def author_for(services: Services, row: OrgRow) -> Author:
    """A seed that nobody of the organization stores. Raises BadRequest: it is deleted."""
    if row["deleted_at_ms"] is not None:
        raise BadRequest("The organization is deleted: nothing can be stored for it")
    storing = StoringFor(services.settings, services.plans, OrgTenant.of(row))
    return Author(org=row["seq"], storing=storing)


async def sow(
    world: WorldOfCall,
    services: Services,
    author: Author,
    body: bytes,
    reserve: Reserve,
    gone: Gone | None = None,
) -> SeededView:
    """Check everything, then lead the clock where the seed says, then store everything.

    Whatever can be refused is refused before the clock is moved; only what others do meanwhile may
    still refuse the seed afterwards.

    Raises:
        As `read_seed`, `Stepper.advance`, and the operations of the members, with the place.
    """
    began = time.monotonic()
    seed = await read_seed(body, author.storing, services.off_loop, author.org)
    secrets = [(each.place, each.new.secret) for each in seed.keys if each.new.secret is not None]
    await world.stepper.until_quiet()
    at_ms = _target_ms(world, seed.clock)
    slots = await _first_slots(seed, at_ms)
    steps = steps_of(seed, slots, author)
    async with reserve(secrets):
        promised = world.faults.promise(seed.faults)
        try:
            if seed.clock is not None:
                with suppress(Rehearsed):
                    await services.db.submit(author.org, rehearse, at_ms, author.shown, steps)
                with placed(CLOCK):
                    await set_clock(world.stepper, seed.clock, gone)
            storing = services.db.submit(author.org, store, author.shown, steps)
        except BaseException:
            promised.let_go()
            raise
        # Whatever becomes of the caller, the rules come with the commit.
        storing.add_done_callback(partial(_settle, promised))
        results = await asyncio.shield(storing)
    return told(
        seed,
        results,
        promised.ids,
        world.stepper.clock.now_ms(),
        (time.monotonic() - began) * 1000,
    )


def _settle(promised: PromisedFaults, storing: "asyncio.Future[object]") -> None:
    if storing.cancelled() or storing.exception() is not None:
        promised.let_go()
    else:
        promised.keep()


def _target_ms(world: WorldOfCall, clock: SetClock | None) -> int:
    """When the seed is stored. Raises: as `check_clock` and `Stepper.check_target`."""
    now_ms = world.stepper.clock.now_ms()
    if clock is None:
        return now_ms
    with placed(CLOCK):
        check_clock(clock)
        if clock.at is None:
            return now_ms
        at_ms = parse_ms(clock.at, "at")
        world.stepper.check_target(at_ms, may_go_back=clock.back)
    return at_ms


async def _first_slots(seed: CheckedSeed, after_ms: int) -> FirstSlots:
    """On other threads: a rule that seldom matches is slow. Raises: as `first_slot`."""
    known: dict[tuple[str, str], int | None] = {}
    slots = {}
    for each in seed.schedules:
        rule = (each.new.cron_expression, each.new.timezone)
        if rule not in known:
            with placed(each.place):
                known[rule] = await asyncio.to_thread(first_slot, *rule, after_ms)
        slots[each.place] = known[rule]
    return slots
