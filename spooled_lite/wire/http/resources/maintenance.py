"""The upkeep of the file over HTTP. Contract: catbird-capabilities, A13; platform, section 2.4."""

from typing import Final

from spooled_lite.core.maintenance.collect import collect_pass, every_organization
from spooled_lite.storage.migrate import applied_migrations
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.maintenance import GarbageReport, MigrationView

# Of one call, some hundred rows each: what is left, the loops do soon.
PASSES_MAX: Final = 200


async def collect_garbage(call: Call) -> Reply:
    """In passes, so that no other caller waits long."""
    report, may_prune = GarbageReport(), call.services.state.may_prune(call.now_ms)
    orgs = await _orgs(call)
    for _ in range(PASSES_MAX):
        if not orgs:
            break
        done = await call.write(collect_pass, orgs[-1], may_prune)
        report.add(done)
        if done.is_through:
            orgs.pop()
    return reply(report)


async def migrations(call: Call) -> Reply:
    found = await call.reads.read(applied_migrations)
    return reply([MigrationView(*each) for each in found])


async def _orgs(call: Call) -> list[int]:
    return await call.reads.read(every_organization) if call.is_admin else [call.org]
