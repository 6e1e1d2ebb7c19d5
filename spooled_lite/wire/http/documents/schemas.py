"""JSON schemas of the program's types: of requests as they are taken, of answers as they are."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.times import PhpDate

REFERENCE: Final = "#/components/schemas/"

# What `times.parse_ms` takes.
TIME_GIVEN: Final[Mapping[str, Any]] = {
    "description": (
        "A time as in RFC 3339, also without an offset, which then is UTC; or the JSON form of a "
        "PHP date object."
    ),
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
            r" ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?$",
        },
        {
            "type": "object",
            "properties": {
                "date": {"type": "string"},
                "timezone": {"type": "string"},
                "timezone_type": {"type": "integer"},
            },
            "required": ["date", "timezone"],
        },
    ],
    "examples": ["2026-10-01T09:00:00Z"],
}


class Schemas:
    """Collects the components; `of` answers with a reference for whatever has a name."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {"Time": dict(TIME_GIVEN)}
        self._made: dict[str, Any] = {}

    def of(self, kind: Any, *, is_answer: bool) -> dict[str, Any]:
        shadow = _shadow(kind, is_answer)
        [schema], components = msgspec.json.schema_components(
            [shadow], ref_template=REFERENCE + "{name}"
        )
        for name, component in components.items():
            known = self._made.setdefault(name, component)
            assert known == component, f"two types are called {name}"
            if name not in self.components:
                self.components[name] = _simpler(component)
        simple: dict[str, Any] = _simpler(schema)
        return simple

    def require_one_of(self, kind: type[Struct], fields: tuple[str, ...]) -> None:
        """Some spelling of a field has to be there.

        Said with `if` and `then`: programs that make clients pass over those two, and take a
        schema with `anyOf` for one of several types.
        """
        component = self.components[kind.__name__]
        *others, last = fields
        rule: dict[str, Any] = {"required": [last]}
        for field in reversed(others):
            rule = {"if": {"not": {"required": [field]}}, "then": rule}
        if "required" in rule:
            rule["required"] = sorted({*component.get("required", ()), last})
        component.update(rule)


# -- types that the library can describe ---------------------------------------------------------

_SHADOWS: Final[dict[tuple[type[Struct], bool], type[Struct]]] = {}


def _shadow(kind: Any, is_answer: bool) -> Any:
    """The same type, with `Any` in place of raw JSON, for which msgspec has no schema."""
    if kind is Raw:
        return Any
    if kind is PhpDate:
        return dict[str, Any]  # a part of a time, which has its name as a whole
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _struct(kind, is_answer)
    origin, args = get_origin(kind), get_args(kind)
    if origin is None or origin is Literal:
        return kind
    if origin is Annotated:
        return Annotated[(_shadow(args[0], is_answer), *args[1:])]
    inner = tuple(_shadow(each, is_answer) for each in args)
    return Union[inner] if origin in (Union, types.UnionType) else origin[inner]  # noqa: UP007


def _struct(kind: type[Struct], is_answer: bool) -> type[Struct]:
    known = _SHADOWS.get((kind, is_answer))
    if known is not None:
        return known
    hints = get_type_hints(kind, include_extras=True)
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        named = (field.encode_name, _shadow(hint, is_answer))
        # An answer has all its fields, whatever their defaults, except those that may be unset.
        all_said = is_answer and not kind.__struct_config__.omit_defaults
        always = field.required or (all_said and UnsetType not in get_args(hint))
        fields.append(named if always else (*named, UNSET))
    made = msgspec.defstruct(kind.__name__, fields, kw_only=True)
    _SHADOWS[kind, is_answer] = made
    return made


# -- what the library makes of them --------------------------------------------------------------


def _simpler(schema: Any) -> Any:
    """Without titles, `type: [x, "null"]` for one of x and null, times by name."""
    if isinstance(schema, list):
        return [_simpler(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shown = {
        key: value if key in ("enum", "default") else _simpler(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
    if isinstance(shown.get("pattern"), str):
        shown["pattern"] = shown["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    if shown.get("required") == []:
        del shown["required"]
    if shown.get("type") == "array":
        shown.setdefault("items", {})  # of anything
    choices = shown.get("enum")
    if isinstance(choices, list) and all(isinstance(each, str) for each in choices):
        shown.setdefault("type", "string")  # a choice of texts has none from the library
    return _joined(shown) if "anyOf" in shown else shown


def _joined(schema: dict[str, Any]) -> dict[str, Any]:
    some = [each for each in schema["anyOf"] if each != {"type": "null"}]
    has_null = len(some) < len(schema["anyOf"])
    if sorted(str(each.get("type")) for each in some) == ["object", "string"]:
        some = [{"$ref": f"{REFERENCE}Time"}]  # nothing else is a text or an object
    if len(some) == 1 and has_null and isinstance(some[0].get("type"), str):
        about = {key: value for key, value in schema.items() if key != "anyOf"}
        one: dict[str, Any] = {**some[0], **about}
        one["type"] = [one["type"], "null"]
        if "enum" in one:
            one["enum"] = [*one["enum"], None]
        return one
    return {**schema, "anyOf": [*some, {"type": "null"}] if has_null else some}
