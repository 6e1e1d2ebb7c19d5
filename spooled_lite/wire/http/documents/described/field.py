"""What is said of a field, wherever it stands."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

NO_RULES: Final[Mapping[str, Any]] = MappingProxyType({})


class Field(Struct, frozen=True):
    about: str
    example: Any = None
    rules: Mapping[str, Any] = NO_RULES  # what the type does not tell


def time(about: str, example: str = "2026-10-01T09:00:00.000Z") -> Field:
    return Field(about, example, {"format": "date-time"})


def count(about: str, example: int = 0) -> Field:
    return Field(about, example, {"minimum": 0})


def one_of(about: str, *words: str) -> Field:
    return Field(about, words[0], {"enum": list(words)})


def length(least: int, most: int) -> dict[str, int]:
    return {"minLength": least, "maxLength": most}


def in_each(types: Iterable[str], name: str, field: Field) -> dict[str, Field]:
    return {f"{each}.{name}": field for each in types}
