"""How many entries the lists of a large body have, before anything is made of them."""

from typing import Annotated, Any

import pytest
from msgspec import Meta, Raw, Struct

from spooled_lite.errors import RuleBroken
from spooled_lite.wire.http.body_lists import ENTRIES_MAX, check_lists


class Inner(Struct):
    names: Annotated[list[str], Meta(max_length=2)] | str | None = None


class Outer(Struct, kw_only=True):
    value: Raw
    inners: list[Inner]
    raws: Annotated[list[Raw], Meta(max_length=3)] = []
    count: int | list[Raw] | None = None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"raws":[1,2,3,4]}', "raws"),
        (b'{"raws":[{},[],"",4,5,6]}', "raws"),
        (b'{"inners":[{}],"raws":[[],[],[],[]]}', "raws"),
        (b'{"inners":[{"names":["a","b"]},{"names":["a","b","c"]}]}', "inners[1].names"),
        (b'{"inners":[%b{}]}' % (b"{}," * ENTRIES_MAX), "inners"),
        (b'{"count":[%b1]}' % (b"1," * ENTRIES_MAX), "count"),
    ],
)
def test_a_list_with_too_many_entries_is_refused_by_its_place(body: bytes, field: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        check_lists(Outer, body)

    [problem] = refused.value.details
    assert (problem.field, problem.code) == (field, "length")


@pytest.mark.parametrize(
    "body",
    [
        b'{"raws":[1,2,3],"value":[1,2,3,4,5]}',
        b'{"inners":[{"names":["a","b"]}],"count":5}',
        b'{"inners":[{"names":"a"},{"names":null},{}],"count":null,"raws":null}',
        b'{"inners":[%b{}]}' % (b"{}," * (ENTRIES_MAX - 1)),
        b'{"unknown":[1,2,3,4,5]}',
        # What else is wrong is said by the decoder of the type.
        b'{"raws":{}}', b'{"inners":[1,2]}', b"[1,2,3,4]", b"null", b"{", b"",
    ],
)  # fmt: skip
def test_everything_else_is_left_to_the_decoder(body: bytes) -> None:
    check_lists(Outer, body)


@pytest.mark.parametrize("kind", [Raw, int, dict[str, Raw]])
def test_what_has_no_fields_has_no_lists(kind: Any) -> None:
    check_lists(kind, b"[1]")
