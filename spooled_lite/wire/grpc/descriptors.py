"""The message classes, built from the checked-in descriptor set in descriptor pools of our own.

The official SDK registers the same file and names in the default pool, and a pool cannot hold a
name twice. So there is no generated module here.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from msgspec import Struct

STRUCT: Final = ".google.protobuf.Struct"
PACKAGE: Final = "spooled.v1"
QUEUE_SERVICE: Final = f"{PACKAGE}.QueueService"
WORKER_SERVICE: Final = f"{PACKAGE}.WorkerService"
HEALTH_SERVICE: Final = "grpc.health.v1.Health"
REFLECTION_SERVICES: Final = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)
SERVICES: Final = (QUEUE_SERVICE, WORKER_SERVICE, HEALTH_SERVICE, *REFLECTION_SERVICES)


class Method(Struct, frozen=True):
    """A method as the descriptor set describes it."""

    name: str
    request: Any  # the message class
    response: Any  # the message class
    streams_requests: bool
    streams_responses: bool


@cache
def descriptor_set() -> FileDescriptorSet:
    """The files that `make proto` wrote. Each file comes after the files it imports."""
    raw = files("spooled_lite.wire.grpc").joinpath("spooled.binpb").read_bytes()
    return FileDescriptorSet.FromString(raw)


@cache
def shown_pool() -> DescriptorPool:
    """The unchanged files, for reflection."""
    pool = DescriptorPool()
    for file in descriptor_set().file:
        pool.Add(file)
    return pool


@cache
def _working_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in descriptor_set().file:
        pool.Add(_with_raw_structs(file))
    return pool


@cache
def message_class(name: str) -> Any:
    """The class of a message, by its full name. Fields of type Struct are fields of bytes here.

    That makes no difference on the wire. The library would refuse objects nested 33 levels deep,
    and a payload may have a hundred levels: see json_structs.py.
    """
    return GetMessageClass(_working_pool().FindMessageTypeByName(name))


def spooled_class(name: str) -> Any:
    return message_class(f"{PACKAGE}.{name}")


def methods_of(service_name: str) -> list[Method]:
    service = _working_pool().FindServiceByName(service_name)
    return [
        Method(
            each.name,
            message_class(each.input_type.full_name),
            message_class(each.output_type.full_name),
            each.client_streaming,
            each.server_streaming,
        )
        for each in service.methods
    ]


def _with_raw_structs(file: FileDescriptorProto) -> FileDescriptorProto:
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    if file.package == PACKAGE:
        for message in copy.message_type:
            for field in message.field:
                if field.type_name == STRUCT:
                    _make_raw(message, field)
    return copy


def _make_raw(message: DescriptorProto, field: FieldDescriptorProto) -> None:
    field.type = FieldDescriptorProto.TYPE_BYTES
    field.ClearField("type_name")
    # Optional, to tell a missing object from an empty one.
    field.proto3_optional = True
    field.oneof_index = len(message.oneof_decl)
    message.oneof_decl.add(name=f"_{field.name}")
