"""What a field says of itself in the OpenAPI document. Nothing here changes what is decoded."""

from typing import Any

from msgspec import Meta


def about(words: str, example: Any = None, **rules: Any) -> Meta:
    """`rules`: of JSON Schema, where the type does not tell them and something else keeps them."""
    examples = None if example is None else [example]
    return Meta(description=words, examples=examples, extra_json_schema=rules or None)


def a_time(words: str, example: str = "2026-10-01T09:00:00.000Z") -> Meta:
    return about(words, example, format="date-time")


def a_count(words: str, example: int = 0) -> Meta:
    return about(words, example, minimum=0)


def one_of(words: str, *choices: str) -> Meta:
    return about(words, choices[0], enum=list(choices))


def texts(words: str, example: list[str]) -> Meta:
    """Of JSON that is written as it is stored, and is a list of texts."""
    return about(words, example, type="array", items={"type": "string"})
