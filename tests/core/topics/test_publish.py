"""What publishing asks of the file."""

from collections.abc import Iterator

import pytest

from spooled_lite.core.batch.run import BatchStep, all_or_nothing
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.tasks.define import create_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import COMPARED_BYTES_MAX, run_task
from spooled_lite.core.topics.bind import bind
from spooled_lite.core.topics.publish import publish
from spooled_lite.errors import RuleBroken
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN

QUEUES = 20


def test_many_queues_are_read_in_one_statement() -> None:
    stage = JobStage()
    for number in range(QUEUES):
        stage.configure(f"q{number}")
        stage.run(bind, stage.org, ("queue", f"q{number}"), "a.#")
    message, asked = NewMessage(body=b"1"), list[str]()
    stage.run(publish, stage.org, "a", [message], OPEN)  # with the tree of bindings built
    stage._connection.set_trace_callback(asked.append)

    delivered = stage.run(publish, stage.org, "a", [message], OPEN)

    assert len(delivered) == QUEUES
    assert sum("FROM queues" in each or "JOIN queues" in each for each in asked) == 1
    stage.close()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_queues_that_have_gone_get_nothing(count: int) -> None:
    stage = JobStage()
    for name in ("a", "b"):
        stage.configure(name)
        stage.run(bind, stage.org, ("queue", name), "#")
    names = ["a", "b"][count:]
    for name in ["a", "b"][:count]:
        stage._connection.execute(
            "UPDATE queues SET deleted_at_ms = 1 WHERE queue_name = ?", (name,)
        )

    delivered = stage.run(publish, stage.org, "t", [NewMessage(body=b"1")], OPEN)

    assert sorted(each.target[1] for each in delivered) == names
    stage.close()


LARGE = b'{"a":[' + b"1," * (COMPARED_BYTES_MAX // 4) + b"1]}"  # two of them are too much
OF_A_PART = b'{"a":[1],"b":"' + b"x" * COMPARED_BYTES_MAX + b'"}'


@pytest.fixture
def with_conditions() -> Iterator[JobStage]:
    """Three tasks whose conditions look into what is published."""
    stage = JobStage()
    for name in ("a", "b", "c"):
        wanted = TaskDefinition(queue_name="q", condition="input.a contains 1")
        stage.run(create_task, stage.org, name, wanted, ALL_QUEUES)
        stage.run(bind, stage.org, ("task", name), "#")
    yield stage
    stage.close()


def test_conditions_of_one_publication_compare_so_much_and_no_more(
    with_conditions: JobStage,
) -> None:
    stage = with_conditions
    with pytest.raises(RuleBroken, match="`topic` makes conditions of tasks compare over"):
        stage.run(publish, stage.org, "t", [NewMessage(body=LARGE), NewMessage(body=LARGE)], OPEN)

    assert stage.value("SELECT count(*) FROM jobs") == 0
    assert len(stage.run(publish, stage.org, "t", [NewMessage(body=OF_A_PART)], OPEN)) == 3


def test_conditions_of_one_batch_compare_so_much_and_no_more(with_conditions: JobStage) -> None:
    stage = with_conditions
    arguments = (stage.org, "a", NewTaskRun(input=LARGE), OPEN, ALL_QUEUES)
    steps = [BatchStep(f"operations[{index}]", run_task, arguments, index) for index in range(4)]

    with pytest.raises(RuleBroken, match=r"operations\[2\].*compare over"):
        stage.run(all_or_nothing, steps)

    assert len(stage.run(all_or_nothing, steps[:2])) == 2
