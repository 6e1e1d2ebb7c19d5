"""The figures of one organization on one page. Contract: platform, section 12."""

import spooled_lite
from spooled_lite.core.overview.figures import overview
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.dashboard import Dashboard, SystemFigures


async def get(call: Call) -> Reply:
    found = await call.reads.read(overview, call.org, call.scope)
    return reply(Dashboard.of(found, _system(call)))


def _system(call: Call) -> SystemFigures:
    return SystemFigures(
        version=spooled_lite.__version__,
        uptime_seconds=uptime_seconds(call),
        started_at=format_ms(call.services.state.started_at_ms),
        # Reads work, or this would not be asked.
        database_status="healthy" if call.db.writer.state == "ok" else "unhealthy",
        environment=call.settings.environment,
    )


def uptime_seconds(call: Call) -> int:
    return call.services.state.uptime_seconds(call.now_ms)
