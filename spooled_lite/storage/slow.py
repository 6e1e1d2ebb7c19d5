"""Logs what keeps the writing thread for long: while it runs, every other write waits."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from spooled_lite.storage.backlog import Request
from spooled_lite.storage.transaction import together

logger = logging.getLogger(__name__)

SLOW_SECONDS: Final = 0.05
INTERVAL_SECONDS: Final = 10.0  # between two lines about the same operation of one organization
CAUSES_MAX: Final = 100  # told apart in an interval; any more are told together
NAMES_MAX: Final = 5  # of the operations of one request
COMMIT: Final = "commit"
OTHERS: Final = "other operations"


class SlowOperations:
    """Used by the writing thread alone. A cause that lasts has a line an interval, with a count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, int], float] = {}  # when a cause gets its next line
        self._more: dict[tuple[str, int], int] = {}  # of a cause since its last line

    def ran(self, request: Request, seconds: float) -> None:
        """An operation took this long, which is more than SLOW_SECONDS."""
        notes = request.notes
        self._tell(
            name_of(request), request.owner, seconds, {} if notes is None else notes.fields()
        )

    def committed(self, seconds: float) -> None:
        """As `ran`, for a commit, which is of no organization: the disk was slow."""
        self._tell(COMMIT, 0, seconds, {})

    def _tell(self, name: str, owner: int, seconds: float, about: dict[str, str]) -> None:
        now = self._clock()
        cause = (name, owner)
        if cause not in self._until and len(self._until) >= CAUSES_MAX:
            self._forget_old(now)
            if len(self._until) >= CAUSES_MAX:
                cause = (OTHERS, 0)
        if self._until.get(cause, 0.0) > now:
            self._more[cause] = self._more.get(cause, 0) + 1
            return
        self._until[cause] = now + INTERVAL_SECONDS
        more = self._more.pop(cause, 0)
        ms = round(seconds * 1000)
        fields = {**about, "operation": name, "ms": ms}
        logger.info(
            "slow operation: %s took %d ms of the writing thread%s",
            name,
            ms,
            f", and {more} more like it since the last such line" if more else "",
            extra={"fields": fields},
        )

    def _forget_old(self, now: float) -> None:
        for cause in [each for each, until in self._until.items() if until <= now]:
            del self._until[cause]
            self._more.pop(cause, None)


def name_of(request: Request) -> str:
    """What it runs, as it is called in the code; of several operations the first few."""
    if request.operation is not together:
        return _name(request.operation)
    (steps,) = request.arguments
    names = list(dict.fromkeys(_name(operation) for operation, _ in steps))
    return ", ".join(names[:NAMES_MAX])


def _name(operation: Callable[..., Any]) -> str:
    while isinstance(operation, partial):
        operation = operation.func
    operation = getattr(operation, "__wrapped__", operation)  # of what an operation is made of
    name = getattr(operation, "__qualname__", type(operation).__name__)
    return str(name).replace(".<locals>", "").replace("<lambda>", "lambda")
