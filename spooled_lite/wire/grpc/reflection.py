"""The standard reflection service, so that tools can list the methods and call them by name."""

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc import StatusCode

from spooled_lite.errors import SpooledError
from spooled_lite.wire.grpc.accept import Handlers, service_handlers
from spooled_lite.wire.grpc.call import parsed
from spooled_lite.wire.grpc.descriptors import (
    REFLECTION_SERVICES,
    SERVICES,
    message_class,
    shown_pool,
)
from spooled_lite.wire.grpc.errors import Context, refuse
from spooled_lite.wire.grpc.streams import Ending, stopping

NOT_FOUND: Final[int] = StatusCode.NOT_FOUND.value[0]
INVALID_ARGUMENT: Final[int] = StatusCode.INVALID_ARGUMENT.value[0]


class Reflection:
    """The service. It needs no credential. Contract: grpc, section 1."""

    def __init__(self) -> None:
        self._open: set[Ending] = set()

    def stop(self) -> None:
        """End the open streams, since tools may keep theirs open for long."""
        for stream in tuple(self._open):
            stream.end(stopping())

    def handlers(self) -> list[Handlers]:
        """The handlers of both versions of the service, which differ only in their names."""
        return [self._handler(service) for service in REFLECTION_SERVICES]

    def _handler(self, service: str) -> Handlers:
        package = service.rpartition(".")[0]
        request = message_class(f"{package}.ServerReflectionRequest")
        response = message_class(f"{package}.ServerReflectionResponse")

        async def info(requests: AsyncIterator[bytes], context: Context) -> None:
            async def answer_all() -> None:
                async for raw in requests:
                    each = parsed(request, raw)
                    said = response(valid_host=each.host, original_request=each, **_answer(each))
                    await context.write(said)

            stream = Ending()
            self._open.add(stream)
            try:
                await stream.until_done(context, answer_all)
                return
            except SpooledError as error:
                reason = error
            finally:
                self._open.discard(stream)
            await refuse(context, reason)

        method: Any = grpc.stream_stream_rpc_method_handler(
            info,
            response_serializer=response.SerializeToString,
        )
        return service_handlers(service, {"ServerReflectionInfo": method})


def _answer(request: Any) -> dict[str, Any]:
    pool = shown_pool()
    try:
        match request.WhichOneof("message_request"):
            case "list_services":
                listed = [{"name": name} for name in SERVICES]
                return {"list_services_response": {"service": listed}}
            case "file_by_filename":
                return _file(pool.FindFileByName(request.file_by_filename))
            case "file_containing_symbol":
                return _file(_file_of(request.file_containing_symbol))
            case "all_extension_numbers_of_type":
                name = request.all_extension_numbers_of_type
                pool.FindMessageTypeByName(name)
                return {"all_extension_numbers_response": {"base_type_name": name}}
            case "file_containing_extension":
                raise KeyError
            case _:
                return _error(INVALID_ARGUMENT, "The request asks for nothing")
    except KeyError:
        return _error(NOT_FOUND, "Not found")


def _file_of(symbol: str) -> Any:
    """Raises KeyError."""
    pool = shown_pool()
    try:
        return pool.FindFileContainingSymbol(symbol)
    except KeyError:
        # The library cannot find methods by their full names, and tools ask for them.
        service, _, method = symbol.rpartition(".")
        return pool.FindServiceByName(service).methods_by_name[method].containing_service.file


def _file(file: Any) -> dict[str, Any]:
    """The file, and before it the files it imports, so that tools need no further requests."""
    found: dict[str, bytes] = {}
    _collect(file, found)
    return {"file_descriptor_response": {"file_descriptor_proto": list(found.values())}}


def _collect(file: Any, found: dict[str, bytes]) -> None:
    if file.name in found:
        return
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    found[file.name] = proto.SerializeToString()
    for each in file.dependencies:
        _collect(each, found)


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error_response": {"error_code": code, "error_message": message}}
