"""Statements that only a test runs."""

from typing import Any

from spooled_lite.storage.statement import Statement


def untyped(text: str) -> Statement[Any]:
    """A statement whose rows are of no type: a test reads the columns that it has asked for."""
    return Statement(dict, text)
