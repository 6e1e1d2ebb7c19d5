"""Conditions: contract catbird-capabilities, section 9, line by line; `v73` is V73 of 22.2."""

import json
from typing import Any

import pytest

from spooled_lite.core.conditions.evaluate import holds, holds_for
from spooled_lite.core.conditions.parse import ParsedCondition, parse_condition
from spooled_lite.errors import RuleBroken


def decided(text: str, **scope: Any) -> bool:
    condition = parse_condition(text)
    found = holds(condition, scope)
    for name, value in scope.items() if len(scope) == 1 else ():
        assert holds_for(condition, name, json.dumps(value).encode()) is found
    return found


@pytest.mark.parametrize(
    ("text", "scope", "expected"),
    [
        # V73
        ("score eq 80", {"score": 80}, True),
        ("score eq 80", {"score": 90}, False),
        ("status eq approved", {"status": "approved"}, True),
        ("status eq approved", {"status": "rejected"}, False),
        ("status ne approved", {"status": "pending"}, True),
        ("status ne approved", {"status": "approved"}, False),
        # V74
        ("score gt 80", {"score": 90}, True),
        ("score gt 80", {"score": 70}, False),
        ("score gte 80", {"score": 80}, True),
        ("score gte 80", {"score": 90}, True),
        ("score lt 80", {"score": 70}, True),
        ("score lte 80", {"score": 70}, True),
        # V75
        ("field exists", {"field": 1}, True),
        ("field exists", {}, False),
        ("not field exists", {}, True),
        ("field exists", {"field": None}, True),
        # V76
        ("message contains error", {"message": "an error!"}, True),
        ("message contains error", {"message": "all is well"}, False),
        ("not message contains error", {"message": "all is well"}, True),
        # V77
        ("user.age gte 18", {"user": {"age": 25}}, True),
        ("user.age gte 18", {"user": {"age": 15}}, False),
        ("data.metrics.score gt 50", {"data": {"metrics": {"score": 51}}}, True),
        ("missing eq value", {}, False),
    ],
)
def test_a_condition_holds_or_does_not(text: str, scope: dict[str, Any], expected: bool) -> None:
    assert decided(text, **scope) is expected


@pytest.mark.parametrize(
    ("text", "scope", "expected"),
    [
        # a field that is missing
        ("a ne 5", {}, True),
        ("not a eq 5", {}, True),
        ("not a gt 5", {}, True),
        ("a gt 5", {}, False),
        ("a lt 5", {}, False),
        ("a in [1]", {}, False),
        ("not a in [1]", {}, True),
        ("a contains x", {}, False),
        ("a", {}, False),
        ("not a", {}, True),
        # equality
        ("a eq 5", {"a": 5.0}, True),
        ("a eq 5", {"a": "5"}, False),
        ('a eq "5"', {"a": "5"}, True),
        ("a eq true", {"a": True}, True),
        ("a eq true", {"a": "true"}, False),
        ("a eq true", {"a": 1}, False),
        ("a eq 1", {"a": True}, False),
        ("a eq [1,[2]]", {"a": [1.0, [2]]}, True),
        ("a eq [1,2]", {"a": [2, 1]}, False),
        ("a eq null", {"a": None}, False),
        ("a eq null", {"a": "null"}, True),
        ("a eq -1.5e2", {"a": -150}, True),
        ('a eq "x y"', {"a": "x y"}, True),
        ('a eq " exists "', {"a": " exists "}, True),
        ('a eq "b eq c"', {"a": "b eq c"}, True),
        # comparison: numbers only, and a type error is false even under `not`
        ("a gt 5", {"a": "6"}, False),
        ("not a gt 5", {"a": "6"}, False),
        ("a gt x", {"a": 6}, False),
        ("not a gt x", {"a": 6}, False),
        ("a gt 0", {"a": True}, False),
        ("not a lte 5", {"a": None}, False),
        ("not a gt 5", {"a": 5}, True),
        # membership
        ("a in [1,2,3]", {"a": 2.0}, True),
        ("a in [1,2,3]", {"a": 4}, False),
        ('a in ["x","y"]', {"a": "y"}, True),
        ("not a in [1,2,3]", {"a": 4}, True),
        ("a in [true]", {"a": 1}, False),
        ("a in 5", {"a": 5}, False),
        ("not a in 5", {"a": 5}, False),
        # containment
        ('a contains "b%"', {"a": "xb%x"}, True),
        ("a contains b", {"a": "B"}, False),
        ('a contains "b_"', {"a": "bx"}, False),
        ("a contains 2", {"a": [1, 2]}, True),
        ("a contains [2,1]", {"a": [1, 2, 3]}, True),
        ("a contains [2,4]", {"a": [1, 2, 3]}, False),
        ("a contains b", {"a": {"b": 1}}, False),
        ("a contains 5", {"a": 5}, True),
        ("a contains 5", {"a": "5"}, False),
        # bare field
        ("a", {"a": True}, True),
        ("a", {"a": "true"}, False),
        ("a", {"a": 1}, False),
        ("not a", {"a": 1}, True),
        ("input.is_premium", {"input": {"is_premium": True}}, True),
        ("not validate.valid", {"validate": {"valid": False}}, True),
        # places
        ("input gt 5", {"input": 6}, True),
        ("a[1].b eq 2", {"a": [0, {"b": 2}]}, True),
        ("a.1.b eq 2", {"a": [0, {"b": 2}]}, True),
        ("a[2] exists", {"a": [0, 1]}, False),
        ("a.1 eq x", {"a": {"1": "x"}}, True),
        ("a.b.c exists", {"a": {"b": None}}, False),
        ("a.b exists", {"a": "text"}, False),
        # blanks
        ("  not   a   eq   5  ", {"a": 6}, True),
        ("a eq [1, 2]", {"a": [1, 2]}, True),
    ],
)
def test_every_line_of_the_tables(text: str, scope: dict[str, Any], expected: bool) -> None:
    assert decided(text, **scope) is expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 1),
        ("   ", 4),
        ("not", 4),
        ("a == 5", 3),
        ("a eq", 5),
        ("exists a", 8),
        ("a exists b", 10),
        ("a eq 'x'", 6),
        ('a eq {"b":1}', 6),
        ('a eq "open', 6),
        ("a eq x y", 6),
        ("a eq 5 and b eq 6", 6),
        ("a.b. eq 5", 1),
        (".a eq 5", 1),
        ("a[x] eq 5", 1),
        ("a-b eq 5", 1),
        ("a EQ 5", 3),
        ("a eq 01", 6),
        ("not not a", 9),
        ("ä eq 5", 1),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, place: int) -> None:
    with pytest.raises(RuleBroken) as refused:
        parse_condition(text, "steps[2].condition")

    [problem] = refused.value.details
    assert problem.field == "steps[2].condition"
    assert f"`steps[2].condition`, character {place}: " in problem.message


def test_a_condition_is_bounded() -> None:
    with pytest.raises(RuleBroken, match="longer than"):
        parse_condition("a eq " + "x" * 1_024)
    with pytest.raises(RuleBroken, match="no JSON value"):
        parse_condition("a eq " + "[" * 1_000)


def test_a_place_far_beyond_an_array_is_missing() -> None:
    assert parse_condition("a[000000001]").path == ("a", "000000001")
    assert decided("a.99999999999999999999999999 exists", a=[1]) is False


def test_the_parts_of_a_condition() -> None:
    assert parse_condition("not a.b[0] in [1]") == ParsedCondition(("a", "b", "0"), "in", [1], True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input contains 1", False),
        ("input contains true", True),
        ("input contains 2", True),
        ('input contains [2.0, "x", [1], [true, 3]]', True),
        ("input contains [[true]]", False),
        ("input contains [[2, 1]]", False),
        ('input contains [{"a": [0]}]', True),
        ('input contains [{"a": [false]}]', False),
        ("not input contains [[]]", True),
    ],
)
def test_members_are_equal_as_json_is(text: str, expected: bool) -> None:
    given = b'[true, 2, "x", null, [1], [1, 2], [true, 3.0], {"a": [0]}]'
    assert holds_for(parse_condition(text), "input", given) is expected


@pytest.mark.parametrize("text", ["input eq 1", "input ne 1", "input gt 1", "not input contains 1"])
@pytest.mark.parametrize("given", [b"1e400", b"1" * 10_000, b"[" * 2_000 + b"]" * 2_000])
def test_what_cannot_be_read_cannot_be_compared(text: str, given: bytes) -> None:
    assert holds_for(parse_condition(text), "input", given) is False


def test_values_in_each_other_are_compared_without_an_end_of_the_stack() -> None:
    nested = "[" * 500 + "]" * 500

    assert holds_for(parse_condition(f"input eq {nested}"), "input", nested.encode()) is False


def test_many_values_are_looked_for_in_one_walk() -> None:
    looks = 0

    class Seen(int):
        def __eq__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__eq__(other)

        __hash__ = int.__hash__

    found = [Seen(number) for number in range(10_000)]
    wanted = ", ".join(map(str, range(9_900, 10_000)))

    assert holds(parse_condition(f"a contains [{wanted}]"), {"a": found}) is True
    assert looks < 20_000
