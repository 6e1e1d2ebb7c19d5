"""What a server without a payment provider can say of one. Contract: platform, section 10."""

from typing import Self

from msgspec import Struct

from spooled_lite.core.orgs.create import find_by_name
from spooled_lite.errors import NotFound
from spooled_lite.events import Row
from spooled_lite.wire.http.call import Call, Reply, reply


class BillingStatus(Struct, frozen=True, kw_only=True):
    """Answer of GET /billing/status: what an administrator has written down, if anything.

    Clients spell some of it with `stripe_` and some without.
    """

    plan_tier: str
    has_stripe_customer: bool
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    stripe_subscription_status: str | None
    stripe_current_period_end: str | None = None
    stripe_cancel_at_period_end: bool | None = None
    subscription_status: str | None
    current_period_end: str | None = None
    cancel_at_period_end: bool | None = None

    @classmethod
    def of(cls, organization: Row) -> Self:
        status = organization["stripe_subscription_status"]
        return cls(
            plan_tier=organization["plan_tier"],
            has_stripe_customer=organization["stripe_customer_id"] is not None,
            stripe_customer_id=organization["stripe_customer_id"],
            stripe_subscription_id=organization["stripe_subscription_id"],
            stripe_subscription_status=status,
            subscription_status=status,
        )


async def status(call: Call) -> Reply:
    organization = await call.reads.point(find_by_name, call.org_id)
    if organization is None:  # removed a moment ago
        raise NotFound.thing("Organization")
    return reply(BillingStatus.of(organization))
