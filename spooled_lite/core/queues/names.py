"""The rules for the name of a queue."""

from typing import Final

from spooled_lite.errors import RuleBroken

QUEUE_NAME_MAX: Final = 100
# Of the queue of a step or of its items: made of the names of a flow, of a step and of a word.
STEP_QUEUE_NAME_MAX: Final = 128
_ON_FAIL: Final = "_on_fail"
_MARKS: Final = frozenset("-_.")


def checked_queue_name(name: str, field: str = "queue_name", *, most: int = QUEUE_NAME_MAX) -> str:
    """Return the name when it is valid: letters and digits of any script, `-`, `_` and `.`.

    `most`: of its characters.

    Raises:
        RuleBroken: 400, with the code of the rule. Contract: jobs, section 2.4.
    """
    if not 1 <= len(name) <= most:
        raise RuleBroken.of(
            field, f"Queue name must have 1 to {most} characters (`{field}`)", "length"
        )
    if name[0] in ".-":
        raise RuleBroken.of(
            field,
            f"Queue name must not start with `.` or `-` (`{field}`)",
            "invalid_queue_name_start",
        )
    if not name.isalnum() and not all(each.isalnum() or each in _MARKS for each in name):
        raise RuleBroken.of(
            field,
            f"Queue name may contain alphanumeric characters, `-`, `_` and `.` only (`{field}`)",
            "invalid_queue_name",
        )
    return name


def checked_step_queue_name(name: str, field: str = "queue_name") -> str:
    """As `checked_queue_name`, where a queue of steps may be meant: amendments, G14."""
    return checked_queue_name(name, field, most=STEP_QUEUE_NAME_MAX)


def is_queue_name(name: str) -> bool:
    """Also that of a queue of steps."""
    try:
        checked_step_queue_name(name)
    except RuleBroken:
        return False
    return True


def on_fail_queue(name: str) -> str:
    """The queue of what follows failures of a task, or of the jobs of a queue, of this name, where
    nothing else is said. Too long after a queue name of more than 92 characters.
    """
    return f"{name}{_ON_FAIL}"
