"""Texts that callers give, as SQLite takes them."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooled_lite.storage.texts import LAST_CASED, array_of, is_findable, pattern_of


@pytest.fixture(scope="module")
def file() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


def finds(file: sqlite3.Connection, part: str, text: str) -> bool:
    asked = {"text": text, "pattern": f"*{pattern_of(part)}*"}
    return bool(file.execute("SELECT :text GLOB :pattern", asked).fetchone()[0])


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("Überweisung", "überweisung"),
        ("ÜBERWEISUNG", "eil-Überweisungen"),
        ("ß", "GROẞ"),
        ("ΟΔΟΣ", "οδος"),
        ("ς", "ΟΔΟΣ"),
        ("Жю", "жЮ"),
        ("İstanbul", "İSTANBUL"),
        ("ǆ", "ǅ"),
        ("K", "k"),
        ("\U0001e900", "\U0001e922"),
        ("日本", "日本語"),
        ("é*", "É*"),
        ("[é]", "x[É]x"),
        ("é?", "É?"),
        ("é]", "É]"),
        ("é^-", "É^-"),
    ],
)
def test_a_part_is_found_whatever_the_case_of_its_letters(
    file: sqlite3.Connection, part: str, text: str
) -> None:
    assert finds(file, part, text)


@pytest.mark.parametrize(
    ("part", "text"), [("é*x", "éyx"), ("é?", "éx"), ("[éa]", "a"), ("ü", "u"), ("é^", "éa")]
)
def test_no_character_stands_for_others(file: sqlite3.Connection, part: str, text: str) -> None:
    assert not finds(file, part, text)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_every_text_is_found_in_itself_and_in_lower_case(
    file: sqlite3.Connection, text: str
) -> None:
    lower = "".join(low if len(low := each.lower()) == 1 else each for each in text)

    assert finds(file, text, text)
    assert finds(file, text, lower)
    assert finds(file, lower, text)


def test_no_letter_behind_the_last_one_has_a_case() -> None:
    rest = map(chr, range(LAST_CASED + 1, 0x110000))

    assert not any(each.isalpha() and each.lower() != each.upper() for each in rest)


@pytest.mark.parametrize("text", ["\0", "a\0", "a\0b", "x" * 256])
def test_nothing_is_found_by_what_no_name_can_hold(text: str) -> None:
    assert not is_findable(text)


def test_a_text_with_nul_is_in_no_array(file: sqlite3.Connection) -> None:
    texts = ["a", "b\0x", "\0", "é", "a"]

    found = file.execute("SELECT value FROM json_each(:texts)", {"texts": array_of(texts)})

    assert [row[0] for row in found] == ["a", "é"]
