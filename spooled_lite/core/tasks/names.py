"""The rules for the name of a task."""

import re
from typing import Final

from spooled_lite.errors import RuleBroken

TASK_NAME_MAX: Final = 58
RESERVED_NAME: Final = "input"  # what a condition calls the input of a run
_NAME: Final = re.compile(r"[a-z0-9_]+")


def checked_task_name(name: str, field: str = "name") -> str:
    """Raises RuleBroken. Contract: catbird-capabilities, section 3."""
    if not 1 <= len(name) <= TASK_NAME_MAX:
        raise RuleBroken.of(
            field, f"Task name must have 1 to {TASK_NAME_MAX} characters (`{field}`)", "length"
        )
    if _NAME.fullmatch(name) is None:
        raise RuleBroken.of(
            field,
            f"Task name may contain small letters a to z, digits and `_` only (`{field}`)",
            "invalid_task_name",
        )
    if name == RESERVED_NAME:
        raise RuleBroken.of(
            field, f"Task name must not be `{RESERVED_NAME}` (`{field}`)", "reserved_name"
        )
    return name
