"""What the routes of test mode take and answer. Unknown members are refused."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from msgspec import Meta, Struct, field

from spooled_lite.events import Deadline
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.capacity import FORKS_MAX
from spooled_lite.testing.clock import RATE_MAX, RATE_MIN, VirtualClock
from spooled_lite.testing.deliveries import DeliveryCall
from spooled_lite.testing.durations import Duration
from spooled_lite.testing.happened import Happening
from spooled_lite.testing.live_workers import WaitFor
from spooled_lite.testing.move import MOVE_STEPS_MAX, REAL_MS_MAX, WAIT_MS, How
from spooled_lite.testing.stepper import REPORT, Moved
from spooled_lite.times import Time, format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

REPORT_MAX: Final = 10_000
COUNT_MAX: Final = 1_000

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
NowText = Annotated[str, a_time("The time of the world", "2030-01-01T00:00:00.000Z")]
NowMs = Annotated[int, a_count("The same in milliseconds since 1970", 1_893_456_000_000)]
ModeOfClock = Annotated[Literal["frozen", "real", "ticking"], about("`frozen`: it stands until it is moved; `real`: it goes as the machine's does; `ticking`: `rate` times as fast", "frozen")]
ClockRate = Annotated[float, Meta(ge=RATE_MIN, le=RATE_MAX), about("How many seconds pass in a real one", 60)]
WorkersWaitedFor = Annotated[WaitFor, about("`wait`: time does not pass while a live worker holds a job or could take one; `ignore`: it does; or the ids of the workers to wait for", "wait")]
DeliveriesWaitedFor = Annotated[Literal["wait", "leave"], about("Whether time waits for webhook calls under way", "wait")]
WaitedMs = Annotated[int, Meta(ge=0, le=REAL_MS_MAX), about("Real milliseconds to wait for a worker without progress; a receiver is waited for at most 5000", WAIT_MS)]
StepsMax = Annotated[int, Meta(ge=1, le=MOVE_STEPS_MAX), about("More steps are refused with reason `budget`", MOVE_STEPS_MAX)]
RealMsMax = Annotated[int, Meta(ge=1, le=REAL_MS_MAX), about("And so is more real time", REAL_MS_MAX)]
Report = Annotated[int, Meta(ge=0, le=REPORT_MAX), about("How much of what happened is told", REPORT)]
By = Annotated[Duration, about("How long: `7d`, `36h`, `90s`, `250ms`, `P1DT2H`, or milliseconds", "7d")]
To = Annotated[Time, about("Until when, instead of `by`", "2030-01-08T00:00:00Z")]
Back = Annotated[bool, about("The clock may go back. Nothing is rewritten: leases live longer, a slot that fired does not fire again", False)]
KindOfDue = Annotated[str, about("What waits for it", "promotion")]
# fmt: on


class MoveOptions(Struct, forbid_unknown_fields=True, kw_only=True):
    """How time is moved: part of the bodies below."""

    workers: WorkersWaitedFor = "wait"
    deliveries: DeliveriesWaitedFor = "wait"
    wait_ms: WaitedMs = WAIT_MS
    steps_max: StepsMax = MOVE_STEPS_MAX
    real_ms_max: RealMsMax = REAL_MS_MAX
    report: Report = REPORT

    def how(self, gone: Gone | None) -> How:
        return How(
            workers=self.workers,
            waits_for_deliveries=self.deliveries == "wait",
            wait_ms=self.wait_ms,
            steps_max=self.steps_max,
            real_ms_max=self.real_ms_max,
            gone=gone,
        )


class AdvanceClock(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/clock/advance: one of `by` and `to`."""

    by: By | None = None
    to: To | None = None
    back: Back = False


class NextMoment(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/clock/next."""

    count: Annotated[int, Meta(ge=1, le=COUNT_MAX), about("How many moments", 1)] = 1


class IdleClock(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/clock/idle."""

    within: Annotated[Duration, about("At most so long", "30d")] = "30d"


class SettleClock(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/clock/settle."""


class Outage(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of POST /test/clock/outage."""

    by: By


class SetClock(MoveOptions, forbid_unknown_fields=True, kw_only=True):
    """Body of PUT /test/clock: a mode, with a rate where it ticks; or a time to go to."""

    mode: ModeOfClock | None = None
    rate: ClockRate | None = None
    at: To | None = None
    back: Back = False


class DueMoment(Struct, frozen=True):
    """Something that waits for its time."""

    at: Annotated[str, a_time("When, as far as is known")]
    kind: KindOfDue

    @classmethod
    def of(cls, at_ms: int, kind: Deadline) -> Self:
        return cls(format_ms(at_ms), kind.value)


class ClockView(Struct, frozen=True, kw_only=True):
    """Answer of GET and PUT /test/clock."""

    now: NowText
    now_ms: NowMs
    mode: ModeOfClock
    rate: ClockRate | None
    due: Annotated[list[DueMoment], about("What is due next of each kind, the soonest first")]

    @classmethod
    def of(cls, clock: VirtualClock, due: list[tuple[int, Deadline]]) -> Self:
        now_ms = clock.now_ms()
        return cls(
            now=format_ms(now_ms),
            now_ms=now_ms,
            mode=clock.mode,
            rate=clock.rate,
            due=[DueMoment.of(at_ms, kind) for at_ms, kind in due],
        )


class UnderWayView(Struct, frozen=True):
    """A delivery whose receiver has not answered."""

    id: Annotated[str, about("The delivery", AN_ID)]
    attempt: Annotated[int, a_count("The number of the attempt", 1)]

    @classmethod
    def of(cls, call: DeliveryCall) -> Self:
        return cls(call.id, call.attempt)


_LEFT: Final = about("Deliveries that were not waited for any longer; their results come later")


class MovedView(Struct, frozen=True, kw_only=True):
    """Answer of every move of the clock."""

    from_: Annotated[str, a_time("Where the clock stood")] = field(name="from")
    now: NowText
    steps: Annotated[int, a_count("Moments at which time stopped", 12)]
    real_ms: Annotated[int, a_count("How long it took", 129)]
    omitted: Annotated[int, a_count("Happenings that are not told")]
    left_under_way: Annotated[list[UnderWayView], _LEFT]
    happened: Annotated[list[Happening], about("What happened meanwhile, in order")]

    @classmethod
    def of(cls, moved: Moved) -> Self:
        return cls(
            from_=format_ms(moved.from_ms),
            now=format_ms(moved.now_ms),
            steps=moved.steps,
            real_ms=moved.real_ms,
            omitted=moved.omitted,
            left_under_way=[UnderWayView.of(each) for each in moved.left_under_way],
            happened=moved.happened,
        )


_FORKS: Final = "Forks at a time: 1000, or as many as the limit of open files allows"


class TestLimits(Struct, frozen=True, kw_only=True):
    """What one move may take, and how many worlds there may be."""

    __test__ = False

    forks_max: Annotated[int, a_count(_FORKS, FORKS_MAX)]
    steps_max: StepsMax = MOVE_STEPS_MAX
    real_ms_max: RealMsMax = REAL_MS_MAX


class TestModeView(Struct, frozen=True, kw_only=True):
    """Answer of GET /test."""

    __test__ = False

    world: Annotated[str, about("The name of the world that answers", "root")]
    seed: Annotated[int, about("What ids and secrets are made from", 1)] | None
    now: NowText
    mode: ModeOfClock
    counts: Annotated[Mapping[str, int], about("How many there are, by what", {"live_workers": 1})]
    limits: TestLimits
