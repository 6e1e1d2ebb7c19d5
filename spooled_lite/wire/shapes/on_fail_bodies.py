"""What callers say of the job that follows when all attempts have failed, and how it is shown."""

from typing import Annotated, Final, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.jobs.policy import TIMEOUT_MS_MAX, OnFail, read_on_fail
from spooled_lite.core.jobs.records import RETRIES
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QUEUE_LENGTH
from spooled_lite.wire.shapes.policy_bodies import BackoffBody, BackoffView

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
OnFailQueue = Annotated[str, about("The queue of that job; default: `_on_fail` behind the name of the task, or of the queue of a job that is no run", "payments_alerts", **QUEUE_LENGTH)]
OnFailRetries = Annotated[int, about("How often that job is tried again; default 2", 3)]
OnFailSeconds = Annotated[float | int, about("How long an attempt of that job may take, in seconds; default 30", 30)]
OnFailMs = Annotated[int, about("The same in milliseconds, with precedence; 0: without end", 30_000)]
# fmt: on

_BACKOFF: Final = about(
    "How long that job waits when it has failed; default: `full_jitter` from 250 to 5000 ms"
)
_SecondsGiven = Annotated[
    float,
    Meta(ge=0, le=TIMEOUT_MS_MAX / 1000),
    about("How long an attempt of that job may take, in seconds; default 30", 30),
]


class OnFailBody(Struct, frozen=True, kw_only=True):
    """The job that follows when all attempts have failed. Null means left out."""

    queue_name: OnFailQueue | None = None
    max_retries: Annotated[OnFailRetries, RETRIES] | None = None
    timeout_seconds: _SecondsGiven | None = None
    timeout_ms: Annotated[OnFailMs, Meta(ge=0, le=TIMEOUT_MS_MAX)] | None = None
    backoff: Annotated[BackoffBody | None, _BACKOFF] = None

    def checked(self, at: str = "on_fail") -> OnFail:
        """`at` is its place in the body.

        Raises:
            RuleBroken: its queue cannot have this name, or as `BackoffBody.checked`.
        """
        name, timeout_ms = self.queue_name, self.timeout_ms
        if timeout_ms is None and self.timeout_seconds is not None:
            timeout_ms = in_ms(self.timeout_seconds)
        return OnFail(
            queue_name=None if name is None else checked_queue_name(name, f"{at}.queue_name"),
            max_retries=self.max_retries,
            timeout_ms=timeout_ms,
            backoff=None if self.backoff is None else self.backoff.checked(f"{at}.backoff"),
        )


class OnFailView(Struct, frozen=True, kw_only=True):
    """The job that follows when all attempts have failed, as far as something was said of it."""

    queue_name: OnFailQueue | UnsetType = UNSET
    max_retries: OnFailRetries | UnsetType = UNSET
    timeout_seconds: OnFailSeconds | UnsetType = UNSET
    timeout_ms: OnFailMs | UnsetType = UNSET
    backoff: Annotated[BackoffView, _BACKOFF] | UnsetType = UNSET

    @classmethod
    def of(cls, stored: bytes) -> Self:
        said = read_on_fail(stored)
        return cls(
            queue_name=UNSET if said.queue_name is None else said.queue_name,
            max_retries=UNSET if said.max_retries is None else said.max_retries,
            timeout_seconds=UNSET if said.timeout_ms is None else in_seconds(said.timeout_ms),
            timeout_ms=UNSET if said.timeout_ms is None else said.timeout_ms,
            backoff=UNSET if said.backoff is None else BackoffView.showing(said.backoff),
        )


def in_ms(seconds: float) -> int:
    """At least one, unless 0 is said: that is without end."""
    return max(1, round(seconds * 1000)) if seconds else 0


def in_seconds(ms: int) -> int | float:
    """A whole number where it is one: some clients read no other ones into an integer."""
    return ms / 1000 if ms % 1000 else ms // 1000
