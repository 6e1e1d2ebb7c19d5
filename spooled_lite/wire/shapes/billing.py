"""The billing status of a server without a payment provider. Contract: platform, section 10."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.wire.shapes.about import about

PlanTier = Annotated[
    str,
    about(
        "The plan: free, starter, pro, enterprise; `deleted` after a deletion that can be taken"
        " back",
        "free",
    ),
]
SubscriptionStatus = Annotated[str, about("Its status, as entered")]
NoTime = Annotated[str, about("Always null here")]
NoFlag = Annotated[bool, about("Always null here")]


class BillingStatus(Struct, frozen=True, kw_only=True):
    """Answer of GET /billing/status: the values that an administrator has entered, if any.

    Some fields are there twice, since clients read them with `stripe_` or without.
    """

    plan_tier: PlanTier
    has_stripe_customer: Annotated[bool, about("Whether a customer is entered", False)]
    stripe_customer_id: Annotated[str, about("The customer an administrator entered")] | None
    stripe_subscription_id: (
        Annotated[str, about("The subscription an administrator entered")] | None
    )
    stripe_subscription_status: SubscriptionStatus | None
    stripe_current_period_end: NoTime | None = None
    stripe_cancel_at_period_end: NoFlag | None = None
    subscription_status: Annotated[str, about("The same as `stripe_subscription_status`")] | None
    current_period_end: NoTime | None = None
    cancel_at_period_end: NoFlag | None = None

    @classmethod
    def of(cls, organization: OrgRow) -> Self:
        status = organization["stripe_subscription_status"]
        return cls(
            plan_tier=organization["plan_tier"],
            has_stripe_customer=organization["stripe_customer_id"] is not None,
            stripe_customer_id=organization["stripe_customer_id"],
            stripe_subscription_id=organization["stripe_subscription_id"],
            stripe_subscription_status=status,
            subscription_status=status,
        )
