"""Is it a graph that can run: every name known, none twice, no way back to where one was?"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final

from spooled_lite.core.workflows.records import NewStep
from spooled_lite.errors import BadRequest

CYCLE_SHOWN_MAX: Final = 20  # names of a cycle that are told


Graph = Sequence[Sequence[int]]  # of each step, which ones it waits for: their places among all


def graph_of(steps: Sequence[NewStep]) -> Graph:
    """What waits for what. Takes a while for the largest: not for the writing thread.

    Raises BadRequest, in words that clients search for: it names the jobs.

    Contract: schedules-workflows-webhooks, section 2.2 ("Create").
    """
    places: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step.key in places:
            raise BadRequest(f"Duplicate job key '{step.key}'")
        places[step.key] = place
    graph = [_places_of_parents(step, places) for step in steps]
    # In the order of the request no way may lead back: most graphs are written so.
    if any(max(parents, default=-1) >= place for place, parents in enumerate(graph)):
        _check_for_cycle(steps)
    return graph


def _places_of_parents(step: NewStep, places: Mapping[str, int]) -> Sequence[int]:
    try:
        return [places[parent] for parent in step.depends_on]
    except KeyError as error:
        [unknown] = error.args
        raise BadRequest(f"Job '{step.key}' depends on unknown job '{unknown}'") from None


def _check_for_cycle(steps: Sequence[NewStep]) -> None:
    try:
        TopologicalSorter({step.key: step.depends_on for step in steps}).prepare()
    except CycleError as error:
        # From a job to what it depends on, as the caller has written it down.
        cycle: list[str] = error.args[1][::-1]
        shown = " -> ".join(cycle[:CYCLE_SHOWN_MAX])
        more = " -> ..." if len(cycle) > CYCLE_SHOWN_MAX else ""
        raise BadRequest(f"Circular dependency: {shown}{more}") from None
