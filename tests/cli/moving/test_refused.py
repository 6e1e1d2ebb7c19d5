"""What keeps a move from beginning: one line that says what to do, and nothing is changed."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.cli.asking import ran
from tests.cli.moving.stage import Stage, dead_letter


@pytest.mark.parametrize(
    "steps", [(), ("--plan", "--copy"), ("--copy", "--switch", "--move"), ("--verify", "--plan")]
)
def test_one_step_is_done_at_a_time(stage: Stage, steps: tuple[str, ...]) -> None:
    keys = {"SPOOLED_API_KEY": "k", "SPOOLED_THERE_API_KEY": "k"}

    answer = ran("migrate-to", stage.there.url, "--url", stage.here.url, *steps, **keys)

    assert answer.exit_code == 2
    assert "give one of --plan, --copy, --switch, --move, --verify" in answer.stderr


@pytest.mark.parametrize(
    ("missing", "variable"), [("HERE", "SPOOLED_API_KEY"), ("THERE", "SPOOLED_THERE_API_KEY")]
)
def test_each_side_has_a_key_of_its_own(stage: Stage, missing: str, variable: str) -> None:
    given = {"SPOOLED_API_KEY": "k", "SPOOLED_THERE_API_KEY": "k"}
    del given[variable]

    answer = ran("migrate-to", stage.there.url, "--url", stage.here.url, "--plan", **given)

    assert answer.exit_code == 2
    assert f"set {variable}" in answer.stderr


def test_a_server_is_not_moved_to_itself(stage: Stage) -> None:
    answer = stage.run("copy", SPOOLED_THERE_API_KEY=stage.here.api_key, there=stage.here.url)

    assert answer.exit_code == 2
    assert "both keys are of the same organization" in answer.stderr
    assert not stage.ledger.exists()


@pytest.mark.parametrize("variable", ["SPOOLED_API_KEY", "SPOOLED_THERE_API_KEY"])
def test_a_wrong_key_is_refused_by_the_side_that_it_is_for(stage: Stage, variable: str) -> None:
    wrong = "sk_test_wrong_0123456789"

    answer = stage.run("plan", **{variable: wrong})

    assert answer.exit_code == 1
    side = stage.here if variable == "SPOOLED_API_KEY" else stage.there
    assert answer.stderr.startswith(f"Error: {side.url}: ")
    assert wrong not in answer.output


def test_nobody_there_is_exit_code_3(stage: Stage) -> None:
    answer = stage.run("copy", there="http://127.0.0.1:9")

    assert answer.exit_code == 3
    assert "http://127.0.0.1:9 cannot be reached" in answer.stderr
    assert not stage.ledger.exists()


def test_a_key_that_may_not_delete_says_so_and_loses_nothing(stage: Stage) -> None:
    job = dead_letter(stage, "charges")
    key = {"name": "few", "permissions": ["jobs:write", "queues:read"]}
    few = stage.here.call("POST", "/api-keys", key)["key"]

    answer = stage.run("move", SPOOLED_API_KEY=few)

    assert answer.exit_code == 1
    assert "ACCESS_DENIED" in answer.stderr
    assert stage.here.call("GET", f"/jobs/{job}")["status"] == "deadletter"
    stage("move")
    assert len(stage.there.call("GET", "/jobs?queue_name=charges.dead")) == 1


def test_the_ledger_of_another_move_is_left_alone(stage: Stage) -> None:
    stage("copy")
    lines = stage.ledger.read_text().splitlines()
    stage.ledger.write_text("\n".join([json.dumps({**json.loads(lines[0]), "there": "x"})]) + "\n")

    said = stage("copy", code=1).stderr

    assert "a move between two other organizations: name another --ledger" in said


@pytest.mark.parametrize("content", ["{}\n", "not json\n", '{"format": "spooled-export"}\n'])
def test_a_file_that_is_no_ledger_is_left_alone(stage: Stage, content: str) -> None:
    stage.ledger.write_text(content)

    assert str(stage.ledger) in stage("copy", code=1).stderr
    assert stage.ledger.read_text() == content


def test_a_damaged_line_of_the_ledger_is_named(stage: Stage) -> None:
    stage("copy")
    with stage.ledger.open("a") as file:
        file.write("{broken}\n")

    assert "line 3 of the ledger" in stage("move", code=1).stderr


def test_a_line_that_was_cut_by_a_crash_is_written_again(stage: Stage) -> None:
    stage("copy")
    before = stage.ledger.read_bytes()
    with stage.ledger.open("ab") as file:
        file.write(b'{"step":"leaving","from":"5')

    stage("move")

    assert stage.ledger.read_bytes() == before


def test_two_movers_do_not_share_a_ledger(stage: Stage) -> None:
    stage("copy")
    with stage.ledger.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        assert "another command is moving" in stage("move", code=1).stderr


def test_a_ledger_that_cannot_be_written_stops_before_anything_is_done(
    stage: Stage, tmp_path: Path
) -> None:
    stage.ledger = tmp_path / "missing" / "ledger.ndjson"

    stage.here.call("PUT", "/queues/emails/config", {})

    assert "No such file" in stage("copy", code=1).stderr
    assert stage.names(stage.there, "/queues") == []
