"""A small collector of OpenTelemetry in the process of the test: it keeps what it is sent."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE_SECONDS = 20.0


class SeenSpan(Struct, frozen=True):
    name: str
    trace_id: str
    parent_id: str
    attributes: dict[str, Any]
    events: list[str]
    resource: dict[str, Any]


class OtlpReceiver:
    def __init__(self, *, answers: bool = True) -> None:
        """With `answers` false, every request hangs until the end."""
        self.spans: list[SeenSpan] = []
        self._changed = threading.Condition()
        self._go_on = threading.Event()
        if answers:
            self._go_on.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if receiver._go_on.wait(PATIENCE_SECONDS):
                    receiver._take(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *about: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *about: object) -> None:
        self._go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def named(self, name: str) -> SeenSpan:
        """The span of this name, once it has come."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(span.name == name for span in self.spans), PATIENCE_SECONDS
            ), f"no span {name} among {[span.name for span in self.spans]}"
            return next(span for span in self.spans if span.name == name)

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            for of_resource in request.resource_spans:
                resource = _values(of_resource.resource.attributes)
                for scope in of_resource.scope_spans:
                    self.spans += [
                        SeenSpan(
                            span.name,
                            span.trace_id.hex(),
                            span.parent_span_id.hex(),
                            _values(span.attributes),
                            [event.name for event in span.events],
                            resource,
                        )
                        for span in scope.spans
                    ]
            self._changed.notify_all()


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
