"""Descriptions of fields for the OpenAPI document. They do not change how a body is decoded."""

from typing import Any

from msgspec import Meta


def about(words: str, example: Any = None, **rules: Any) -> Meta:
    """A description. `rules` are those of JSON Schema that the type does not state itself.

    The decoder does not check them; other code has to.
    """
    examples = None if example is None else [example]
    return Meta(description=words, examples=examples, extra_json_schema=rules or None)


def a_time(words: str, example: str = "2026-10-01T09:00:00.000Z") -> Meta:
    return about(words, example, format="date-time")


def a_count(words: str, example: int = 0) -> Meta:
    return about(words, example, minimum=0)


def one_of(words: str, *choices: str) -> Meta:
    return about(words, choices[0], enum=list(choices))


def texts(words: str, example: list[str]) -> Meta:
    """The description of a list of texts whose type is raw JSON."""
    return about(words, example, type="array", items={"type": "string"})
