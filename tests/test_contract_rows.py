"""Every row of the contract of messages, topics and tasks has a test, or a reason."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.contract_rows import ALL, ELSEWHERE, NOT_YET, ROWS
from tests.contract_symbols import SYMBOLS

TESTS = Path(__file__).parent


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def test_every_row_is_told_once() -> None:
    told = Counter([*ROWS, *ELSEWHERE, *NOT_YET])

    assert told == Counter(ALL)


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_of_a_row_exist(row: str) -> None:
    assert ROWS[row].tests
    for test in ROWS[row].tests:
        file, _, name = test.partition("::")
        assert (TESTS / file).exists(), file
        assert name in names_in(file), test


def test_every_symbol_is_about_rows_that_are_told() -> None:
    told = {*ROWS, *ELSEWHERE}

    assert [names for names, rows in SYMBOLS.items() if not rows or set(rows) - told] == []
