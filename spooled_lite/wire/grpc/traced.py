"""Tells traces of calls over gRPC."""

from collections.abc import Callable
from typing import Final

from grpc import StatusCode

from spooled_lite.call_notes import NOTES
from spooled_lite.spans import SPAN, Tracer
from spooled_lite.wire.call_spans import about_call
from spooled_lite.wire.grpc.errors import Context
from spooled_lite.wire.grpc.watched import CallEnd, Watch

_CODES: Final = {each.name: each.value[0] for each in StatusCode}
# The statuses that are the server's fault. Others are an answer to the client.
_FAILURES: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)


def tracing_watch(tracer: Tracer) -> Watch:
    def begin(method: str, context: Context) -> Callable[[CallEnd], None]:
        span = tracer.begin("server", _traceparent_of(context))
        SPAN.set(span)
        if span is None:
            return _ignore
        service, _, name = method.partition("/")

        def end(call: CallEnd) -> None:
            about = about_call(NOTES.get()) | {
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": name,
                "rpc.grpc.status_code": _CODES.get(call.status, 2),
            }
            span.end(method, about, is_failure=call.status in _FAILURES)

        return end

    return begin


def _ignore(call: CallEnd) -> None: ...


def _traceparent_of(context: Context) -> str | None:
    given = context.invocation_metadata() or ()
    found = [value for name, value in given if name == "traceparent"]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None
