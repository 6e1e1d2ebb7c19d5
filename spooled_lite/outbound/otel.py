"""Traces by OpenTelemetry (the extra `otel`): begins spans, and sends them to a collector.

Whether a trace is sampled is decided here, before the library makes anything: a request that is not
sampled costs next to nothing. Sending is the work of a thread of the library, with a bound on what
waits for it: a collector that is slow or gone loses spans, and nothing else.
"""

import logging
import re
import threading
import time
from typing import Any, Final, cast

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

import spooled_lite
from spooled_lite import spans
from spooled_lite.ids import POOL_IDS, Ids
from spooled_lite.log_lines import LogMasks
from spooled_lite.spans import SPAN, Attributes

TRACE_ID_BYTES: Final = 16
_HALF: Final = (1 << 64) - 1  # of a trace id: a span id, and what samplers look at
SERVICE: Final = "spooled-lite"
TEXT_CHARS_MAX: Final = 200  # of an attribute: callers choose queues and request ids
TROUBLE_SECONDS: Final = 60.0  # between two log lines about a collector that does not answer

_masks: Final = LogMasks()
_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KINDS: Final = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
# The loggers of the library that tell of a collector in trouble, again and again.
_TALKATIVE: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)


class Sampling:
    """Which traces are told of, by the names that OTEL_TRACES_SAMPLER has for them."""

    def __init__(self, name: str | None, argument: str | None) -> None:
        """Raises ValueError: there is no such sampler, or it does not go with its argument."""
        name = name or "parentbased_always_on"
        self.heeds_parent = name.startswith("parentbased_")
        match name.removeprefix("parentbased_"):
            case "always_on":
                self._bound = 1 << 64
            case "always_off":
                self._bound = 0
            case "traceidratio":
                share = 1.0 if argument is None else float(argument)
                if not 0 <= share <= 1:
                    raise ValueError(f"OTEL_TRACES_SAMPLER_ARG is {share}, and not from 0 to 1")
                self._bound = round(share * (1 << 64))
            case _:
                raise ValueError(f"OTEL_TRACES_SAMPLER is {name!r}, which is no sampler")

    def takes(self, trace_id: int) -> bool:
        return trace_id & _HALF < self._bound


class Otel:
    """Implements `spans.Tracer`."""

    def __init__(self, sampling: Sampling, exporter: SpanExporter | None = None) -> None:
        """The library reads everything else from variables: where spans go, what is queued.

        Raises ValueError: one of those is wrong.
        """
        _hush()
        self._sampling = sampling
        self._ids = _Ids()
        about = {"service.name": SERVICE, "service.version": spooled_lite.__version__}
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create(about).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,  # `stop` does it, in bounded time
            id_generator=cast(Any, self._ids),
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE, spooled_lite.__version__)

    def begin(self, kind: spans.SpanKind, traceparent: str | None = None) -> spans.OpenSpan | None:
        parent = None if traceparent is None else _parent_of(traceparent)
        if parent is None:
            trace_id = self._ids.draw()
            return self._begin(kind, None, trace_id) if self._sampling.takes(trace_id) else None
        if self._sampling.heeds_parent:
            is_taken = parent.trace_flags.sampled
        else:
            is_taken = self._sampling.takes(parent.trace_id)
        return self._begin(kind, parent, parent.trace_id) if is_taken else None

    def call_out(self) -> spans.CallOut:
        around = SPAN.get()
        if isinstance(around, _Open):
            return self._begin("client", around.context, around.context.trace_id)
        trace_id = self._ids.draw()
        if self._sampling.takes(trace_id):
            return self._begin("client", None, trace_id)
        return _Unsampled(trace_id, self._ids.generate_span_id())

    def _begin(self, kind: spans.SpanKind, parent: SpanContext | None, trace_id: int) -> "_Open":
        if parent is None:
            self._ids.given = trace_id
        # Never the library's own idea of what is under way.
        around = set_span_in_context(_NONE if parent is None else NonRecordingSpan(parent))
        span = self._tracer.start_span(kind, around, _KINDS[kind])
        assert isinstance(span, Span), "it is sampled"
        return _Open(span)

    def stop(self, seconds_max: float) -> bool:
        """Send what waits, for at most this long, and end. False: not all could be sent.

        Blocks. The thread that sends may hang in a call; it does not keep the program from ending.
        """
        end = threading.Thread(target=self._provider.shutdown, name="spooled-traces", daemon=True)
        end.start()
        end.join(seconds_max)
        return not end.is_alive()


_NONE: Final = NonRecordingSpan(SpanContext(0, 0, is_remote=False))


class _Ids:
    """As the library's own, but the trace of the next span can be given: that by whose id it was
    sampled. Random bytes are drawn for many ids at once."""

    def __init__(self) -> None:
        self.given: int | None = None
        self._source = Ids()
        self._pool: list[int] = []

    def draw(self) -> int:
        if not self._pool:
            drawn = self._source.secret(POOL_IDS * TRACE_ID_BYTES)
            self._pool = [
                int.from_bytes(drawn[at : at + TRACE_ID_BYTES])
                for at in range(0, len(drawn), TRACE_ID_BYTES)
            ]
        return self._pool.pop()

    def generate_trace_id(self) -> int:
        given, self.given = self.given, None
        return self.draw() if given is None else given

    def generate_span_id(self) -> int:
        return self.draw() & _HALF

    def is_trace_id_random(self) -> bool:
        return True


class _Open:
    def __init__(self, span: Span) -> None:
        self._span = span
        self._has_ended = False

    @property
    def context(self) -> SpanContext:
        return self._span.get_span_context()

    @property
    def trace_id(self) -> str:
        return f"{self.context.trace_id:032x}"

    @property
    def traceparent(self) -> str:
        return _traceparent(self.context.trace_id, self.context.span_id, TraceFlags.SAMPLED)

    def event(self, name: str, attributes: Attributes) -> None:
        if not self._has_ended:
            self._span.add_event(name, _harmless(attributes))

    def end(self, name: str, attributes: Attributes, *, is_failure: bool = False) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._span.update_name(name)
        self._span.set_attributes(_harmless(attributes))
        if is_failure:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class _Unsampled:
    """A call that is not told of: the other server learns that, too."""

    def __init__(self, trace_id: int, span_id: int) -> None:
        self.traceparent = _traceparent(trace_id, span_id, TraceFlags.DEFAULT)

    def end(self, name: str, attributes: Attributes, *, is_failure: bool = False) -> None: ...


def _traceparent(trace_id: int, span_id: int, flags: int) -> str:
    return f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"


def _parent_of(traceparent: str) -> SpanContext | None:
    """The span that a caller names; None: this is not the form of the header."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    parent = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return parent if parent.is_valid else None


def _harmless(attributes: Attributes) -> dict[str, Any]:
    return {
        name: _masks.masked(value)[:TEXT_CHARS_MAX] if isinstance(value, str) else value
        for name, value in attributes.items()
    }


class _Rarely(logging.Filter):
    """Lets one line through in TROUBLE_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._until:
            return False
        self._until = now + TROUBLE_SECONDS
        return True


def _hush() -> None:
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Rarely) for each in logger.filters):
            logger.addFilter(_Rarely())
