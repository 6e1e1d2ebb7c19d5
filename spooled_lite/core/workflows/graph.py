"""Checks that the steps of a workflow can run: names are known and unique, nothing is circular."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final, Protocol

from spooled_lite.errors import BadRequest

CYCLE_SHOWN_MAX: Final = 20  # names of a cycle in the error message


class WaitingStep(Protocol):
    """A step, and the keys of those it waits for."""

    @property
    def key(self) -> str: ...
    @property
    def depends_on(self) -> Sequence[str]: ...


Graph = Sequence[Sequence[int]]  # for each step the positions of those it waits for


def graph_of(steps: Sequence[WaitingStep]) -> Graph:
    """Which step waits for which. Slow for the largest workflows: not for the writing thread.

    Raises BadRequest: the steps cannot run. Clients search the text, which names the jobs.

    Contract: schedules-workflows-webhooks, section 2.2 ("Create").
    """
    places: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step.key in places:
            raise BadRequest(f"Duplicate job key '{step.key}'")
        places[step.key] = place
    graph = [_places_of_parents(step, places) for step in steps]
    # There is no cycle if every step comes after its parents, as in most requests.
    if any(max(parents, default=-1) >= place for place, parents in enumerate(graph)):
        _check_for_cycle(steps)
    return graph


def _places_of_parents(step: WaitingStep, places: Mapping[str, int]) -> Sequence[int]:
    try:
        return [places[parent] for parent in step.depends_on]
    except KeyError as error:
        [unknown] = error.args
        raise BadRequest(f"Job '{step.key}' depends on unknown job '{unknown}'") from None


def _check_for_cycle(steps: Sequence[WaitingStep]) -> None:
    cycle = find_cycle({step.key: step.depends_on for step in steps})
    if cycle:
        raise BadRequest(f"Circular dependency: {shown_cycle(cycle)}")


def find_cycle(parents: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Keys from a step to one it depends on, back to the first; empty where there is no cycle."""
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle[::-1]  # in the direction of the request
    return ()


def shown_cycle(cycle: Sequence[str]) -> str:
    """As messages name it, up to CYCLE_SHOWN_MAX."""
    return " -> ".join(cycle[:CYCLE_SHOWN_MAX]) + (
        " -> ..." if len(cycle) > CYCLE_SHOWN_MAX else ""
    )
