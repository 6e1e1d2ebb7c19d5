"""What the OpenAPI document says of the routes of test mode."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PayloadTooLarge,
    QuotaExceeded,
    RuleBroken,
)
from spooled_lite.testing import clock_routes as clock
from spooled_lite.testing import world_routes as worlds
from spooled_lite.testing.described_told import DESCRIBED_TOLD
from spooled_lite.testing.faults import routes as faults
from spooled_lite.testing.faults.shapes import FaultsView, FaultView, NewFault
from spooled_lite.testing.seeding import routes as seeds
from spooled_lite.testing.seeding.shapes import (
    SeedBinding,
    SeedBody,
    SeededView,
    SeedFlow,
    SeedJob,
    SeedKey,
    SeedMessage,
    SeedQueue,
    SeedRun,
    SeedSchedule,
    SeedStep,
    SeedTask,
    SeedWebhook,
    SeedWorkflow,
)
from spooled_lite.testing.shapes import (
    AdvanceClock,
    ClockView,
    IdleClock,
    MovedView,
    NextMoment,
    Outage,
    SetClock,
    SettleClock,
    TestModeView,
)
from spooled_lite.testing.world_shapes import ForkedView, ForksView, ForkWorld, ResetView
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc

_STOPS: Final = "409 when it stops before: `details.reason` says why, and the call can be repeated."

DESCRIBED_TOO: Final[Mapping[Handler, Doc]] = {
    **DESCRIBED_TOLD,
    clock.about: Doc(summary="Show what this server is in test mode", answer=TestModeView),
    clock.show: Doc(summary="Show the clock, and what waits for it", answer=ClockView),
    clock.change: Doc(
        summary="Let the clock stand, run or tick; or go to a time",
        about=_STOPS,
        body=SetClock,
        example={"mode": "ticking", "rate": 60},
        answer=ClockView,
        errors=(BadRequest, Conflict),
    ),
    clock.advance: Doc(
        summary="Let time pass",
        about=f"From one due moment to the next, all that is due at each. {_STOPS}",
        body=AdvanceClock,
        example={"by": "7d"},
        answer=MovedView,
        errors=(BadRequest, Conflict),
    ),
    clock.next_: Doc(
        summary="Go to the next moment at which something happens",
        about=_STOPS,
        body=NextMoment,
        example={"count": 1},
        answer=MovedView,
        errors=(BadRequest, Conflict),
    ),
    clock.idle: Doc(
        summary="Let time pass until nothing waits for it but what recurs",
        about=f"Schedules fire on the way. {_STOPS}",
        body=IdleClock,
        example={"within": "30d"},
        answer=MovedView,
        errors=(BadRequest, Conflict),
    ),
    clock.settle: Doc(
        summary="Wait until nothing is due or under way",
        about=f"The clock is not moved. {_STOPS}",
        body=SettleClock,
        example={},
        answer=MovedView,
        errors=(BadRequest, Conflict),
    ),
    worlds.fork: Doc(
        summary="Copy this world, for a test of its own",
        about="The copy has all rows, and a clock, ids and a key of its own. The key leads to it.",
        body=ForkWorld,
        example={"name": "test_pay.py::test_refund"},
        answer=ForkedView,
        statuses=(201,),
        errors=(BadRequest, Conflict, QuotaExceeded),
    ),
    worlds.list_forks: Doc(summary="List forks of this organization", answer=ForksView),
    worlds.delete_fork: Doc(summary="Delete a fork", statuses=(204,), errors=(NotFound,)),
    worlds.reset: Doc(
        summary="Go back to the baseline",
        about="Streams end, requests under way are answered with 503, and ids start over.",
        answer=ResetView,
        errors=(Conflict,),
    ),
    worlds.baseline: Doc(
        summary="Make the present state the one that a reset goes back to",
        statuses=(204,),
        errors=(Conflict,),
    ),
    seeds.seed: Doc(
        summary="Store everything that a test begins with",
        about="All or nothing. Members are bodies of the API. The clock goes first; errors name the"
        f" place, such as `jobs[3].payload`. {_STOPS}",
        body=SeedBody,
        parts=(
            SeedQueue,
            SeedKey,
            SeedSchedule,
            SeedWebhook,
            SeedTask,
            SeedFlow,
            SeedBinding,
            SeedJob,
            SeedMessage,
            SeedRun,
            SeedWorkflow,
            SeedStep,
            NewFault,
        ),
        example={
            "queues": [{"name": "charges", "max_retries": 5}],
            "jobs": [{"queue_name": "charges", "payload": {"order": 1}}],
        },
        answer=SeededView,
        statuses=(201,),
        errors=(BadRequest, RuleBroken, Conflict, QuotaExceeded, PayloadTooLarge),
    ),
    faults.list_faults: Doc(summary="List the faults that are made on request", answer=FaultsView),
    faults.add_fault: Doc(
        summary="Have a fault made",
        about="Rules are asked in order; the first that strikes ends the search, unless it is a"
        " latency.",
        body=NewFault,
        example={
            "on": {"route": "POST /api/v1/jobs/{id}/complete"},
            "when": {"matches": [1]},
            "do": {"drop": "after_commit"},
        },
        answer=FaultView,
        statuses=(201,),
        errors=(RuleBroken, QuotaExceeded),
    ),
    faults.remove_faults: Doc(summary="Make no more faults", statuses=(204,)),
    faults.remove_fault: Doc(
        summary="Make this fault no more", statuses=(204,), errors=(NotFound,)
    ),
    clock.outage: Doc(
        summary="Let the machine sleep",
        about=f"Time jumps, and then all that is due happens at once. {_STOPS}",
        body=Outage,
        example={"by": "8h"},
        answer=MovedView,
        errors=(BadRequest, Conflict),
    ),
}
