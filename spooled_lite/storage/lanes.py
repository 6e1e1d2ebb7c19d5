"""Which operation goes first. An operation names its lane where it is defined, and nowhere else."""

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any, Final, TypeVar

from spooled_lite.storage.turns import HOUSE

F = TypeVar("F", bound=Callable[..., Any])


class Lane(IntEnum):
    """In the order in which they are served. Only the last two, which share a line, are shed."""

    SETTLE = 0  # settle, renew, deregister: they free what others wait for
    CLAIM = 1
    HOUSE = 2  # passes of the background loops: as many as there are loops, and never refused
    REST = 3
    CREATE = 4  # as REST, and refused when the disk is nearly full


_DECLARED: Final[dict[Any, Lane]] = {}  # by operation


def in_lane(lane: Lane) -> Callable[[F], F]:
    """Declare the lane of an operation; without it an operation goes in REST."""

    def declare(operation: F) -> F:
        _DECLARED[operation] = lane
        return operation

    return declare


def lane_of(operation: Callable[..., Any], owner: int) -> Lane:
    """The declared lane. Without one: HOUSE for the server's own operations, else REST."""
    declared = _DECLARED.get(operation)
    if declared is not None:
        return declared
    function = getattr(operation, "__wrapped__", operation)
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    return _DECLARED.get(function, Lane.HOUSE if owner == HOUSE else Lane.REST)
