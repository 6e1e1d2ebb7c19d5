"""Random conditions of steps, and what they come to: a second opinion on the evaluation.

Contract: catbird-capabilities, section 9. Values are compared as JSON: `true` is not `1`.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Any
OPERATORS: Final = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "contains")
VALUES: Final[tuple[Json, ...]] = (0, 1, 2, 5, True, False, "a", "null")
MISSING: Final = object()


@dataclass(frozen=True)
class Condition:
    field: tuple[str, ...]
    operator: str | None  # None: the bare field
    value: Json = None
    is_negated: bool = False

    @property
    def text(self) -> str:
        words = ["not"] if self.is_negated else []
        words.append(".".join(self.field))
        if self.operator is not None:
            words.append(self.operator)
        if self.operator not in (None, "exists"):
            words.append(json.dumps(self.value))
        return " ".join(words)

    def holds(self, scope: Mapping[str, Json]) -> bool:
        found = _looked_up(scope, self.field)
        is_so = _compared(found, self.operator, self.value)
        return False if is_so is None else is_so is not self.is_negated


def _looked_up(scope: Mapping[str, Json], field: Sequence[str]) -> Json:
    found: Json = scope
    for name in field:
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return MISSING
    return found


def _compared(found: Json, operator: str | None, value: Json) -> bool | None:
    """None: the two cannot be compared, which is false even when it is negated."""
    if operator is None:
        return found is True
    if operator == "exists":
        return found is not MISSING
    if found is MISSING:
        return operator == "ne"
    if operator in ("eq", "ne"):
        return _same(found, value) is (operator == "eq")
    if operator == "in":
        return any(_same(found, each) for each in value) if isinstance(value, list) else None
    if operator == "contains":
        return _contains(found, value)
    if not (_is_number(found) and _is_number(value)):
        return None
    return bool(
        {"gt": found > value, "gte": found >= value, "lt": found < value, "lte": found <= value}[
            operator
        ]
    )


def _contains(found: Json, value: Json) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    if isinstance(found, list):
        return any(_same(each, value) for each in found)
    return not isinstance(found, dict) and _same(found, value)


def _same(one: Json, other: Json) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and _is_number(one) == _is_number(other)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def a_condition(choose: random.Random, names: Sequence[str]) -> Condition:
    """One that may come out either way, about the input of the run or one of some names."""
    field: tuple[str, ...] = (choose.choice(names),)
    if choose.random() < 0.7:
        field += (choose.choice(("ok", "n", "list", "unknown")),)
    operator = choose.choice((None, "exists", *OPERATORS))
    value = choose.choice(VALUES)
    if operator == "in":
        value = [choose.choice(VALUES) for _ in range(choose.randint(0, 3))]
    # What `not` makes of a string that cannot contain a number is not said.
    is_negated = operator != "contains" and choose.random() < 0.3
    return Condition(field, operator, value, is_negated)
