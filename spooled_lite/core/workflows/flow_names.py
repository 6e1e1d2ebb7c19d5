"""The rules for the names of flows and of their steps."""

import re
from typing import Final

from spooled_lite.errors import RuleBroken

FLOW_NAME_MAX: Final = 58
STEP_NAME_MAX: Final = 58
# What conditions and workers call the input of the run, the signal of the step, and the item.
INPUT: Final = "input"
SIGNAL: Final = "signal"
RESERVED_STEP_NAMES: Final = frozenset({INPUT, SIGNAL, "item"})
_NAME: Final = re.compile(r"[a-z0-9_]+")


def checked_flow_name(name: str, field: str = "name") -> str:
    """Raises RuleBroken. Contract: catbird-capabilities, section 3."""
    if not 1 <= len(name) <= FLOW_NAME_MAX:
        raise RuleBroken.of(
            field, f"Flow name must have 1 to {FLOW_NAME_MAX} characters (`{field}`)", "length"
        )
    if _NAME.fullmatch(name) is None:
        raise RuleBroken.of(
            field,
            f"Flow name may contain small letters a to z, digits and `_` only (`{field}`)",
            "invalid_flow_name",
        )
    return name


def checked_step_name(name: str, of: str, field: str) -> str:
    """Raises RuleBroken, whose message begins with what `of` says."""
    if not 1 <= len(name) <= STEP_NAME_MAX:
        raise RuleBroken.of(
            field, f"{of}: a step name must have 1 to {STEP_NAME_MAX} characters", "length"
        )
    if _NAME.fullmatch(name) is None:
        raise RuleBroken.of(
            field,
            f"{of}: a step name may contain small letters a to z, digits and `_` only",
            "invalid_key",
        )
    return name
