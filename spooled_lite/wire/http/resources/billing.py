"""The route of billing data. Contract: platform, section 10."""

from spooled_lite.core.orgs.create import find_by_name
from spooled_lite.errors import NotFound
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.shapes.billing import BillingStatus


async def status(call: Call) -> Reply:
    organization = await call.reads.point(find_by_name, call.org_id)
    if organization is None:  # removed a moment ago
        raise NotFound.thing("Organization")
    return reply(BillingStatus.of(organization))
