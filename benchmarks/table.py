"""What was measured, against floor and goal, as a table."""

import statistics
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

Verdict = Literal["goal met", "floor held", "MISSED", ""]

HEAD: Final = ("Workload", "Figure", "Measured", "Floor", "Goal", "", "Besides")


class Bound(Struct, frozen=True):
    """Floor and goal of a figure. Without a goal of its own the floor is the goal."""

    floor: float
    goal: float
    is_most: bool = False  # the figure must stay below them; else it must reach them
    unit: str = ""

    def verdict(self, value: float) -> Verdict:
        if self._holds(value, self.goal):
            return "goal met"
        return "floor held" if self._holds(value, self.floor) else "MISSED"

    def _holds(self, value: float, bound: float) -> bool:
        return value <= bound if self.is_most else value >= bound

    def shown(self, bound: float) -> str:
        return f"{'≤' if self.is_most else '≥'} {number(bound)}{self.unit}"


class Row(Struct, frozen=True, kw_only=True):
    workload: str
    figure: str  # what the number is, with its unit
    values: list[float]  # one per round
    bound: Bound | None = None
    besides: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> Verdict:
        return self.bound.verdict(self.median) if self.bound is not None else ""

    def cells(self) -> tuple[str, ...]:
        bound = self.bound
        floor = bound.shown(bound.floor) if bound is not None else ""
        goal = bound.shown(bound.goal) if bound is not None else ""
        measured = spread(self.values, bound.unit if bound is not None else "")
        return self.workload, self.figure, measured, floor, goal, self.verdict, self.besides


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round: what the machine did meanwhile was done to both."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, and least to most when there are several."""
    middle = f"{number(statistics.median(values))}{unit}"
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))}..{number(max(values))})"


def number(value: float) -> str:
    """Three digits are as many as mean anything."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines)
