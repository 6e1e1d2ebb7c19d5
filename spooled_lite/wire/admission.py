"""The caps and defaults of an organization, from its plan, its own limits and the settings."""

from typing import Protocol

from msgspec import Struct

from spooled_lite.config import Settings
from spooled_lite.core.jobs.records import json_size
from spooled_lite.core.queues.records import Admission
from spooled_lite.errors import PayloadTooLarge
from spooled_lite.plans import OwnLimits, Plans, next_tier


class Tenant(Protocol):
    """The organization whose plan counts: that of a caller, or the receiver of a webhook."""

    @property
    def plan_tier(self) -> str: ...
    @property
    def custom_limits(self) -> OwnLimits | None: ...


class Storing(Protocol):
    """What is needed of a call that stores something, over any protocol."""

    @property
    def settings(self) -> Settings: ...
    @property
    def caller(self) -> Tenant | None: ...
    @property
    def plans(self) -> Plans: ...


class StoringFor(Struct, frozen=True):
    """Storing for an organization that does not call itself."""

    settings: Settings
    plans: Plans
    caller: Tenant


def admission_of(call: Storing) -> Admission:
    """Caps and queue defaults for what this call stores. Contract: platform, section 5.3."""
    settings, caller = call.settings, call.caller
    assert caller is not None, "only authenticated calls store anything"
    enforced = settings.plan_enforcement == "on"
    if enforced or caller.custom_limits is not None:
        caps = call.plans.caps_of(caller.plan_tier, caller.custom_limits, enforced=enforced)
    else:
        caps = None
    return Admission(caps, settings.queue_default_max_retries, settings.queue_default_timeout_secs)


def check_payload_of_plan(call: Storing, payload: bytes, field: str = "payload") -> None:
    """Raises PayloadTooLarge, with the numbers, when it is over the limit of the organization.

    The limit of the server is checked in core. Contract: platform, sections 1.4 and 3.2.
    """
    settings, caller = call.settings, call.caller
    assert caller is not None, "only authenticated calls store anything"
    enforced = settings.plan_enforcement == "on"
    if not enforced and caller.custom_limits is None:
        return
    server_max = settings.queue_max_payload_size_bytes
    bytes_max = call.plans.payload_bytes_max(
        caller.plan_tier, caller.custom_limits, enforced=enforced, server_max=server_max
    )
    if bytes_max == server_max or len(payload) <= bytes_max:
        return
    size = json_size(payload)
    if size > bytes_max:
        raise PayloadTooLarge(
            f"Field `{field}` is larger than {bytes_max} bytes",
            details=_plan_facts(caller.plan_tier, size, bytes_max),
        )


def _plan_facts(tier: str, size: int, bytes_max: int) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"current": size, "limit": bytes_max, "plan": tier}
    upgrade_to = next_tier(tier)
    if upgrade_to is not None:
        facts["upgrade_to"] = upgrade_to
    return facts
