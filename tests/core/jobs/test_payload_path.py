"""Paths into payloads, and the values that are found at them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.core.jobs import payload_path
from spooled_lite.core.jobs.payload_path import PATH_STEPS_MAX, POSITION_MAX, path_search
from spooled_lite.errors import RuleBroken

PAYLOAD = {
    "customer": {"id": "cus_81x", "name": 'Zoë "Zo"', "tags": []},
    "items": [{"sku": 1}, {"sku": "2", "price": 12.50, "is_gift": True, "note": None}],
    "a.b": {"": 1, "é": 2},
}


@pytest.mark.parametrize(
    ("path", "equals", "found"),
    [
        ("customer.id", "cus_81x", '"cus_81x"'),
        ("$.customer.id", '"cus_81x"', '"cus_81x"'),
        ("customer.id", "cus_81", None),
        ("customer.name", 'Zoë "Zo"', json.dumps('Zoë "Zo"')),
        ("items[0].sku", "1", "1"),
        ("items[0].sku", '"1"', None),
        ("items[1].sku", "2", '"2"'),
        ("$.items[1].price", "12.5", "12.5"),
        ("items[1].price", "12.50", "12.5"),
        ("items[1].is_gift", "true", "true"),
        ("items[1].is_gift", "1", None),
        ("items[1].note", "null", "null"),
        ("items[2].sku", "1", None),
        ("items.sku", "1", None),
        ("customer", "cus_81x", None),
        ('["a.b"].é', "2", "2"),
        ("a.b", "2", None),
    ],
)
def test_a_path_leads_to_a_value_that_equals(path: str, equals: str, found: str | None) -> None:
    assert path_search(path, equals).found_in(json.dumps(PAYLOAD).encode()) == found


@pytest.mark.parametrize("payload", [b"[]", b"1", b'"customer"', b"null", b"[" * 900 + b"]" * 900])
def test_a_payload_of_another_shape_has_no_such_value(payload: bytes) -> None:
    assert path_search("customer.id", "1").found_in(payload) is None


def test_long_numbers_are_told_apart_by_every_digit() -> None:
    wanted = path_search("n", "12345678901234567890123")

    assert wanted.found_in(b'{"n":12345678901234567890123}') == "12345678901234567890123"
    assert wanted.found_in(b'{"n":12345678901234567890124}') is None
    assert path_search("n", "9" * 250).found_in(b'{"n":1e400}') is None


def test_a_path_costs_nothing_until_a_payload_is_looked_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = list[object]()
    shape_of = payload_path._shape_of

    def counted(steps: list[str | int]) -> Any:
        made.append(steps)
        return shape_of(steps)

    monkeypatch.setattr(payload_path, "_shape_of", counted)

    wanted = path_search("[99]" * PATH_STEPS_MAX, "1")
    assert made == []

    assert [wanted.found_in(b"[1]"), wanted.found_in(b"[2]")] == [None, None]
    assert len(made) == 1


@pytest.mark.parametrize("written", [b"1e-99999999999999999999", b"0e99999999999999999999"])
def test_a_number_with_an_endless_exponent_is_another_one(written: bytes) -> None:
    assert path_search("n", "1").found_in(b'{"n":%b}' % written) is None
    assert path_search("n", written.decode()).found_in(b'{"n":%b}' % written) == written.decode()


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "$", "$.", ".a", "a.", "a..b", "a[", "a]", "a[]", "a[-1]", "a[x]", "a[1", "[a]"),
        *('a"b', "a\\b", "a\0b", "a\nb", '["a"', '[""]', "a[0]b", 'a["x"]y', "$$.a.", "[0]]"),
        f"a[{POSITION_MAX + 1}]",
        ".".join("a" * (PATH_STEPS_MAX + 1)),
        "a" * 501,
    ],
)
def test_a_path_that_is_none_is_named(path: str) -> None:
    if path == "$":
        assert path_search(path, "1").found_in(b'{"$":1}') == "1"  # a name like others
        return

    with pytest.raises(RuleBroken, match="`path`"):
        path_search(path, "1")


@pytest.mark.parametrize("equals", ["{}", "[1]", '{"a":1}', "x" * 256])
def test_a_value_that_cannot_be_looked_for_is_named(equals: str) -> None:
    with pytest.raises(RuleBroken, match="`equals`"):
        path_search("a", equals)


@given(st.text(max_size=60), st.text(max_size=40), st.binary(max_size=60))
def test_no_path_and_no_value_raise_anything_else(path: str, equals: str, payload: bytes) -> None:
    try:
        wanted = path_search(path, equals)
    except RuleBroken:
        return
    wanted.found_in(payload)


@given(st.text(max_size=20).filter(lambda it: not it.startswith(("{", "["))), st.booleans())
def test_a_text_is_found_however_it_is_escaped(text: str, is_ascii: bool) -> None:
    payload: Any = json.dumps({"a": [text]}, ensure_ascii=is_ascii).encode()
    wanted = path_search("a[0]", json.dumps(text, ensure_ascii=False))

    assert wanted.found_in(payload) is not None
    assert any(each in payload for each in wanted.spellings)
