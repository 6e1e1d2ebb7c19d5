"""Every row of the run-book is held by tests that exist, and its signs are words of the server."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.test_docs import codes, table

TESTS: Final = Path(__file__).parent
SOURCES: Final = TESTS.parent / "spooled_lite"
ROWS: Final = table("runbook.md", "Sign")
# What `spooled-lite health` makes of two words, and no source has as one text.
OF_HEALTH: Final = frozenset({"disk low", "disk full", "writer stalled"})
# A sign that the system sends and no server can say any more.
OF_SYSTEM: Final = frozenset({"kill -9"})


@cache
def defined_in(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    found = ast.walk(ast.parse((TESTS / file).read_text()))
    return {
        node.name: node
        for node in found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@cache
def words() -> str:
    """All texts of the sources; those that are written in pieces are put together."""
    return "\n".join(
        node.value
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_is_held_by_tests_that_are_there_and_run(row: list[str]) -> None:
    held_by = codes(row[3])

    assert held_by
    for name in held_by:
        file, _, test = name.partition("::")
        assert test.startswith("test_"), name
        found = defined_in(file).get(test)
        assert found is not None, f"there is no {name}"
        assert any(isinstance(node, ast.Call) for node in ast.walk(found)), f"{name} does nothing"
        marks = " ".join(ast.unparse(each) for each in found.decorator_list)
        assert not re.search(r"mark\.(skip\b|xfail)", marks), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_sign_is_what_the_server_says(row: list[str]) -> None:
    for sign in codes(row[0]):
        assert sign in words() or sign in OF_HEALTH | OF_SYSTEM, sign


def test_a_row_says_what_the_server_does_and_what_is_left_to_do() -> None:
    assert all(len(row) == 4 and row[1] and row[2] for row in ROWS)
    assert len(ROWS) >= 15
