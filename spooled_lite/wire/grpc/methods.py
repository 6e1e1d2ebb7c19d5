"""How a method is served: admit the call, read the request, run it; and the error boundary."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import grpc
from grpc import aio
from msgspec import Struct

from spooled_lite.call_notes import NOTES
from spooled_lite.errors import InternalError, SpooledError, Unauthorized
from spooled_lite.wire.grpc.accept import Handlers, service_handlers
from spooled_lite.wire.grpc.call import Call, parsed
from spooled_lite.wire.grpc.descriptors import Method, methods_of
from spooled_lite.wire.grpc.errors import Context, refuse, status_of
from spooled_lite.wire.rates.rate_limit import client_address
from spooled_lite.wire.services import Services
from spooled_lite.wire.time_limit import TimeLimit
from spooled_lite.wire.waiting.claims import Left

logger = logging.getLogger(__name__)

LEFT = "CANCELLED"  # the status counted when the caller has left or its deadline has passed


class Unary(Struct, frozen=True):
    """A method with one request and one response, as a row in the table of a service."""

    word: str  # the permission it needs
    read: Callable[[Call, Any], Any]  # makes a command of the request; may run on another thread
    run: Callable[[Call, Any], Awaitable[bytes]]
    is_spared: bool = False  # the rate limit counts it, and never refuses it


class Streaming(Struct, frozen=True):
    """A method with a stream of responses, which its `run` writes.

    `run` gets the request, or None when it reads a stream of requests itself.
    """

    word: str
    run: Callable[[Call, Any], Awaitable[None]]


MethodRow = Unary | Streaming


# Finds the services for a call, or raises a SpooledError. In production all share one set.
Find = Callable[[Context], Services]


def handlers_of(service_name: str, rows: Mapping[str, MethodRow], find: Find) -> Handlers:
    """The handlers of all methods of a service.

    Requests and responses are bytes for the library, so that malformed messages are answered here.
    """
    limit = TimeLimit()
    found = {
        method.name: _handler(service_name, method, rows[method.name], find, limit)
        for method in methods_of(service_name)
    }
    return service_handlers(service_name, found)


def _handler(
    service_name: str, method: Method, row: MethodRow, find: Find, limit: TimeLimit
) -> Any:
    route = f"{service_name}/{method.name}"
    if isinstance(row, Unary):
        return grpc.unary_unary_rpc_method_handler(_unary(route, method, row, find, limit))
    if method.streams_requests:
        return grpc.stream_stream_rpc_method_handler(_streaming(route, method, row, find))
    return grpc.unary_stream_rpc_method_handler(_streaming(route, method, row, find))


def _unary(route: str, method: Method, row: Unary, find: Find, limit: TimeLimit) -> Any:
    kind, read, run = method.request, row.read, row.run

    async def serve(raw: bytes, context: Context) -> bytes:
        began, status = time.monotonic(), LEFT
        services = await _found(find, context)
        call = Call(services, context, route)
        NOTES.set(call.notes)

        def command() -> Any:
            return read(call, parsed(kind, raw))

        async def work() -> bytes:
            await call.admit(row.word, is_spared=row.is_spared)
            asked = await call.off_loop(len(raw), command)
            if services.around is None:
                return await run(call, asked)
            call.request = parsed(kind, raw)
            return await services.around(method.name, call, partial(run, call, asked))

        try:
            response = await limit.within(call, work())
            status = "OK"
            return response
        except SpooledError as error:
            status = status_of(error).name
            _note_refused(call, method, error)
            await refuse(context, error)
        except Left:
            # The deadline has passed, and the library tells the client so by itself.
            return b""
        except Exception:
            status = "INTERNAL"
            logger.exception("%s failed", method.name)
            await refuse(context, InternalError())
        finally:
            call.notes.status = status
            services.metrics.grpc_ended(method.name, status)
            services.metrics.grpc_seconds.observe(time.monotonic() - began)

    return serve


def _streaming(route: str, method: Method, row: Streaming, find: Find) -> Any:
    async def serve(first: Any, context: Context) -> None:
        status = LEFT
        services = await _found(find, context)
        call = Call(services, context, route)
        NOTES.set(call.notes)
        try:
            await call.admit(row.word)
            asked = None if method.streams_requests else parsed(method.request, first)
            if services.around is None:
                await row.run(call, asked)
            else:
                call.request = asked
                await services.around(method.name, call, partial(row.run, call, asked))
            status = "OK"
        except SpooledError as error:
            status = status_of(error).name
            _note_refused(call, method, error)
            await refuse(context, error)
        except aio.InternalError:
            logger.debug("the client of %s disconnected during a write", method.name)
        except Exception:
            status = "INTERNAL"
            logger.exception("%s failed", method.name)
            await refuse(context, InternalError())
        finally:
            call.notes.status = status
            services.metrics.grpc_ended(method.name, status)

    return serve


async def _found(find: Find, context: Context) -> Services:
    try:
        return find(context)
    except SpooledError as error:
        await refuse(context, error)


def _note_refused(call: Call, method: Method, error: SpooledError) -> None:
    """Log a credential that is not, or no longer, valid."""
    if isinstance(error, Unauthorized):
        call.services.refused.note(client_address(call), f"gRPC {method.name}", error.code)
