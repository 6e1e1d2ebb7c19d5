"""Is it a graph that can run: every name known, none twice, no way back to where one was?"""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final

from spooled_lite.core.workflows.records import NewStep
from spooled_lite.errors import BadRequest

CYCLE_SHOWN_MAX: Final = 20  # names of a cycle that are told


def check_graph(steps: Sequence[NewStep]) -> None:
    """Raises BadRequest, in words that clients search for: it names the jobs.

    Contract: schedules-workflows-webhooks, section 2.2 ("Create").
    """
    places: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step.key in places:
            raise BadRequest(f"Duplicate job key '{step.key}'")
        places[step.key] = place
    looks_back_only = True
    for place, step in enumerate(steps):
        for parent in step.depends_on:
            if parent not in places:
                raise BadRequest(f"Job '{step.key}' depends on unknown job '{parent}'")
            looks_back_only &= places[parent] < place
    if looks_back_only:
        return  # in the order of the request no way leads back: most graphs are written so
    try:
        TopologicalSorter({step.key: step.depends_on for step in steps}).prepare()
    except CycleError as error:
        # From a job to what it depends on, as the caller has written it down.
        cycle: list[str] = error.args[1][::-1]
        shown = " -> ".join(cycle[:CYCLE_SHOWN_MAX])
        more = " -> ..." if len(cycle) > CYCLE_SHOWN_MAX else ""
        raise BadRequest(f"Circular dependency: {shown}{more}") from None
