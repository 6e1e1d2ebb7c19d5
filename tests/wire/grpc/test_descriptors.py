"""The messages: the checked-in descriptor set, the contract's table, and others in one process."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.struct_pb2 import Struct
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.wire.grpc.descriptors import (
    PACKAGE,
    SERVICES,
    descriptor_set,
    message_class,
    methods_of,
    shown_pool,
    spooled_class,
)

ROOT: Final = Path(__file__).parents[3]
CHECKED_IN: Final = ROOT / "spooled_lite" / "wire" / "grpc" / "spooled.binpb"


def test_make_proto_reproduces_the_checked_in_descriptor_set(tmp_path: Path) -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nproto: ")[2].partition("\n\n")[0]
    command = recipe.partition("\n")[2].replace("\\\n", " ").split()
    assert command[:3] == ["$(BIN)/python", "-m", "grpc_tools.protoc"]
    made = tmp_path / "made.binpb"
    arguments = [
        each.replace("$(PROTOS)", "spooled_lite/wire/grpc/protos").replace(
            "spooled_lite/wire/grpc/spooled.binpb", str(made)
        )
        for each in command[1:]
    ]

    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)

    assert made.read_bytes() == CHECKED_IN.read_bytes()


def test_the_schema_is_the_one_of_the_newest_client() -> None:
    """Names, numbers, types and presence, message by message and method by method."""
    theirs = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(theirs)
    [ours] = [file for file in descriptor_set().file if file.package == PACKAGE]

    assert said(ours) == said(theirs)


def said(file: FileDescriptorProto) -> dict[str, Any]:
    """What matters on the wire; the order in the file does not."""
    messages = {
        message.name: {
            (
                field.name, field.number, field.type, field.label, field.type_name,
                field.proto3_optional,
                message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else "",
            )
            for field in message.field
        }
        for message in file.message_type
    }  # fmt: skip
    return {
        "package": file.package,
        "syntax": file.syntax,
        "messages": messages,
        "nested": {
            message.name: sorted(each.name for each in message.nested_type)
            for message in file.message_type
        },
        "enums": {
            each.name: [(value.name, value.number) for value in each.value]
            for each in file.enum_type
        },
        "services": {
            each.name: {
                (
                    method.name, method.input_type, method.output_type,
                    method.client_streaming, method.server_streaming,
                )
                for method in each.method
            }
            for each in file.service
        },
    }  # fmt: skip


def test_the_official_modules_and_ours_live_in_one_process() -> None:
    ours, theirs = spooled_class("EnqueueRequest"), pb.EnqueueRequest

    request = theirs(queue_name="q", tags={"a": "b"})
    request.payload.update({"n": 1})

    assert ours is not theirs
    read = ours.FromString(request.SerializeToString())
    assert (read.queue_name, dict(read.tags)) == ("q", {"a": "b"})
    assert read.payload == request.payload.SerializeToString()
    assert read.SerializeToString() == request.SerializeToString()


def test_nothing_of_ours_is_in_the_default_pool() -> None:
    script = """
from google.protobuf import descriptor_pool
from spooled_lite.wire.grpc import convert, health, process, queue_service, reflection
pool = descriptor_pool.Default()
for name in ("spooled.proto", "grpc/health/v1/health.proto"):
    try:
        pool.FindFileByName(name)
    except KeyError:
        continue
    raise SystemExit(f"{name} is there")
import spooled.grpc.stubs
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)

    assert descriptor_pool.Default() is not shown_pool()


def test_no_generated_module_is_in_the_package() -> None:
    assert not list((ROOT / "spooled_lite").rglob("*_pb2*.py"))


def test_a_struct_is_bytes_here_and_a_message_to_everybody_else() -> None:
    job = spooled_class("Job")(payload=b"")

    shown = shown_pool().FindMessageTypeByName("spooled.v1.Job").fields_by_name["payload"]

    assert (job.HasField("payload"), job.HasField("result")) == (True, False)
    assert shown.message_type is not None
    assert shown.message_type.full_name == Struct.DESCRIPTOR.full_name


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_methods(service: str) -> None:
    assert methods_of(service)


def test_times_have_the_helpers_of_their_type() -> None:
    stamp = message_class("google.protobuf.Timestamp")(seconds=1, nanos=5_000_000)

    assert stamp.ToMilliseconds() == 1_005
