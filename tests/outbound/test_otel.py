"""Spans: which are told of, in which trace, and that a collector in trouble hurts nobody."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spooled_lite.outbound import otel
from spooled_lite.outbound.otel import TEXT_CHARS_MAX, Otel, Sampling
from spooled_lite.spans import SPAN
from tests.outbound.otlp_receiver import OtlpReceiver

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
PARENT: Final = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED: Final = f"00-{TRACE}-b7ad6b7169203331-00"
STOP_SECONDS: Final = 20.0


class Told:
    """A tracer, and what it has told."""

    def __init__(self, sampler: str | None = None, argument: str | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        self.otel = Otel(Sampling(sampler, argument), self._exporter)

    def spans(self) -> Sequence[ReadableSpan]:
        assert self.otel.stop(STOP_SECONDS)
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def told() -> Iterator[Told]:
    it = Told()
    yield it
    it.otel.stop(STOP_SECONDS)


def test_a_span_has_the_name_attributes_and_events_that_it_ended_with(told: Told) -> None:
    span = told.otel.begin("server")
    assert span is not None
    span.event("commit", {"spooled.operation": "enqueue"})
    span.end("POST /x", {"a": 1, "b": "two"}, is_failure=True)

    [seen] = told.spans()
    assert (seen.name, dict(seen.attributes or {})) == ("POST /x", {"a": 1, "b": "two"})
    assert [event.name for event in seen.events] == ["commit"]
    assert seen.status.status_code.name == "ERROR"
    assert seen.resource.attributes["service.name"] == "spooled-lite"


def test_the_trace_of_a_caller_goes_on_and_other_spans_have_traces_of_their_own(
    told: Told,
) -> None:
    for parent in (PARENT, None, None, PARENT):
        span = told.otel.begin("server", parent)
        assert span is not None
        span.end("x", {})

    first, second, third, fourth = told.spans()
    assert {f"{span.context.trace_id:032x}" for span in (first, fourth)} == {TRACE}
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (second.parent, third.parent) == (None, None)
    assert len({span.context.trace_id for span in (first, second, third)}) == 3


@pytest.mark.parametrize(
    "given",
    [
        "", "nonsense", TRACE, f"00-{TRACE}-b7ad6b7169203331", f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01", f"{PARENT}-more", f"{PARENT}\n",
    ],
)  # fmt: skip
def test_a_header_of_another_form_names_no_trace(given: str, told: Told) -> None:
    span = told.otel.begin("server", given)

    assert span is not None
    assert span.trace_id != TRACE


def test_a_later_version_of_the_header_is_understood(told: Told) -> None:
    span = told.otel.begin("server", f"01-{TRACE}-b7ad6b7169203331-01-what-comes-later")

    assert span is not None
    assert span.trace_id == TRACE


@pytest.mark.parametrize(
    ("sampler", "argument", "alone", "in_sampled", "in_unsampled"),
    [
        (None, None, True, True, False),
        ("parentbased_always_on", None, True, True, False),
        ("parentbased_always_off", None, False, True, False),
        ("parentbased_traceidratio", "0", False, True, False),
        ("parentbased_traceidratio", "1", True, True, False),
        ("parentbased_traceidratio", None, True, True, False),
        ("always_on", None, True, True, True),
        ("always_off", None, False, False, False),
        ("traceidratio", "0.0", False, False, False),
        ("traceidratio", "1.0", True, True, True),
    ],
)
def test_samplers_are_those_of_opentelemetry(
    sampler: str | None, argument: str | None, alone: bool, in_sampled: bool, in_unsampled: bool
) -> None:
    it = Told(sampler, argument)

    begun = [it.otel.begin("server", parent) for parent in (None, PARENT, UNSAMPLED)]

    it.otel.stop(STOP_SECONDS)
    assert [span is not None for span in begun] == [alone, in_sampled, in_unsampled]


def test_a_share_of_traces_is_that_share_and_the_same_one_everywhere() -> None:
    half = Sampling("traceidratio", "0.5")

    assert half.takes((7 << 64) + (1 << 63) - 1)
    assert not half.takes((7 << 64) + (1 << 63))


@pytest.mark.parametrize(
    ("sampler", "argument"), [("sometimes", None), ("traceidratio", "2"), ("traceidratio", "x")]
)
def test_a_sampler_that_there_is_not_is_an_error(sampler: str, argument: str | None) -> None:
    with pytest.raises(ValueError, match=r"OTEL_|could not convert"):
        Sampling(sampler, argument)


def test_a_call_goes_on_with_the_trace_under_way_and_tells_the_receiver(told: Told) -> None:
    around = told.otel.begin("server", PARENT)
    token = SPAN.set(around)
    try:
        call = told.otel.call_out()
    finally:
        SPAN.reset(token)
    version, trace_id, span_id, flags = call.traceparent.split("-")
    call.end("webhook call", {"spooled.attempt": 1})

    [seen] = told.spans()
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert f"{seen.context.span_id:016x}" == span_id
    assert seen.kind.name == "CLIENT"


def test_a_call_that_is_not_sampled_tells_the_receiver_that() -> None:
    it = Told("always_off")

    first, second = it.otel.call_out(), it.otel.call_out()
    first.end("webhook call", {})

    assert it.spans() == []
    assert first.traceparent.endswith("-00")
    assert first.traceparent.split("-")[1] != second.traceparent.split("-")[1]


def test_what_callers_choose_is_bounded_and_masked(told: Told) -> None:
    span = told.otel.begin("server")
    assert span is not None
    span.end("x", {"spooled.queue": "q" * 10_000, "spooled.request_id": "sk_live_0123456789"})

    [seen] = told.spans()
    attributes = dict(seen.attributes or {})
    assert attributes["spooled.queue"] == "q" * TEXT_CHARS_MAX
    assert attributes["spooled.request_id"] == "sk_live_***"


def test_nothing_is_told_of_what_never_ended_nor_after_the_end(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    told.otel.begin("internal")
    span = told.otel.begin("internal")
    assert span is not None
    span.end("first", {})
    span.event("commit", {})
    span.end("second", {})

    [seen] = told.spans()
    assert (seen.name, len(seen.events)) == ("first", 0)
    assert caplog.records == []


class Stuck:
    """A collector that takes the first batch and never answers."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.go_on = threading.Event()
        self.count = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        self.count += len(spans)
        self.has_begun.set()
        self.go_on.wait(STOP_SECONDS)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None: ...


def test_a_collector_that_hangs_delays_nobody_and_what_waits_for_it_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    exporter = Stuck()
    it = Otel(Sampling(None, None), cast(Any, exporter))

    def tell(count: int) -> None:
        for _ in range(count):
            span = it.begin("server")
            assert span is not None
            span.end("x", {})

    tell(16)
    assert exporter.has_begun.wait(STOP_SECONDS)
    tell(1000)  # would not end if it waited
    assert not it.stop(0.01)
    exporter.go_on.set()

    assert it.stop(STOP_SECONDS)
    assert exporter.count <= 16 + 64
    dropped = [each for each in caplog.records if "dropping" in each.getMessage()]
    assert len(dropped) <= 1


def test_a_collector_in_trouble_has_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    Told().otel.stop(STOP_SECONDS)
    log = logging.getLogger(otel._TALKATIVE[0])
    [rarely] = [each for each in log.filters if isinstance(each, otel._Rarely)]
    rarely._until = 0.0

    for _ in range(5):
        log.warning("Transient error")
    rarely._until = time.monotonic() - 1
    log.warning("again")

    assert caplog.messages == ["Transient error", "again"]


def test_spans_arrive_at_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "jobs-of-the-shop")
    with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        it = Otel(Sampling(None, None), OTLPSpanExporter())
        span = it.begin("server", PARENT)
        assert span is not None
        span.end("POST /api/v1/jobs", {"http.response.status_code": 201})
        assert it.stop(STOP_SECONDS)

        seen = receiver.named("POST /api/v1/jobs")

    assert (seen.trace_id, seen.parent_id) == (TRACE, "b7ad6b7169203331")
    assert seen.attributes == {"http.response.status_code": 201}
    assert seen.resource["service.name"] == "jobs-of-the-shop"
