"""What a caller's organization lets in, from its plan, its own limits and the settings."""

from spooled_lite import plans
from spooled_lite.core.queues.records import Admission
from spooled_lite.wire.http.call import Call


def admission_of(call: Call) -> Admission:
    """Caps and queue defaults for whatever this call stores. Contract: platform, section 5.3."""
    settings, caller = call.settings, call.caller
    assert caller is not None, "only authenticated calls store anything"
    enforced = settings.plan_enforcement == "on"
    if enforced or caller.custom_limits is not None:
        caps = plans.caps_of(caller.plan_tier, caller.custom_limits, enforced=enforced)
    else:
        caps = None
    return Admission(caps, settings.queue_default_max_retries, settings.queue_default_timeout_secs)


def payload_bytes_max_of(call: Call) -> int:
    settings, caller = call.settings, call.caller
    assert caller is not None, "only authenticated calls store anything"
    return plans.payload_bytes_max(
        caller.plan_tier,
        caller.custom_limits,
        enforced=settings.plan_enforcement == "on",
        server_max=settings.queue_max_payload_size_bytes,
    )
