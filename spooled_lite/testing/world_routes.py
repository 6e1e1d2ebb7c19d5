"""Forks of a world, and the way back to its baseline, over HTTP."""

import time
from typing import Final

from spooled_lite.core.orgs.create import get_by_id
from spooled_lite.testing.asking import asking
from spooled_lite.testing.calls import world_of, worlds_of
from spooled_lite.testing.clock_routes import SLACK_SECONDS
from spooled_lite.testing.world_shapes import (
    ForkedView,
    ForksView,
    ForkView,
    ForkWorld,
    ResetView,
)
from spooled_lite.times import format_ms, parse_ms
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply

# Whoever waits for a move of the clock waits for its end first.
CREATED: Final = 201


async def fork(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    body, worlds, parent = await call.body_or_empty(ForkWorld), worlds_of(call), world_of(call)
    org, org_id = call.org, call.org_id
    if call.is_admin:
        org_id = parent.entrance.organization_id
        org = (await call.reads.read(get_by_id, org_id))["seq"]
    async with asking(call) as gone:
        made = await worlds.fork(
            parent.name,
            body.name,
            org=org,
            org_id=org_id,
            keys=body.new_keys(),
            at_ms=None if body.at is None else parse_ms(body.at, "at"),
            copies_faults=body.faults == "copy",
            gone=gone,
        )
    return reply(ForkedView.of(made), CREATED)


async def list_forks(call: Call) -> Reply:
    return reply(ForksView([ForkView.of(each) for each in worlds_of(call).forks(_owner(call))]))


async def delete_fork(call: Call) -> Reply:
    await worlds_of(call).drop(call.path("name"), _owner(call))
    return NO_CONTENT


async def reset(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    began = time.monotonic()
    async with asking(call) as gone:
        it = await worlds_of(call).reset(world_of(call).name, gone)
    now = format_ms(it.stepper.clock.now_ms())
    return reply(ResetView(it.name, now, _milliseconds_since(began)))


async def baseline(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    await worlds_of(call).baseline(world_of(call).name)
    return NO_CONTENT


def _owner(call: Call) -> str | None:
    """Whose forks the caller sees; None: everybody's."""
    return None if call.is_admin else call.org_id


def _milliseconds_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
