"""Rules of faults over HTTP."""

from typing import Final

from spooled_lite.testing.calls import world_of
from spooled_lite.testing.faults.checks import check
from spooled_lite.testing.faults.shapes import FaultsView, NewFault
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply

CREATED: Final = 201


async def list_faults(call: Call) -> Reply:
    return reply(FaultsView([rule.view() for rule in world_of(call).faults.all()]))


async def add_fault(call: Call) -> Reply:
    said = await call.body(NewFault)
    check(said)
    faults = world_of(call).faults
    rule = faults.add(said)
    await faults.strike_open(rule)
    return reply(rule.view(), CREATED)


async def remove_fault(call: Call) -> Reply:
    world_of(call).faults.remove(call.path("id"))
    return NO_CONTENT


async def remove_faults(call: Call) -> Reply:
    world_of(call).faults.clear()
    return NO_CONTENT
