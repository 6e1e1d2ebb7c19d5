"""A graph of steps as text: each under the step it waits for longest, with what else it needs."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

LEVELS_MAX: Final = 20  # what is deeper is drawn no further to the right


class DrawnStep(Struct, frozen=True):
    key: str
    depends_on: Sequence[str]
    note: str  # what is said behind its name


def drawn(steps: Sequence[DrawnStep]) -> list[str]:
    """A line for each step. The steps wait for one another in no circle."""
    known = {step.key: step for step in steps}
    depths = _depths(known)
    below: dict[str, list[DrawnStep]] = {step.key: [] for step in steps}
    first: list[DrawnStep] = []
    for step in steps:
        parent = _parent(step, depths)
        (first if parent is None else below[parent]).append(step)
    width = max(
        (len(step.key) + 3 * min(depths[step.key], LEVELS_MAX) for step in steps), default=0
    )
    lines = []
    waiting = [(step, "", "") for step in reversed(first)]
    while waiting:
        step, before, further = waiting.pop()
        others = [each for each in step.depends_on if each != _parent(step, depths)]
        also = f"after {', '.join(others)}" if others else ""
        said = "; ".join(each for each in (step.note, also) if each)
        lines.append(f"{before + step.key:<{width}}  {said}".rstrip())
        is_deep = len(further) >= 3 * LEVELS_MAX
        for position, child in enumerate(reversed(below[step.key])):
            mark, rest = ("└─ ", "   ") if position == 0 else ("├─ ", "│  ")
            inner = further[:-3] if is_deep else further
            waiting.append((child, inner + mark, inner + rest))
    return lines


def _depths(known: Mapping[str, DrawnStep]) -> dict[str, int]:
    """How many steps are above each on the longest way. Without recursion: there may be 1,000."""
    depths: dict[str, int] = {}
    waiting = list(known.values())
    while waiting:
        left = []
        for step in waiting:
            parents = [each for each in step.depends_on if each in known]
            if all(each in depths for each in parents):
                depths[step.key] = max((depths[each] + 1 for each in parents), default=0)
            else:
                left.append(step)
        if len(left) == len(waiting):  # a circle, which no server stores
            depths |= {step.key: 0 for step in left}
            break
        waiting = left
    return depths


def _parent(step: DrawnStep, depths: Mapping[str, int]) -> str | None:
    """The one it is drawn under: that with the most above it."""
    above = [each for each in step.depends_on if depths.get(each, -1) < depths[step.key]]
    return max((each for each in above if each in depths), key=depths.__getitem__, default=None)
