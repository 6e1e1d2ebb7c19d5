"""Compares an answer with the recorded one, place by place."""

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET, Struct

from spooled_lite.recording.exchanges import KeptResponse
from spooled_lite.recording.learned import Learned
from spooled_lite.recording.masks import MASK
from spooled_lite.recording.rules import DiffRule, DiffRules, Strictness

HEADERS: Final = ("content-type", "allow")  # others are of the server in front, or of the moment
DIFFERENCES_MAX: Final = 20  # told of one exchange
MASKS_INSIDE_MAX: Final = 5  # in a text that is compared around them
TEXT_CHARS_MAX: Final = 2_000
ABSENT: Final = "(absent)"

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class Difference(Struct, frozen=True):
    place: str
    recorded: Any
    replayed: Any
    rule: str


def differences(
    recorded: KeptResponse, replayed: KeptResponse, rules: DiffRules, learned: Learned
) -> list[Difference]:
    """What differs, at most DIFFERENCES_MAX. Of another status the rest is not compared.

    Learns on the way what the answer invented.
    """
    comparison = _Comparison(rules, learned)
    found: list[Difference] = []
    try:
        for each in comparison.answers(recorded, replayed):
            found.append(each)
            if len(found) >= DIFFERENCES_MAX:
                break
    except RecursionError:
        found.append(Difference("body", "nested too deep", "nested too deep", "exact"))
    return found


class _Comparison:
    def __init__(self, rules: DiffRules, learned: Learned) -> None:
        self._rules = rules
        self._learned = learned

    def answers(self, recorded: KeptResponse, replayed: KeptResponse) -> Iterator[Difference]:
        different = list(self._values("status", recorded.status, replayed.status))
        yield from different
        if different:
            return
        for name in HEADERS:
            yield from self._members(f"headers.{name}", name, recorded.headers, replayed.headers)
        if recorded.body is not UNSET and replayed.body is not UNSET:
            yield from self._values("body", recorded.body, replayed.body)
            return
        for name in ("text", "omitted"):
            yield from self._values(name, getattr(recorded, name), getattr(replayed, name))
        if (recorded.body is UNSET) != (replayed.body is UNSET):
            yield from self._values("body", _or_absent(recorded.body), _or_absent(replayed.body))

    def _values(self, place: str, recorded: Any, replayed: Any) -> Iterator[Difference]:
        rule = self._rules.at(place)
        if rule.kind is Strictness.IGNORE:
            self._learned.learn(recorded, replayed)
        elif rule.kind is Strictness.SAME_SHAPE:
            if not same_shape(recorded, replayed):
                yield Difference(place, recorded, replayed, rule.name)
            self._learned.learn(recorded, replayed)
        elif isinstance(recorded, dict) and isinstance(replayed, dict):
            for name in [*recorded, *(each for each in replayed if each not in recorded)]:
                yield from self._members(f"{place}.{name}", name, recorded, replayed)
        elif isinstance(recorded, list) and isinstance(replayed, list):
            if len(recorded) != len(replayed):
                yield Difference(f"{place}.length", len(recorded), len(replayed), rule.name)
            for index, (one, other) in enumerate(zip(recorded, replayed, strict=False)):
                yield from self._values(f"{place}.{index}", one, other)
        elif not self._is_equal(rule, recorded, replayed):
            yield Difference(place, recorded, replayed, rule.name)

    def _members(
        self, place: str, name: str, recorded: dict[str, Any], replayed: dict[str, Any]
    ) -> Iterator[Difference]:
        now = name if name in replayed else self._learned.put_into(name)
        if name in recorded and now in replayed:
            yield from self._values(place, recorded[name], replayed[now])
        elif name in recorded or (name in replayed and not self._is_of_a_mask(name, recorded)):
            rule = self._rules.at(place)
            if rule.kind is not Strictness.IGNORE:
                one, other = recorded.get(name, ABSENT), replayed.get(name, ABSENT)
                yield Difference(place, one, other, rule.name)

    def _is_of_a_mask(self, name: str, recorded: dict[str, Any]) -> bool:
        return any(MASK.search(each) and self._learned.put_into(each) == name for each in recorded)

    def _is_equal(self, rule: DiffRule, recorded: Any, replayed: Any) -> bool:
        if isinstance(recorded, str) and isinstance(replayed, str):
            return self._are_equal_texts(rule, recorded, replayed)
        if _is_number(recorded) and _is_number(replayed):
            if rule.kind is Strictness.WITHIN:
                return bool(abs(replayed - recorded) <= abs(recorded) * rule.percent / 100)
            return bool(recorded == replayed) or rule.kind is Strictness.INVENTED
        return type(recorded) is type(replayed) and bool(recorded == replayed)

    def _are_equal_texts(self, rule: DiffRule, recorded: str, replayed: str) -> bool:
        if rule.is_default and _TIME.fullmatch(recorded) and _TIME.fullmatch(replayed):
            return True
        known = self._learned[recorded]
        if known is not None:
            return replayed == known
        is_invented = rule.kind is Strictness.INVENTED and self._learned.may_be_invented(recorded)
        if is_invented and not MASK.search(recorded):
            self._learned.learn(recorded, replayed)
            return True
        if recorded == replayed:
            return True
        if MASK.search(recorded):
            return self._fits_around_masks(recorded, replayed)
        return self._learned.put_into(recorded) == replayed

    def _fits_around_masks(self, recorded: str, replayed: str) -> bool:
        """Whether the texts agree outside of the masks, which are learned. Long ones do."""
        masks = list(MASK.finditer(recorded))
        if len(masks) > MASKS_INSIDE_MAX or max(len(recorded), len(replayed)) > TEXT_CHARS_MAX:
            return True
        pattern, at = "", 0
        for each in masks:
            known = self._learned[each[0]]
            pattern += re.escape(self._learned.put_into(recorded[at : each.start()]))
            pattern += "(.+?)" if known is None else f"({re.escape(known)})"
            at = each.end()
        pattern += re.escape(self._learned.put_into(recorded[at:]))
        found = re.fullmatch(pattern, replayed, re.DOTALL)
        if found is None:
            return False
        for each, value in zip(masks, found.groups(), strict=True):
            self._learned.learn(each[0], value)
        return True


def same_shape(recorded: Any, replayed: Any) -> bool:
    """Whether both have the same names and kinds of values. Of lists the first items are asked."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        return recorded.keys() == replayed.keys() and all(
            same_shape(recorded[name], replayed[name]) for name in recorded
        )
    if isinstance(recorded, list) and isinstance(replayed, list):
        return not recorded or not replayed or same_shape(recorded[0], replayed[0])
    if _is_number(recorded) and _is_number(replayed):
        return True
    return type(recorded) is type(replayed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _or_absent(value: Any) -> Any:
    return ABSENT if value is UNSET else value
