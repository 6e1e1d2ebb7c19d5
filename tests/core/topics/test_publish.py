"""What publishing asks of the file."""

import pytest

from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.topics.bind import bind
from spooled_lite.core.topics.publish import publish
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
