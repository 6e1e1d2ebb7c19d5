"""Whether a job that waits for others may run. Contract: schedules-workflows-webhooks, 2.5."""

from collections.abc import Sequence
from typing import Literal

from spooled_lite.core.jobs.states import FAILED, TERMINAL
from spooled_lite.core.workflows.columns import StandingRow

# May run; may run later; can never run.
Standing = Literal["met", "waiting", "impossible"]


def standing_of(edges: Sequence[StandingRow], mode: str | None) -> Standing:
    """How a job stands with all its parents.

    Edges that come from `parent_job_id` must all be satisfied, in either mode of the others.
    """
    links = [_standing(edge) for edge in edges if edge["is_link"]]
    others = [_standing(edge) for edge in edges if not edge["is_link"]]
    if mode == "any" and others:
        return _all([*links, _any(others)])
    return _all(links + others)


def edge_standing(condition: str, status: str) -> Standing:
    """How a job stands with one parent, by the condition of the edge and the parent's status."""
    if status not in TERMINAL:
        return "waiting"
    if condition == "completion":
        return "met"
    if condition == "failure":
        return "met" if status in FAILED else "impossible"
    return "met" if status == "completed" else "impossible"


def _standing(edge: StandingRow) -> Standing:
    return edge_standing(edge["condition"], edge["status"])


def _all(standings: Sequence[Standing]) -> Standing:
    if "impossible" in standings:
        return "impossible"
    return "waiting" if "waiting" in standings else "met"


def _any(standings: Sequence[Standing]) -> Standing:
    if "met" in standings:
        return "met"
    return "waiting" if "waiting" in standings else "impossible"
