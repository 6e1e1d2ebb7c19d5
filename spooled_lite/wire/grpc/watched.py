"""Watches calls from the outside: when they begin, how they end, how large their messages were.

The access log and traces do. Without them the handlers stay as they are.
"""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

from grpc import StatusCode
from msgspec import Struct

from spooled_lite.call_notes import NOTES
from spooled_lite.wire.grpc.accept import Handlers
from spooled_lite.wire.grpc.errors import Context

_KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
CANCELLED: Final = StatusCode.CANCELLED.name


class CallEnd(Struct, frozen=True):
    """How a call has ended. Sizes are those of messages, in bytes."""

    status: str  # the name of a gRPC status
    seconds: float
    bytes_in: int
    bytes_out: int


# Called when a call begins, with its method (`package.Service/Name`) and its context. What it
# returns is called at the end, in the task of the call.
Watch = Callable[[str, Context], Callable[[CallEnd], None]]


def watched(handlers: Iterable[Handlers], watches: Sequence[Watch]) -> list[Handlers]:
    if not watches:
        return list(handlers)
    return [
        {path: _watched(path.lstrip("/"), handler, watches) for path, handler in each.items()}
        for each in handlers
    ]


def _watched(method: str, handler: Any, watches: Sequence[Watch]) -> Any:
    [kind] = [each for each in _KINDS if getattr(handler, each) is not None]
    serve = getattr(handler, kind)
    is_unary = kind == "unary_unary"

    async def answer(request: Any, context: Any) -> Any:
        call = _WatchedCall(method, context, watches)
        try:
            response = await serve(
                call.counted(request), context if is_unary else _CountingContext(context, call)
            )
            call.bytes_out += _size(response)
            return response
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            call.end()

    async def generate(request: Any, context: Any) -> AsyncIterator[Any]:
        call = _WatchedCall(method, context, watches)
        try:
            async for response in serve(call.counted(request), context):
                call.bytes_out += _size(response)
                yield response
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            call.end()

    # The library looks at the kind of function to see how it answers.
    wrapper = generate if inspect.isasyncgenfunction(serve) else answer
    return handler._replace(**{kind: wrapper})


class _WatchedCall:
    def __init__(self, method: str, context: Any, watches: Sequence[Watch]) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self._context = context
        self._status: str | None = None
        self._began = time.monotonic()
        self._ends = [watch(method, context) for watch in watches]

    def counted(self, request: Any) -> Any:
        """The request; of a stream of them each one is counted as it is read."""
        if hasattr(request, "__aiter__"):
            return self._counted_each(request)
        self.bytes_in += _size(request)
        return request

    async def _counted_each(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for each in requests:
            self.bytes_in += _size(each)
            yield each

    def failed(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            self._status = CANCELLED

    def end(self) -> None:
        end = CallEnd(
            self._end_status(), time.monotonic() - self._began, self.bytes_in, self.bytes_out
        )
        for told in self._ends:
            told(end)

    def _end_status(self) -> str:
        notes = NOTES.get()
        if notes is not None and notes.status is not None:
            return notes.status
        if self._status is not None:
            return self._status
        code = self._context.code()  # None as long as nothing went wrong
        return StatusCode.OK.name if code is None else str(getattr(code, "name", code))


class _CountingContext:
    """The context of a stream, which counts what is read and written through it."""

    def __init__(self, context: Any, call: _WatchedCall) -> None:
        self._context = context
        self._call = call

    async def read(self) -> Any:
        message = await self._context.read()
        self._call.bytes_in += _size(message)
        return message

    async def write(self, message: Any) -> None:
        await self._context.write(message)
        self._call.bytes_out += _size(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _size(message: Any) -> int:
    if isinstance(message, bytes):
        return len(message)
    size: Callable[[], int] | None = getattr(message, "ByteSize", None)
    return 0 if size is None else size()
