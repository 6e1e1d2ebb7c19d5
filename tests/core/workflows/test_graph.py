from itertools import pairwise

import pytest

from spooled_lite.core.workflows.graph import CYCLE_SHOWN_MAX, graph_of
from spooled_lite.errors import BadRequest
from tests.core.workflows.graphs import a_step


def refused(*steps: tuple[str, ...]) -> str:
    with pytest.raises(BadRequest) as refusal:
        graph_of([a_step(*step) for step in steps])
    return str(refusal.value)


@pytest.mark.parametrize(
    "steps",
    [
        [("a",)],
        [("a",), ("b", "a")],
        [("b", "a"), ("a",)],
        [("d", "b", "c"), ("b", "a"), ("c", "a"), ("a",)],
        [("a",), ("b",), ("c",)],
    ],
)
def test_a_graph_without_a_cycle_passes_in_any_order(steps: list[tuple[str, ...]]) -> None:
    graph_of([a_step(*step) for step in steps])


def test_a_key_stands_there_once() -> None:
    assert refused(("a",), ("b",), ("a",)) == "Duplicate job key 'a'"


def test_an_unknown_key_is_named_with_the_job_that_names_it() -> None:
    assert refused(("a", "b"), ("c",)) == "Job 'a' depends on unknown job 'b'"


def test_a_job_cannot_depend_on_itself() -> None:
    assert refused(("a", "a")) == "Circular dependency: a -> a"


def test_a_cycle_is_told_from_a_job_to_what_it_depends_on() -> None:
    said = refused(("free",), ("a", "b"), ("b", "c"), ("c", "a"), ("under", "a"))

    assert said.startswith("Circular dependency: ")
    around = said.removeprefix("Circular dependency: ").split(" -> ")
    assert around[0] == around[-1]
    assert len(around) == 4
    depends_on = {"a": "b", "b": "c", "c": "a"}
    assert all(depends_on[one] == other for one, other in pairwise(around))


def test_of_a_long_cycle_the_beginning_is_told() -> None:
    said = refused(*((f"s{n}", f"s{(n + 1) % 500}") for n in range(500)))

    assert said.endswith(" -> ...")
    assert said.count(" -> ") == CYCLE_SHOWN_MAX
