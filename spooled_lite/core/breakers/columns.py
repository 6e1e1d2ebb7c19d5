"""What a row of `breakers` holds, and how a breaker stands."""

from typing import Final, Literal, TypedDict, get_args

from msgspec import Struct

# What a breaker is about: all work of a queue, the runs of a task, or a step with its items.
Scoped = Literal["queue", "task", "step"]
# A task by its name, or a step by its number in step_guards.
LimitedWork = tuple[Literal["task"], str] | tuple[Literal["step"], int]
SCOPES: Final[tuple[Scoped, ...]] = get_args(Scoped)
BreakerState = Literal["closed", "open", "half_open"]


class BreakerRow(TypedDict):
    """A breaker with failures. One that is closed and has none has no row."""

    scope: Scoped
    target: int  # the number of the queue, of the task or in step_guards
    failures: int  # in a row
    opened_at_ms: int | None  # None while it is closed
    open_until_ms: int | None  # likewise
    trial_job: int | None  # its number; of the last attempt that was let through since then
    trial_lease_id: str | None


class LimitsRow(TypedDict):
    """What a task or a step lets through that does not let everything through."""

    seq: int
    circuit_breaker: bytes | None
    max_concurrency: int | None


class BreakerStanding(Struct, frozen=True, kw_only=True):
    """A breaker at one moment."""

    state: BreakerState = "closed"
    failures: int = 0
    opened_at_ms: int | None = None
    open_until_ms: int | None = None
    is_tried: bool = False  # half open, and its one attempt is under way

    def room(self, wanted: int) -> int:
        """How many attempts it lets through now, at most `wanted`."""
        if self.state == "closed":
            return wanted
        is_open = self.state == "open" or self.is_tried
        return 0 if is_open else min(wanted, 1)
