"""`spooled-lite workflows`, and the tree that shows one."""

import json
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.cli.workflow_tree import DEPTH_MAX, JobsShown, TreeStep, tree_of
from tests.cli.asking import Asking, columns, ran

NOW_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z


def job(key: str, *after: str) -> dict[str, Any]:
    return {"key": key, "queue_name": "work", "payload": {}, "depends_on": after, "max_retries": 0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    jobs = [job("validate"), job("charge", "validate"), job("stock", "validate"),
            job("ship", "charge", "stock"), job("mail", "ship"), job("other")]  # fmt: skip
    path = tmp_path / "flow.json"
    path.write_text(json.dumps({"name": "checkout", "jobs": jobs}))
    return path


def test_a_workflow_is_created_from_a_file_and_shown_as_a_tree(ask: Asking, file: Path) -> None:
    [workflow] = ask.lines("workflows", "create", file)
    [again] = ask.lines("workflows", "create", "-", given=file.read_text())
    ask("jobs", "run", "work", "--exec", "true", "--once")

    lines = ask.lines("workflows", "show", workflow)

    assert lines[:4] == [f"id       {workflow}", "name     checkout", "status   running",
                         "done     1/6"]  # fmt: skip
    assert [line.rstrip() for line in lines[lines.index("") + 1 :]] == [
        "validate       completed   0 s",
        "├─ charge      pending",
        "│  └─ ship     pending     also after stock",
        "│     └─ mail  pending",
        "└─ stock       pending",
        "other          pending",
    ]
    assert again != workflow
    assert len(ask.json("workflows", "show", workflow)["jobs"]) == 6


def test_workflows_are_listed_cancelled_and_retried(ask: Asking, file: Path) -> None:
    assert ask.lines("workflows", "list") == ["No workflows."]
    [first] = ask.lines("workflows", "create", file)
    single = json.dumps({"name": "single", "jobs": [job("only")]})
    [second] = ask.lines("workflows", "create", "-", given=single)

    assert ask.lines("workflows", "cancel", first, "--reason", "no", "--stop-running") == [
        f"{first} is cancelled"
    ]
    assert "can be retried" in ask("workflows", "retry", first, code=1).stderr
    ask("jobs", "run", "work", "--exec", "exit 1", "--once", code=1)
    assert ask.json("workflows", "show", second)["status"] == "failed"
    assert ask.lines("workflows", "retry", second)[0].startswith(f"{second} is ")
    _, line = ask.lines("workflows", "list", "--status", "cancelled")
    assert [each.strip() for each in columns(line)] == [
        first, "checkout", "cancelled", "0/6", "now", "now"
    ]  # fmt: skip
    assert len(ask.things("workflows", "list")) == 2


@pytest.mark.parametrize(
    ("content", "said"), [("{", "is no JSON"), (None, "cannot be read: No such file")]
)
def test_a_file_that_is_no_workflow_is_refused(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "flow.json"
    if content is not None:
        path.write_text(content)

    result = ran("workflows", "create", path, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert f"{path} {said}" in result.output


def test_a_workflow_that_the_server_refuses_is_told_where_it_is_wrong(ask: Asking) -> None:
    bad = json.dumps({"name": "x", "jobs": [job("a", "nobody")]})

    result = ask("workflows", "create", "-", given=bad, code=1)

    assert "nobody" in result.stderr
    assert ask.lines("workflows", "list") == ["No workflows."]


def tree(*steps: TreeStep) -> list[str]:
    return [line.rstrip() for line in tree_of(JobsShown(list(steps)), NOW_MS)]


def test_a_line_says_how_long_a_job_took_its_retries_and_its_error() -> None:
    began, ended = "2027-01-15T07:00:00Z", "2027-01-15T07:05:00Z"
    error = {"type": "E", "message": "no\x1b[2J room\n" + "x" * 500}

    [done, runs, failed] = tree(
        TreeStep("1", "completed", "日本", started_at=began, completed_at=ended),
        TreeStep("2", "processing", "b\x1b", started_at="2027-01-15T07:58:00Z", retry_count=2),
        TreeStep("3", "deadletter", "", error=error),
    )

    assert done == "日本   completed   5 min"
    assert runs == r"b\x1b  processing  2 min  retry 2"
    assert failed.startswith(r"3      deadletter  no\x1b[2J room\nxxx")
    assert failed.endswith("x…")
    assert len(failed) == 19 + 80


def test_a_long_chain_is_drawn_to_a_depth_and_then_straight_on() -> None:
    count = 1_000
    steps = [TreeStep(str(at), "pending", depends_on=[str(at - 1)]) for at in range(count)]

    lines = tree(*steps)

    assert len(lines) == count
    assert lines[1].startswith("└─ 1 ")
    assert max(len(line) for line in lines) < 3 * DEPTH_MAX + 30


def test_many_parents_are_named_up_to_a_bound_and_unknown_ones_escaped() -> None:
    parents = [TreeStep(str(at), "completed", f"p{at}") for at in range(9)]
    after = [each.id for each in parents[:8]]

    last = next(
        line
        for line in tree(*parents, TreeStep("x", "pending", "join", depends_on=after))
        if "join" in line
    )
    [strange] = tree(TreeStep("y", "pending", depends_on=["no\x1b", "no\x1bne"]))

    assert last.endswith("also after p1, p2, p3, p4, p5 and 2 more")
    assert strange == r"y  pending     also after no\x1bne"


def test_jobs_that_wait_for_one_another_are_shown_all_the_same() -> None:
    circle = [
        TreeStep("a", "pending", depends_on=["b"]),
        TreeStep("b", "pending", depends_on=["a"]),
    ]

    assert tree(*circle) == ["? a  pending", "? b  pending"]
