"""What is asked of JSON text as it came. The cost of it: what is refused costs next to nothing."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spooled_lite.errors import NotJson
from spooled_lite.wire.http import json_text
from spooled_lite.wire.http.body import BODY_BYTES_MAX, check_text, is_nothing
from spooled_lite.wire.http.json_text import (
    has_nul,
    has_number_beyond_doubles,
    is_nested_over,
    outside_strings,
)

# Characters that stand for something, so that the borders of slices fall on all of them.
TEXTS = st.text(st.sampled_from('"\\[]{}a0e1\0é'), max_size=20)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), TEXTS),
    lambda inside: st.one_of(st.lists(inside), st.dictionaries(TEXTS, inside)),
    max_leaves=30,
)


@pytest.fixture(params=[1, 2, 3, 7, 65_536])
def any_slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may depend on where one ends."""
    monkeypatch.setattr(json_text, "SLICE_BYTES", request.param)


def levels_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels_of, value.values()), default=0)
    return 1 + max(map(levels_of, value), default=0) if isinstance(value, list) else 0


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for each in value.values() for text in texts_of(each))]
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.usefixtures("any_slices")
@given(VALUES, st.booleans())
@settings(max_examples=50)
def test_levels_and_texts_are_found_exactly(value: Any, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii).encode()
    levels = levels_of(value)

    assert not is_nested_over(text, levels)
    assert levels == 0 or is_nested_over(text, levels - 1)
    assert has_nul(text) == any("\0" in each for each in texts_of(value))
    assert not b"".join(outside_strings(json.dumps(text.decode()).encode()))


NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.sampled_from(["0", "1", "7", "17976931348623157", "9" * 200, "9" * 308, "1" + "0" * 307]),
    st.sampled_from(["", ".0", ".5", "." + "0" * 400 + "1", "." + "9" * 400]),
    st.sampled_from(
        [
            "",
            "e0",
            "E5",
            "e99",
            "e+100",
            "E-100",
            "e292",
            "e293",
            "e308",
            "e309",
            "e+0000309",
            "e-999",
        ]
    ),
)


@pytest.mark.usefixtures("any_slices")
@given(st.lists(st.one_of(NUMBERS, st.just('"1e999"'), st.just("true")), max_size=5))
@settings(max_examples=100)
def test_a_number_is_too_big_when_no_double_holds_it(numbers: list[str]) -> None:
    text = f'{{"a":[{", ".join(numbers)}]}}'.encode()
    expected = any(isinstance(each, float) and math.isinf(each) for each in json.loads(text)["a"])

    assert has_number_beyond_doubles(text) == expected


@pytest.mark.usefixtures("any_slices")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1" * 308, False),
        (b"1" * 309, True),
        (b"-" + b"1" * 308, False),
        (b"-" + b"1" * 309, True),
        (b"1" * 5_000, True),
        (b"[0," + b"1" * 309 + b".5e-300]", True),
        (b"0." + b"1" * 5_000, False),
        (b"1.7976931348623158e308", False),
        (b"1.7976931348623159e308", True),
        (b"0e999", False),
        (b"1e-999", False),
        (b'{"1e999":"-1e999"}', False),
        (b'["\\"1e999"]', False),
        (b'["\\\\",1e999]', True),
    ],
)
def test_the_limit_of_numbers_is_exact(text: bytes, expected: bool) -> None:
    assert has_number_beyond_doubles(text) is expected


@pytest.mark.parametrize("text", [b"", b" \t\r\n", b"null", b" null ", b"[]", b"[ \n]", b"\t[\r] "])
def test_nothing_may_be_spaced(text: bytes) -> None:
    assert is_nothing(text)


@pytest.mark.parametrize("text", [b"[[]]", b"{}", b"0", b"nul", b"nullnull", b"[]]", b"[null]"])
def test_something_is_not_nothing(text: bytes) -> None:
    assert not is_nothing(text)


# -- the cost --------------------------------------------------------------------------------------


def cost_of(work: Callable[[], object]) -> float:
    """The processor time of this thread, in seconds: the least of some times."""
    costs = []
    for _ in range(5):
        began = time.thread_time()
        work()
        costs.append(time.thread_time() - began)
    return min(costs)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * BODY_BYTES_MAX,
        b'{"a":' * (BODY_BYTES_MAX // 5),
        b'{"a":"' + b"x" * 1_000 + b'","b":' + b"[" * (BODY_BYTES_MAX - 2_000),
        b"\xff" * BODY_BYTES_MAX,
    ],
    ids=["brackets", "objects", "behind a text", "no UTF-8"],
)
def test_a_bad_text_costs_no_more_than_two_looks_at_its_bytes(text: bytes) -> None:
    def refused() -> None:
        with pytest.raises(NotJson):
            check_text(text)

    # Four bytes that are not there, looked for everywhere.
    look = cost_of(lambda: [text.count(each) for each in (b"\0", b"\1", b"\2", b"\3")])
    assert cost_of(refused) < 5 * look


def test_levels_of_a_large_text_cost_a_fraction_of_a_step_each() -> None:
    text = b"[" + b"[]," * (BODY_BYTES_MAX // 3 - 1) + b"1]"

    step = cost_of(lambda: [None for _ in text])

    assert cost_of(lambda: is_nested_over(text, 100)) < step


@pytest.mark.parametrize("number", ["1e308", "1e+308", "1" * 308, "1." + "123456789" * 30 + "e307"])
def test_numbers_that_a_double_just_holds_cost_little_more_than_to_make_doubles_of_them(
    number: str,
) -> None:
    count = 400_000 // len(number)
    text = f"[{','.join([number] * count)}]".encode()

    looking = least_seconds(lambda: has_number_beyond_doubles(text))
    making = least_seconds(lambda: list(map(float, [number] * count)))

    assert looking < 8 * making


def least_seconds(work: Callable[[], object]) -> float:
    """Of the processor, for this thread."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times)
