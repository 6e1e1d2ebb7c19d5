"""Examples of answers: what a route has answered, else put together from those of its fields.

`make examples` calls the API and writes the answers to `answers.json`; a test makes the same calls.
Operations that are not called, such as those whose answer holds a secret, are listed beside the
calls, each with the reason.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from spooled_lite.wire.http.documents.schemas import REFERENCE

_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 0,
    "number": 0,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


def answered(operation_id: str, status: int) -> Any:
    """The recorded answer of an operation; None where it was not called."""
    return _answers().get(operation_id, {}).get(str(status))


@cache
def _answers() -> dict[str, dict[str, Any]]:
    path = resources.files("spooled_lite.wire.http.documents").joinpath("answers.json")
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """A value that the schema describes. Fields that may be missing are left out."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(REFERENCE)], components)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    if "properties" in schema:
        required = schema.get("required", ())
        return {
            name: example_of(inside, components)
            for name, inside in schema["properties"].items()
            if name in required
        }
    kind = schema.get("type", "object")
    if isinstance(kind, list):  # [a type, "null"]
        kind = kind[-1]
    if kind == "array" and schema.get("items"):
        return [example_of(schema["items"], components)]
    return _BY_TYPE[kind]
