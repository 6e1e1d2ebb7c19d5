"""JSON as a Struct and back, held against the library's own conversion."""

import contextlib
import json
import math
import time
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.errors import RuleBroken
from spooled_lite.wire.grpc.convert import as_field
from spooled_lite.wire.grpc.json_structs import WHOLE_MAX, TooDeep, json_of, struct_of
from spooled_lite.wire.http.json_text import NESTING_MAX

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-WHOLE_MAX + 1, WHOLE_MAX - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
OBJECTS = st.dictionaries(st.text(), VALUES)


@pytest.mark.slow
@settings(deadline=None)
@given(OBJECTS)
def test_an_object_is_written_as_the_library_reads_it(value: dict[str, Any]) -> None:
    written = struct_of(json.dumps(value).encode())

    assert written is not None
    expected = Struct()
    json_format.ParseDict(value, expected)
    assert Struct.FromString(written) == expected


@pytest.mark.slow
@settings(deadline=None)
@given(OBJECTS)
def test_an_object_is_read_as_the_library_writes_it(value: dict[str, Any]) -> None:
    struct = Struct()
    json_format.ParseDict(value, struct)

    assert json.loads(json_of(struct.SerializeToString(), "payload")) == value


@pytest.mark.slow
@settings(deadline=None)
@given(OBJECTS, st.data())
def test_broken_bytes_are_a_broken_rule_and_nothing_else(
    value: dict[str, Any], data: st.DataObject
) -> None:
    struct = Struct()
    json_format.ParseDict(value, struct)
    raw = bytearray(struct.SerializeToString() or b"\x0a\x00")
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(RuleBroken):
        json.loads(json_of(bytes(raw), "payload"))


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(RuleBroken):
        json.loads(json_of(raw, "payload"))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.0, b"3"),
        (-0.0, b"0"),
        (0.5, b"0.5"),
        (float(WHOLE_MAX - 1), b"9007199254740991"),
        (float(WHOLE_MAX), b"9007199254740992.0"),
        (1e300, b"1e300"),
    ],
)
def test_whole_numbers_are_integers_while_a_double_can_tell_them_apart(
    number: float, text: bytes
) -> None:
    struct = Struct()
    struct["n"] = number

    assert json_of(struct.SerializeToString(), "payload") == b'{"n":' + text + b"}"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(number: float) -> None:
    struct = Struct()
    struct["deep"] = {"list": [number]}

    with pytest.raises(RuleBroken, match="`result`"):
        json_of(struct.SerializeToString(), "result")


@pytest.mark.parametrize("kind", [b'{"a":', b"["])
def test_the_bound_of_nesting_is_the_same_for_objects_and_lists(kind: bytes) -> None:
    def deep(levels: int) -> bytes:
        close = b"}" if kind.startswith(b"{") else b"]"
        inner = kind * (levels - 1) + b"1" + close * (levels - 1)
        found = struct_of(b'{"a":' + inner + b"}", messages_max=1_000)
        assert found is not None
        return found

    assert json_of(deep(NESTING_MAX), "payload")
    with pytest.raises(RuleBroken, match="100 levels"):
        json_of(deep(NESTING_MAX + 1), "payload")


def objects(count: int, leaf: bytes = b"1") -> bytes:
    return b'{"a":' * count + leaf + b"}" * count


def arrays(count: int, leaf: bytes = b"1") -> bytes:
    """In an object, which counts as a level, too."""
    return b'{"a":' + b"[" * count + leaf + b"]" * count + b"}"


@pytest.mark.parametrize(
    ("text", "levels", "read"),
    [
        (objects(33), 33, 33),
        (objects(34), 34, 33),
        (objects(32, b"{}"), 33, 33),
        (objects(33, b"{}"), 34, 33),
        (arrays(48), 49, 49),
        (arrays(49), 50, 49),
        (arrays(47, b"[]"), 49, 49),
        (arrays(48, b"[]"), 50, 49),
        (objects(20, b"[" * 19 + b"1" + b"]" * 19), 39, 39),
        (objects(20, b"[" * 20 + b"1" + b"]" * 20), 40, 39),
        (objects(100), 100, 33),
        (b'{"x":[[1]],"y":' + objects(33) + b"}", 34, 33),
    ],
)
def test_what_is_deeper_than_the_library_reads_is_no_struct(
    text: bytes, levels: int, read: int
) -> None:
    whole = struct_of(text, messages_max=1_000)
    assert whole is not None
    job = as_field(pb.Job.DESCRIPTOR.fields_by_name["payload"].number, whole)
    response = as_field(pb.DequeueResponse.DESCRIPTOR.fields_by_name["jobs"].number, job)

    if levels == read:
        assert struct_of(text) == whole
        pb.DequeueResponse.FromString(response)
    else:
        with pytest.raises(TooDeep) as refused:
            struct_of(text)
        said = f"nested {levels} levels deep; gRPC clients read {read}"
        assert refused.value.message == said
        with pytest.raises(DecodeError):
            pb.DequeueResponse.FromString(response)


@pytest.mark.parametrize("text", [b"null", b"[1]", b'"a"', b"1", b"true", b" [1]"])
def test_what_is_no_object_is_no_struct(text: bytes) -> None:
    assert struct_of(text) is None


def test_what_json_can_hold_and_a_struct_cannot_comes_near() -> None:
    text = b'{"a":1e999,"b":-1e999,"c":' + b"9" * 5_000 + b',"d":"\\ud800","e":1}'

    read = struct_of(text)

    assert read is not None
    shown = Struct.FromString(read)
    most = 1.7976931348623157e308
    assert [shown["a"], shown["b"], shown["c"], shown["e"]] == [most, -most, most, 1]
    assert shown["d"] == "?"


def test_white_space_around_an_object_does_not_matter() -> None:
    assert struct_of(b' {"a" : 1} ') == struct_of(b'{"a":1}')
    assert struct_of(b"{}") == struct_of(b" { } ") == b""


@pytest.mark.parametrize("number", ["1e308", "-1.5e+300", "1" * 308])
def test_numbers_that_a_double_just_holds_cost_about_what_others_cost(number: str) -> None:
    def seconds(each: str) -> float:
        text = f'{{"a":[{",".join([each] * 20_000)}]}}'.encode()
        times = []
        for _ in range(3):
            began = time.thread_time()
            assert struct_of(text)
            times.append(time.thread_time() - began)
        return min(times)

    assert seconds(number) < 10 * seconds("1.5")


def test_numbers_are_the_same_however_they_are_read() -> None:
    text = b'{"a":[1e308,-1.5e+300,0.1,5e-324,12345678901234567890,-7,1e23]}'

    assert fields(struct_of(text)) == json.loads(text, parse_int=float)


def fields(message: bytes | None) -> Any:
    assert message is not None, "it is an object"
    return json_format.MessageToDict(Struct.FromString(message))
