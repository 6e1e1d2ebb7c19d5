"""Working a queue off over HTTP, without a worker."""

from spooled_lite.testing.asking import asking
from spooled_lite.testing.calls import org_of, world_of
from spooled_lite.testing.clock_routes import SLACK_SECONDS
from spooled_lite.testing.drain import Drain
from spooled_lite.testing.drain_shapes import DrainedView, DrainQueue, counts
from spooled_lite.testing.durations import parse_duration_ms
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call, Reply, reply


async def drain(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    body, stepper = await call.body(DrainQueue), world_of(call).stepper
    takes_ms = parse_duration_ms(body.takes, "takes")
    org = await org_of(call)
    async with asking(call) as gone:
        work = Drain(call.db, stepper, org, body, takes_ms, gone)
        left = await work.run()
    return reply(
        DrainedView(
            now=format_ms(stepper.clock.now_ms()), left=left, jobs=work.jobs, **counts(work.jobs)
        )
    )
