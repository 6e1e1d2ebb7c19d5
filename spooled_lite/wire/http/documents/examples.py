"""An example of an answer, put together from the examples of its fields."""

from collections.abc import Mapping
from typing import Any, Final

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
