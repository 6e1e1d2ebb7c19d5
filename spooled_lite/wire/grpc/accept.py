"""Takes calls from the library in a way that no call can end the server.

The library's own loop decodes the path of each call, and ends for good when the path is not text:
after one such request, without any key, no further call would be served. Here the served methods
are registered by name, and calls of any other method are answered UNIMPLEMENTED.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grpc import aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # it has no types

Handlers = Mapping[str, Any]  # the library's handlers, by path or by name of the method

# This logger would write a traceback for each header that is not text, with its contents, and for
# each client that leaves during a write. Neither is a fault of the server.
_LIBRARY: Final = logging.getLogger("grpc._cython.cygrpc")
_OF_CLIENTS: Final = ("Invalid encoding on", "ExecuteBatchError raised in core")

_UNKNOWN: Final = ""  # stands for the path of a method that is not served


def service_handlers(service: str, methods: Handlers) -> Handlers:
    """The methods of a service by their paths."""
    return {f"/{service}/{name}": method for name, method in methods.items()}


def accepting(
    *handlers: Handlers, options: Sequence[tuple[str, Any]], calls_max: int
) -> aio.Server:
    """A server of these methods. It refuses calls while `calls_max` are open."""
    if _is_wanted not in _LIBRARY.filters:
        _LIBRARY.addFilter(_is_wanted)
    server = aio.server(options=options)
    calls = _Calls(asyncio.get_running_loop(), None, (), (), tuple(options), None)
    calls.take(
        {path: method for each in handlers for path, method in each.items()}, calls_max=calls_max
    )
    # Replaces the library's own server object, which is never started.
    server._server = calls  # type: ignore[attr-defined]
    return server


class _Calls(cygrpc.AioServer):  # type: ignore[misc]  # it has no types
    """Overrides a private class of the library, in the version that is pinned.

    The library asks again and again for a future of the next call, one for each method and one for
    unknown methods. Here each of these futures is a task that takes all calls of its method, and
    ends with the server.
    """

    def take(self, handlers: Handlers, *, calls_max: int) -> None:
        self._calls_max = calls_max
        self._running: set[asyncio.Task[None]] = set()
        self._resolver = cygrpc._MethodResolver([], dict(handlers))
        self.add_registered_method_handlers(dict(handlers))

    def _make_request_call_future(self, path: bytes | None) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._take_all(path), name="grpc-calls")

    async def _take_all(self, path: bytes | None) -> None:
        """Take calls until the server stops, which the library tells by an error of its own."""
        name = _UNKNOWN if path is None else path.decode()
        while True:
            if path is None:
                state = await self._request_call()
            else:
                state = await self._request_registered_call(path)
            self._serve(name, state)

    def _serve(self, name: str, state: Any) -> None:
        loop = asyncio.get_running_loop()
        is_full = len(self._running) >= self._calls_max
        call = cygrpc._handle_rpc(name, self._resolver, (), state, loop, is_full)
        task = loop.create_task(
            cygrpc._schedule_rpc_coro(call, state, loop, name), name="grpc-call"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _is_wanted(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_OF_CLIENTS)
