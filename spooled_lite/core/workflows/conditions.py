"""Whether a job that waits for others may run. Contract: schedules-workflows-webhooks, 2.5."""

from collections.abc import Sequence
from typing import Final, Literal

from spooled_lite.core.jobs.states import FAILED, TERMINAL
from spooled_lite.core.workflows.columns import StandingRow

# In the place of the status of a parent that was completed without being run: see `state` in jobs.
SKIPPED: Final = "skipped"

# May run; may run later; can never run.
Standing = Literal["met", "waiting", "impossible"]


def standing_of(edges: Sequence[StandingRow], mode: str | None) -> Standing:
    """How a job stands with all its parents.

    Edges that come from `parent_job_id` must all be satisfied, in either mode of the others.
    """
    links = [edge for edge in edges if edge["is_link"]]
    others = [edge for edge in edges if not edge["is_link"]]
    if mode == "any" and others:
        return _all([*map(_standing, links), _any(others)])
    return _all([_standing(edge) for edge in edges])


def edge_standing(condition: str, status: str) -> Standing:
    """How a job stands with one parent, by the condition of the edge and the parent's status.

    One that was skipped is as good as one that was completed: catbird-capabilities, F4.
    """
    if status == SKIPPED:
        status = "completed"
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


def _any(edges: Sequence[StandingRow]) -> Standing:
    """The first that was really completed is enough, or that all have ended and one was skipped."""
    standings = [_standing(edge) for edge in edges]
    really = [edge["status"] != SKIPPED for edge in edges]
    if ("met", True) in zip(standings, really, strict=True):
        return "met"
    if "waiting" in standings:
        return "waiting"
    return "met" if "met" in standings else "impossible"
