"""Whether a server tells traces: by the variables of OpenTelemetry, with the extra and without."""

import asyncio
import logging
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from spooled_lite.cli.traces import tracing
from spooled_lite.config import TraceSettings, trace_settings
from tests.server_process import API_KEY, ServerProcess

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, None),
        ({ENDPOINT: " "}, None),
        ({ENDPOINT: "http://c", "OTEL_SDK_DISABLED": "TRUE"}, None),
        ({ENDPOINT: "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({ENDPOINT: "http://c"}, TraceSettings(None, None, None)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, TraceSettings(None, None, None)),
        (
            {
                ENDPOINT: "http://c",
                "OTEL_TRACES_SAMPLER": "traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0.1",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            TraceSettings("traceidratio", "0.1", "grpc"),
        ),
    ],
)
def test_traces_are_asked_for_by_the_address_of_a_collector(
    environ: dict[str, str], asked: TraceSettings | None
) -> None:
    assert trace_settings(environ) == asked


def started(*, is_test: bool = False) -> bool:
    async def main() -> bool:
        async with tracing(1.0, is_test=is_test) as tracer:
            return tracer is not None

    return asyncio.run(main())


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings are read when the module is imported, so the test says them."""
    asked = TraceSettings("parentbased_traceidratio", "0", None)
    monkeypatch.setattr("spooled_lite.cli.traces.trace_settings", lambda: asked)
    return monkeypatch


def test_without_the_extra_a_warning_says_how_to_install_it(
    asks: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asks.delitem(sys.modules, "spooled_lite.outbound.otel", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        asks.delitem(sys.modules, name)
    asks.setitem(sys.modules, "opentelemetry", None)

    assert not started()

    [said] = caplog.messages
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said
    assert "pip install 'spooled-lite[otel]'" in said


def test_a_wrong_variable_leaves_the_server_without_traces_and_is_told(
    asks: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    asked = TraceSettings("sometimes", None, None)
    asks.setattr("spooled_lite.cli.traces.trace_settings", lambda: asked)

    assert not started()

    assert caplog.messages == ["no traces: OTEL_TRACES_SAMPLER is 'sometimes', which is no sampler"]


def test_with_the_extra_there_are_traces_but_not_in_test_mode(
    asks: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    caplog.set_level(logging.INFO)

    assert started()
    assert not started(is_test=True)

    assert caplog.messages == ["traces are on"]


@pytest.mark.slow
def test_a_server_without_traces_imports_nothing_of_them() -> None:
    code = (
        "import sys, spooled_lite.cli.serve, spooled_lite.wire.grpc.server;"
        "print([name for name in sys.modules if 'opentelemetry' in name or 'otel' in name])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert answer.stdout == "[]\n"


def post_a_job(server: ServerProcess) -> float:
    """Seconds that it took."""
    request = urllib.request.Request(
        f"{server.url}/api/v1/jobs",
        data=b'{"queue_name":"emails","payload":{}}',
        headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
    )
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    return time.monotonic() - began


@pytest.mark.slow
def test_spans_of_a_server_arrive_at_a_collector_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from tests.outbound.otlp_receiver import OtlpReceiver

    with OtlpReceiver() as receiver, ServerProcess(tmp_path, json_logs="true") as server:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        server.start()
        post_a_job(server)
        assert server.stop() == 0

        span = receiver.named("POST /api/v1/jobs")
        assert "commit" in span.events
        assert span.attributes["spooled.queue"] == "emails"
        assert "traces are on" in server.log


@pytest.mark.slow
def test_a_collector_that_hangs_delays_neither_a_request_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from tests.outbound.otlp_receiver import OtlpReceiver

    with (
        OtlpReceiver(answers=False) as receiver,
        ServerProcess(tmp_path, shutdown_grace_seconds="1") as server,
    ):
        monkeypatch.setenv(ENDPOINT, receiver.url)
        server.start()
        for _ in range(20):
            post_a_job(server)

        assert server.stop() == 0  # the collector would answer after 20 seconds

        assert "some spans could not be sent within 0.5 s" in server.log
        assert "stopped; everything acknowledged is stored" in server.log
