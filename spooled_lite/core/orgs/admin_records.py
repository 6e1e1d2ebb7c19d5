"""The rules for the tier and the limits of an organization. Contract: platform, 11."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from spooled_lite.core.orgs.records import (
    Tier,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.plans import TIERS, OwnLimits

CUSTOM_LIMITS_BYTES_MAX: Final = 65_536
LIMIT_MAX: Final = 2**53  # an integer for every client

# The smallest value of each limit. Null lifts the first eight; the others then follow the tier.
LEAST: Final[Mapping[str, int]] = {
    "max_jobs_per_day": 0,
    "max_active_jobs": 0,
    "max_queues": 0,
    "max_workers": 0,
    "max_api_keys": 0,
    "max_schedules": 0,
    "max_workflows": 0,
    "max_webhooks": 0,
    "max_payload_size_bytes": 1,
    "rate_limit_requests_per_second": 1,
    "rate_limit_burst": 1,
    "job_retention_days": -LIMIT_MAX,  # 0 and less: kept for ever
    "history_retention_days": -LIMIT_MAX,
}


def tier_of(word: str) -> Tier:
    """The tier of this name, in any case. Raises RuleBroken, which names them all."""
    tier = word.lower()
    if tier not in TIERS:
        raise RuleBroken.of(
            "plan_tier", f"Field `plan_tier` must be one of {', '.join(TIERS)}", "invalid_value"
        )
    return cast(Tier, tier)


def checked_limits(given: bytes) -> bytes | None:
    """The custom limits as they are stored; None when there are none.

    Names that no tier has are kept and have no effect: clients keep notes there.

    Raises:
        WrongShape: this is not an object, or a limit is not a whole number.
        RuleBroken: the object is too large, or a limit is too small or too large.
    """
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        return None  # PHP writes an empty map so
    if len(given) > CUSTOM_LIMITS_BYTES_MAX:
        raise _bad(
            "custom_limits", f"is larger than {CUSTOM_LIMITS_BYTES_MAX} bytes", "settings_too_large"
        )
    try:
        limits = msgspec.json.decode(given)
    except (msgspec.DecodeError, ValueError) as error:
        raise _bad("custom_limits", f"cannot be read: {error}", "invalid_value") from None
    if not limits and (limits is None or isinstance(limits, dict)):
        return None
    if not isinstance(limits, dict):
        raise WrongShape.wrong_type("custom_limits", "an object or null")
    for name in limits.keys() & LEAST.keys():
        _check_limit(f"custom_limits.{name}", limits[name], LEAST[name])
    try:
        OwnLimits.stored(given)
    except msgspec.ValidationError:  # named twice: each of them is read, and the last one counts
        raise WrongShape.wrong_type("custom_limits", "limits that are whole numbers") from None
    return given


def _check_limit(field: str, value: Any, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongShape.wrong_type(field, "a whole number or null")
    if not least <= value <= LIMIT_MAX:
        raise _bad(field, f"must be between {least} and {LIMIT_MAX}", "range")


def _bad(field: str, what: str, code: str) -> RuleBroken:
    return RuleBroken.of(field, f"Field `{field}` {what}", code)
