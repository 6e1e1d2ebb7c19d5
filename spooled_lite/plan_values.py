"""Limits of the plan tiers that the operator sets. Contract: platform, section 5.1."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import structs

from spooled_lite.config_names import PLAN_FIELDS, PLAN_VALUE, nearest
from spooled_lite.plans import TIERS, Limits, Plans

NUMBER_MAX: Final = 2**53 - 1  # the largest number that all JSON readers keep exact
_NO_LIMIT: Final = frozenset({"unlimited", "none", "null", "-1"})
_ALL: Final = "SPOOLED_PLAN_LIMITS_JSON"
_ONE_TIER: Final = "LIMITS_JSON"
_DIGITS: Final = re.compile(r"[0-9]{1,16}", re.ASCII)

# Limits that may be 0: none of the thing at all, or no deletion. 0 makes no sense for the others.
_MAY_BE_0: Final = frozenset(
    {name for name in PLAN_FIELDS.values() if name.startswith("max_")} - {"max_payload_size_bytes"}
    | {"job_retention_days", "history_retention_days"}
)


class BadPlanValue(Exception):
    """A value is wrong. The message names the variable and the rule."""


def plans_of(values: Mapping[str, str]) -> Plans:
    """The tiers with the limits that these variables set; the more specific variable wins.

    Raises:
        BadPlanValue: a value is not a number, a word for "no limit" or a JSON object of these.
    """
    tiers = dict(TIERS)
    for variable in sorted(values, key=_width):
        try:
            for tier, field, value in _parts(variable, values[variable].strip()):
                tiers[tier] = structs.replace(tiers[tier], **{field: value})
        except ValueError as error:
            raise BadPlanValue(f"variable {variable}: {error}") from None
    return Plans(tiers)


def _width(variable: str) -> int:
    """How specific a variable is: 0 for all tiers, 1 for a tier, 2 for one limit."""
    return 0 if variable == _ALL else 1 if variable.endswith(f"_{_ONE_TIER}") else 2


def _parts(variable: str, text: str) -> Iterator[tuple[str, str, int | None]]:
    """Every tier, field and number that a variable sets. Raises ValueError."""
    if variable == _ALL:
        for tier, fields in _object(text).items():
            if tier not in TIERS:
                raise ValueError(
                    f"there is no tier {tier!r}; the nearest is {nearest(tier, TIERS)}"
                )
            yield from _of_tier(tier, fields)
        return
    found = PLAN_VALUE.fullmatch(variable)
    assert found is not None, "config keeps no other variables"
    tier, name = found[2].lower(), found[3]
    if name == _ONE_TIER:
        yield from _of_tier(tier, _object(text))
    else:
        field = PLAN_FIELDS[name]
        yield tier, field, _number(field, text)


def _of_tier(tier: str, fields: Any) -> Iterator[tuple[str, str, int | None]]:
    if not isinstance(fields, dict):
        raise ValueError(f"tier {tier} must be an object of limits")
    for name, value in fields.items():
        # A limit may have its name from answers or from the variables.
        field = name if name in Limits.__struct_fields__ else PLAN_FIELDS.get(name.upper())
        if field is None:
            known = nearest(name, Limits.__struct_fields__)
            raise ValueError(f"there is no limit {name!r}; the nearest is {known}")
        yield tier, field, _number(field, value)


def _object(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ValueError("must be JSON") from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return value


def _number(field: str, value: Any) -> int | None:
    """The number; None for no limit. Raises ValueError."""
    if isinstance(value, str):
        value = value.strip().lower()
        if value not in _NO_LIMIT and _DIGITS.fullmatch(value):
            value = int(value)
    if value is None or value == -1 or (isinstance(value, str) and value in _NO_LIMIT):
        return None
    least = 0 if field in _MAY_BE_0 else 1
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not least <= value <= NUMBER_MAX:
        raise ValueError(
            f"{field} must be a whole number from {least} to {NUMBER_MAX},"
            " or `unlimited`, `none`, `null` or -1"
        )
    number: int = value
    return number
