"""Incoming webhooks: what is known of the organization they are for, and what one asks for."""

from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct

from spooled_lite.core.ingest.columns import Provider
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.plans import OwnLimits

EVENT_TYPE_CHARS_MAX: Final = 255  # of a provider; real ones have some dozens
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255  # as of any job
QUEUE_PART_CHARS_MAX: Final = 64  # of a provider's event, in the name of its queue

_QUEUE_CHARS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_CLOSED: Final = "deleted"  # the tier after a soft deletion


class Receiver(Struct, frozen=True, kw_only=True):
    """The organization that a webhook is for. `repr` is for logs: it shows no secret."""

    org: int
    org_id: str
    is_active: bool
    plan_tier: str
    custom_limits: OwnLimits | None
    webhook_token: str | None
    secrets: Mapping[str, str | None]  # by the name of the setting

    @classmethod
    def of(cls, row: OrgRow) -> Self:
        """Raises NotFound for a deleted organization, as if there were none."""
        if row["plan_tier"] == _CLOSED:
            raise NotFound.thing("Organization")
        return cls(
            org=row["seq"],
            org_id=row["id"],
            is_active=bool(row["is_active"]),
            plan_tier=row["plan_tier"],
            custom_limits=OwnLimits.stored(row["custom_limits"]),
            webhook_token=row["webhook_token"],
            secrets={
                "github_webhook_secret": row["github_webhook_secret"],
                "stripe_webhook_secret": row["stripe_webhook_secret"],
            },
        )

    def __repr__(self) -> str:
        return f"Receiver({self.org_id})"


class Delivery(Struct, frozen=True, kw_only=True):
    """What an incoming webhook asks for, whoever sent it: one job and a line of the log."""

    provider: Provider
    event_type: str
    job: NewJob


def provider_queue(provider: Provider, event: str) -> str:
    """The queue of a provider's event. Characters that queue names may not have become dashes."""
    part = event[:QUEUE_PART_CHARS_MAX]
    return f"{provider}-" + "".join(each if each in _QUEUE_CHARS else "-" for each in part)


def provider_key(text: str, what: str) -> str:
    """The idempotency key made from a provider's id. Raises BadRequest when it is too long."""
    if len(text) > IDEMPOTENCY_KEY_CHARS_MAX:
        raise BadRequest(f"{what} is longer than {IDEMPOTENCY_KEY_CHARS_MAX} characters")
    return text
