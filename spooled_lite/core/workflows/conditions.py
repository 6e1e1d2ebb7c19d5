"""When a job may run that waits for others. Contract: schedules-workflows-webhooks, section 2.5."""

from collections.abc import Sequence
from typing import Literal

from spooled_lite.core.jobs.states import FAILED, TERMINAL
from spooled_lite.events import Row

Standing = Literal["met", "waiting", "impossible"]


def standing_of(edges: Sequence[Row], mode: str | None) -> Standing:
    """How a job stands with its parents. A parent link counts besides the edges, in every mode."""
    links = [_standing(edge) for edge in edges if edge["is_link"]]
    others = [_standing(edge) for edge in edges if not edge["is_link"]]
    if mode == "any" and others:
        return _all([*links, _any(others)])
    return _all(links + others)


def edge_standing(condition: str, status: str) -> Standing:
    """How one edge stands, by its condition and the status of the parent."""
    if status not in TERMINAL:
        return "waiting"
    if condition == "completion":
        return "met"
    if condition == "failure":
        return "met" if status in FAILED else "impossible"
    return "met" if status == "completed" else "impossible"


def _standing(edge: Row) -> Standing:
    return edge_standing(edge["condition"], edge["status"])


def _all(standings: Sequence[Standing]) -> Standing:
    if "impossible" in standings:
        return "impossible"
    return "waiting" if "waiting" in standings else "met"


def _any(standings: Sequence[Standing]) -> Standing:
    if "met" in standings:
        return "met"
    return "waiting" if "waiting" in standings else "impossible"
