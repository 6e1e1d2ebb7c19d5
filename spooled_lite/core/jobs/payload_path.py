"""A place in a payload, and the value that is looked for there.

A path is names and positions: `customer.id`, `items[0].sku`, `headers["x-id"]`; `$.` may stand
before it. What is beside the path is passed over without being made into objects.
"""

import re
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import Raw, defstruct

from spooled_lite.core.jobs.spellings import spellings
from spooled_lite.errors import RuleBroken

PATH_CHARS_MAX: Final = 500
PATH_STEPS_MAX: Final = 20
POSITION_MAX: Final = 99
EQUALS_CHARS_MAX: Final = 255
# Numbers written alike are equal. Others are compared by value up to this length: longer ones are
# not searched for in practice, and the cost grows with the square of the length.
NUMBER_CHARS_MAX: Final = 64

_STEP: Final = re.compile(
    r"""(?P<dot>\.)?(?P<name>[^.\[\]"\\\x00-\x1f]+)
      | \[(?P<position>[0-9]{1,2})\]
      | \["(?P<quoted>[^"\\\x00-\x1f]+)"\]""",
    re.VERBOSE,
)
_LITERALS: Final = frozenset({"true", "false", "null"})


class PathSearch:
    """The value at a path that equals another. Make it with `path_search`."""

    def __init__(self, path: str, steps: list[str | int], equals: str) -> None:
        self.path = path
        self._steps = steps
        text, self._plain = _text_of(equals), equals
        self._texts = {text} if text is not None else {equals}
        self._is_quoted = text is not None
        # Whatever payload has the value, it has one of these.
        self.spellings = spellings(text if text is not None else equals)
        if self.spellings == (b"",):
            self.spellings = (b'""',)

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        # Made where payloads are looked through: a long path takes some milliseconds, and who asks
        # for more searches than run at a time is refused before.
        return msgspec.json.Decoder(_shape_of(self._steps))

    def found_in(self, payload: bytes) -> str | None:
        """The value as it is written in this payload, if it is the one looked for."""
        try:
            found: Any = self._decoder.decode(payload)
        except (msgspec.MsgspecError, RecursionError):
            return None  # another shape
        for _ in self._steps:
            found = found.value
        written = bytes(found).decode("utf-8", "replace")
        return written if self._is_meant(written) else None

    def _is_meant(self, written: str) -> bool:
        if written.startswith('"'):
            return msgspec.json.decode(written, type=str) in self._texts
        if self._is_quoted or written[0] in "{[":
            return False
        return written == self._plain or _are_equal_numbers(written, self._plain)


def path_search(path: str, equals: str) -> PathSearch:
    """Raises RuleBroken: it names the one that is wrong."""
    if len(path) > PATH_CHARS_MAX:
        raise wrong("path", f"is longer than {PATH_CHARS_MAX} characters")
    if len(equals) > EQUALS_CHARS_MAX:
        raise wrong("equals", f"is longer than {EQUALS_CHARS_MAX} characters")
    if equals[:1] in ("{", "[") and _is_json(equals):
        raise wrong("equals", "must be a text, a number, true, false or null")
    return PathSearch(path, _steps_of(path), equals)


def wrong(parameter: str, rule: str) -> RuleBroken:
    return RuleBroken.of(parameter, f"`{parameter}` {rule}", "invalid_value")


def _steps_of(path: str) -> list[str | int]:
    text = path[1:] if path[:2] in ("$.", "$[") else path
    at, steps = 0, list[str | int]()
    is_first_dotted = text != path  # the one after `$`
    while at < len(text) and len(steps) < PATH_STEPS_MAX:
        step = _STEP.match(text, at)
        if step is None or (step["name"] and bool(step["dot"]) != (is_first_dotted or bool(steps))):
            break
        at = step.end()
        position = step["position"]
        steps.append(int(position) if position else step["name"] or step["quoted"])
    if len(steps) == PATH_STEPS_MAX and at < len(text):
        raise wrong("path", f"has more than {PATH_STEPS_MAX} steps")
    if at < len(text) or not steps:
        raise wrong(
            "path",
            "must be names and positions up to"
            f' {POSITION_MAX}, such as `customer.id`, `items[0].sku` or `headers["x-id"]`',
        )
    return steps


def _shape_of(steps: list[str | int]) -> Any:
    """A type that has nothing but what the path leads through: the decoder skips the rest."""
    shape: Any = Raw
    for step in reversed(steps):
        if isinstance(step, int):
            before = [(f"before_{n}", Raw) for n in range(step)]
            shape = defstruct("Item", [*before, ("value", shape)], array_like=True, gc=False)
        else:
            shape = defstruct("Member", [("value", shape)], rename={"value": step}, gc=False)
    return shape


def _text_of(equals: str) -> str | None:
    """The text that a JSON string says; None: it is none."""
    if not equals.startswith('"'):
        return None
    try:
        return msgspec.json.decode(equals, type=str)
    except msgspec.MsgspecError:
        return None


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _are_equal_numbers(written: str, other: str) -> bool:
    if {written, other} & _LITERALS or max(len(written), len(other)) > NUMBER_CHARS_MAX:
        return False
    try:
        msgspec.json.decode(other, type=int | float)
    except msgspec.MsgspecError:
        return False
    try:
        return Decimal(written) == Decimal(other)
    except (
        InvalidOperation
    ):  # an exponent that no number of ours has, as in 1e-99999999999999999999
        return False
