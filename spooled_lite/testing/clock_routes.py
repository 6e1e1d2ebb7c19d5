"""Reading and moving the clock of a world over HTTP."""

from typing import Final

from spooled_lite.errors import BadRequest
from spooled_lite.testing.asking import Gone, asking
from spooled_lite.testing.calls import fork_count, world_of
from spooled_lite.testing.durations import Duration, parse_duration_ms
from spooled_lite.testing.shapes import (
    AdvanceClock,
    ClockView,
    IdleClock,
    MovedView,
    NextMoment,
    Outage,
    SetClock,
    SettleClock,
    TestLimits,
    TestModeView,
)
from spooled_lite.testing.stepper import Moved, Stepper
from spooled_lite.times import Time, format_ms, parse_ms
from spooled_lite.wire.http.call import Call, Reply, reply

# Beside the real time of a move itself: the last wait for a worker or a receiver.
SLACK_SECONDS: Final = 30.0


async def about(call: Call) -> Reply:
    world = world_of(call)
    stepper = world.stepper
    forks, forks_max = fork_count(call)
    return reply(
        TestModeView(
            world=world.name,
            seed=world.seed,
            now=format_ms(stepper.clock.now_ms()),
            mode=stepper.clock.mode,
            counts={"live_workers": stepper.live_count(), "forks": forks},
            limits=TestLimits(forks_max=forks_max),
        )
    )


async def show(call: Call) -> Reply:
    return _clock(_stepper(call))


async def change(call: Call) -> Reply:
    body, stepper = await call.body_or_empty(SetClock), _stepper(call)
    check_clock(body)
    async with asking(call) as gone:
        await set_clock(stepper, body, gone)
    return _clock(stepper)


def check_clock(body: SetClock) -> None:
    """Raises BadRequest: it says nothing, or too much."""
    if (body.mode is None) == (body.at is None):
        raise BadRequest("Exactly one of the fields `mode` and `at` is required")
    if (body.mode == "ticking") != (body.rate is not None):
        raise BadRequest("Field `rate` goes with the mode `ticking`, which needs it")


async def set_clock(stepper: Stepper, body: SetClock, gone: Gone | None) -> None:
    """Do what a body that was checked says. Raises: as `Stepper.go` and `Stepper.advance`."""
    if body.mode is not None:
        stepper.go(body.mode, body.rate or 1.0)
    else:
        assert body.at is not None, "one of them is there"
        to_ms = parse_ms(body.at, "at")
        await stepper.advance(to_ms, body.how(gone), report=0, may_go_back=body.back)


async def advance(call: Call) -> Reply:
    body, stepper = await call.body_or_empty(AdvanceClock), _stepper(call)
    to_ms = _target_ms(stepper, body.by, body.to)
    async with asking(call) as gone:
        return _told(
            await stepper.advance(to_ms, body.how(gone), report=body.report, may_go_back=body.back)
        )


async def next_(call: Call) -> Reply:
    body, stepper = await call.body_or_empty(NextMoment), _stepper(call)
    async with asking(call) as gone:
        return _told(await stepper.next(body.count, body.how(gone), report=body.report))


async def idle(call: Call) -> Reply:
    body, stepper = await call.body_or_empty(IdleClock), _stepper(call)
    within_ms = parse_duration_ms(body.within, "within")
    async with asking(call) as gone:
        return _told(await stepper.idle(within_ms, body.how(gone), report=body.report))


async def settle(call: Call) -> Reply:
    body, stepper = await call.body_or_empty(SettleClock), _stepper(call)
    async with asking(call) as gone:
        return _told(await stepper.settle(body.how(gone), report=body.report))


async def outage(call: Call) -> Reply:
    body, stepper = await call.body(Outage), _stepper(call)
    by_ms = parse_duration_ms(body.by, "by")
    async with asking(call) as gone:
        return _told(await stepper.outage(by_ms, body.how(gone), report=body.report))


def _stepper(call: Call) -> Stepper:
    call.allow_seconds(SLACK_SECONDS)
    return world_of(call).stepper


def _target_ms(stepper: Stepper, by: Duration | None, to: Time | None) -> int:
    if (by is None) == (to is None):
        raise BadRequest("Exactly one of the fields `by` and `to` is required")
    if to is not None:
        return parse_ms(to, "to")
    assert by is not None, "one of them is there"
    return stepper.clock.now_ms() + parse_duration_ms(by, "by")


def _clock(stepper: Stepper) -> Reply:
    return reply(ClockView.of(stepper.clock, stepper.due()))


def _told(moved: Moved) -> Reply:
    return reply(MovedView.of(moved))
