"""Traces as the code that is traced sees them. It knows no library: outbound/otel.py does.

Nothing here is used unless traces are on, and then only for what is sampled.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, Literal, Protocol

Attributes = Mapping[str, str | int | bool]
SpanKind = Literal["server", "client", "internal"]


class OpenSpan(Protocol):
    """One piece of work that has begun. Nothing of it may be a payload, a key or an address."""

    @property
    def trace_id(self) -> str:
        """In hexadecimal, for log lines."""
        ...

    def event(self, name: str, attributes: Attributes) -> None:
        """Something happened just now. Does nothing once the span has ended."""
        ...

    def end(self, name: str, attributes: Attributes, *, is_failure: bool = False) -> None:
        """The work has ended, which is told under this name."""
        ...


class CallOut(Protocol):
    """A call to another server, sampled or not."""

    @property
    def traceparent(self) -> str:
        """The header that lets the other server go on with the trace."""
        ...

    def end(self, name: str, attributes: Attributes, *, is_failure: bool = False) -> None: ...


class Tracer(Protocol):
    """Used from one event loop."""

    def begin(self, kind: SpanKind, traceparent: str | None = None) -> OpenSpan | None:
        """Begin a span, in the trace that the caller named if it is one; None: it is not sampled.

        Nothing is told of a span that is never ended.
        """
        ...

    def call_out(self) -> CallOut:
        """Begin a call, in the trace of the work under way in this task."""
        ...


# The span of the work that the running code does; None: there is none, or it is not sampled.
SPAN: Final[ContextVar[OpenSpan | None]] = ContextVar("spooled.span", default=None)
