"""Every statement gives the columns that its row type names, of the types that it says."""

import importlib
import pkgutil
import re
import types
from collections.abc import Iterator
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pytest

from spooled_lite.storage.statement import Statement, Value
from tests.core.store import Store

TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": float}
RETURNING: Final = re.compile(r"\bRETURNING\b(.*)\Z", re.DOTALL)
CHANGED: Final = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)")
TABLES: Final = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(?!SET\b)(\w+)")


def typed_statements() -> Iterator[tuple[str, Statement[Any] | Value[Any]]]:
    for package in ("core", "storage", "background", "wire", "testing", "cli"):
        path = importlib.import_module(f"spooled_lite.{package}").__path__
        for found in pkgutil.walk_packages(path, f"spooled_lite.{package}."):
            if found.name.startswith("spooled_lite.wire.grpc"):
                continue
            for name, value in vars(importlib.import_module(found.name)).items():
                several = value.items() if isinstance(value, dict) else [("", value)]
                for key, each in several:
                    if isinstance(each, Statement | Value):
                        yield f"{found.name.removeprefix('spooled_lite.')}.{name}{key}", each


TYPED: Final = {id(each): (name, each) for name, each in typed_statements()}
NAMED: Final = dict(TYPED.values())


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


def columns_of(store: Store, text: str) -> list[str]:
    """The names of the columns of a statement that nobody has to run for it."""
    if (returning := RETURNING.search(text)) and (changed := CHANGED.match(text)):
        text = f"SELECT {returning[1]} FROM {changed[1]}"  # noqa: S608
    names = re.findall(r"(?<!:):(\w+)", text)
    bound: Any = dict.fromkeys(names) if names else [None] * text.count("?")
    query = f"SELECT * FROM ({text}) LIMIT 0"  # noqa: S608
    found = store._connection.execute(query, bound)
    return [column[0] for column in found.description]


def schema_of(store: Store, text: str) -> dict[str, set[Any]]:
    """What each column of the tables in a statement may hold, by its name."""
    found: dict[str, set[Any]] = {}
    for table in TABLES.findall(text):
        for row in store._connection.execute(f"PRAGMA table_info({table})"):
            if not row["type"]:
                continue  # of a function such as json_each
            may_be_null = not row["notnull"] and not row["pk"]
            kept = {TYPES[row["type"]], *([types.NoneType] if may_be_null else [])}
            found.setdefault(row["name"], set()).update(kept)
    return found


def kinds_of(hint: Any) -> set[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return {kind for each in get_args(hint) for kind in kinds_of(each)}
    if get_origin(hint) is not None:  # Literal
        return {type(each) for each in get_args(hint)}
    return {hint}


@pytest.mark.parametrize("name", NAMED)
def test_a_statement_gives_what_its_row_type_says(store: Store, name: str) -> None:
    statement = NAMED[name]
    columns, schema = columns_of(store, statement.text), schema_of(store, statement.text)
    if isinstance(statement, Value):
        assert len(columns) == 1
        return
    hints = get_type_hints(statement.row_type)

    assert set(columns) == set(hints)
    assert len(columns) == len(hints), "two columns of one name"
    for column in set(columns) & set(schema):
        assert kinds_of(hints[column]) <= {*schema[column], types.NoneType}, column
    if "*" in re.split(r"\bFROM\b", statement.text)[0] or "RETURNING *" in statement.text:
        for column in set(columns) & set(schema):
            assert kinds_of(hints[column]) == schema[column], column
