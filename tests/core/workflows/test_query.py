from typing import Any

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.workflows.query import get_step, get_steps
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import a_step, stored

KEYS = tuple(f"s{n}" for n in range(20))


def dense(stage: JobStage) -> Any:
    steps = [a_step(key, *KEYS[:place], queue_name="q") for place, key in enumerate(KEYS)]
    return stored(stage, *steps)


def test_each_step_comes_with_its_parents_in_the_order_of_the_request(stage: JobStage) -> None:
    graph = dense(stage)

    found = stage.read(get_steps, stage.org, graph.id, ALL_QUEUES)

    assert [step["step_key"] for step in found.rows] == list(KEYS)
    parents = {step["step_key"]: found.edges.get(step["seq"], ()) for step in found.rows}
    assert {key: [edge["parent_key"] for edge in edges] for key, edges in parents.items()} == {
        key: list(KEYS[:place]) for place, key in enumerate(KEYS)
    }


def test_a_page_of_steps_reads_the_edges_of_that_page_alone(stage: JobStage) -> None:
    graph = dense(stage)

    found = stage.read(get_steps, stage.org, graph.id, ALL_QUEUES, limit=2, offset=1)

    numbers = [step["seq"] for step in found.rows]
    assert [step["step_key"] for step in found.rows] == ["s1", "s2"]
    assert list(found.edges) == numbers
    assert [len(found.edges[number]) for number in numbers] == [1, 2]


def test_one_step_comes_with_its_own_parents(stage: JobStage) -> None:
    graph = dense(stage)

    found = stage.read(get_step, stage.org, graph.id, graph.ids["s3"], ALL_QUEUES)

    [(number, edges)] = found.edges.items()
    assert number == graph.step("s3")["seq"]
    assert [edge["parent_key"] for edge in edges] == ["s0", "s1", "s2"]
