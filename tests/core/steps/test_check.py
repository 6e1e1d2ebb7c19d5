"""What `spooled-lite check` says of runs whose rows do not agree."""

import pytest

from spooled_lite.core.steps.check import wrong_runs
from tests.core.job_stage import JobStage
from tests.core.workflows.runs import a_node, started


def test_a_sound_run_is_not_spoken_of(stage: JobStage) -> None:
    steps = [a_node("a"), a_node("b", "a", signal=True), a_node("c", "b"), a_node("d", signal=True)]
    run = started(stage, *steps, a_node("m", type="mapper", source="input"), input=[1, 2])
    run.give("a")

    assert stage.read(wrong_runs) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE jobs SET dependencies_met = 0, claimable = 0 WHERE step_key = 'b'",
            ["job {b}: waits, and its dependencies are met"],
        ),
        (
            "UPDATE jobs SET dependencies_met = 0, claimable = 0 WHERE step_key = 'z'",
            ["job {z}: waits, and its dependencies are met"],
        ),
        (
            "UPDATE step_states SET is_signalled = 1, signal = CAST('1' AS BLOB)",
            ["job {s}: waits for its signal, which has come"],
        ),
        (
            "UPDATE workflows SET failed_step = 'a'",
            ["workflow {run}: was ended, and 4 of its jobs are open"],
        ),
        (
            "UPDATE step_states SET items_open = 3, items_done = 1 WHERE items_stored = 2",
            [
                "job {m}: 3 open items by the counter, 2 rows",
                "job {m}: 1 ended items by the counter, 0 rows",
            ],
        ),
        (
            "UPDATE step_states SET items_released = 5, items_total = 1 WHERE items_stored = 2",
            ["job {m}: 5 items released of 2", "job {m}: 2 items stored of 1"],
        ),
        (
            "UPDATE jobs SET status = 'cancelled', claimable = 0, completed_at_ms = 1"
            " WHERE step_key = 'm' AND kind = 'item'",
            [
                "job {m}: 2 open items by the counter, 0 rows",
                "job {m}: 0 ended items by the counter, 2 rows",
                "job {m}: 0 lost items by the counter, 2 rows",
            ],
        ),
    ],
)
def test_a_run_that_would_not_go_on_is_named(stage: JobStage, change: str, said: list[str]) -> None:
    steps = (a_node("a"), a_node("b", "a"), a_node("s", signal=True), a_node("z"))
    run = started(stage, *steps, a_node("m", type="mapper", source="input"), input=[1, 2])
    run.give("a")

    stage.rows(change)

    names = {**run.ids, "run": run.id}
    assert stage.read(wrong_runs) == [each.format(**names) for each in said]
