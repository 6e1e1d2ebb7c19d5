"""Adding up: what came of every job here, and what is left or missing."""

from collections import Counter

import pytest

from tests.cli.moving.stage import Stage, dead_letter, worked

JOB = {"queue_name": "emails", "payload": {}}


def test_an_empty_server_adds_up(stage: Stage) -> None:
    here = stage.here
    here.call("POST", "/jobs", JOB)
    here.call("POST", "/jobs", {**JOB, "delay_seconds": 600})
    dead_letter(stage, "emails")
    stage("copy")
    here.call("POST", "/jobs", JOB)
    here.call("POST", "/jobs", JOB)
    here.call("POST", "/jobs", {**JOB, "delay_seconds": 600})
    dead_letter(stage, "emails")
    stage("move")
    worked(here, ["emails"], Counter())

    said = stage("verify").stdout

    assert (
        "emails: 2 waiting before + 4 created since"
        " = 4 settled here + 2 moved + 0 waiting  ok" in said
    )
    assert "done           nothing is left" in said


def test_what_is_left_is_named(stage: Stage) -> None:
    job = stage.here.call("POST", "/jobs", JOB)["id"]
    body = {"name": "hourly", "cron_expression": "0 * * * *", "queue_name": "emails"}
    stage.here.call("POST", "/schedules", {**body, "payload_template": 1})
    stage("copy")

    said = stage("verify", code=1)

    assert f"job {job} of emails is still here: pending" in said.stderr
    assert "schedule hourly still fires here" in said.stderr
    assert "emails: 1 waiting before + 0 created since = 0 settled here + 0 moved + 1 waiting" in (
        said.stdout
    )


def test_jobs_that_vanished_are_missed(stage: Stage) -> None:
    for _ in range(3):
        stage.here.call("POST", "/jobs", JOB)
    stage("copy")
    stage.here.call("POST", "/queues/emails/purge", {})

    said = stage("verify", code=1)

    assert "queue emails does not add up, by 3" in said.stderr


def test_a_moved_job_that_is_not_there_any_more_is_named(stage: Stage) -> None:
    stage.here.call("POST", "/jobs", {**JOB, "delay_seconds": 600})
    stage("move")
    [line] = stage.lines("moved")
    stage.there.call("POST", f"/jobs/{line['to']}/cancel", {})
    stage.there.call("POST", "/jobs/actions", {"action": "delete", "job_ids": [line["to"]]})

    said = stage("verify", code=1)

    assert f"job {line['to']} was moved, and is not found there" in said.stderr


def test_a_job_that_is_between_the_two_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stage.here.call("POST", "/jobs", {**JOB, "delay_seconds": 600})["id"]
    stage.there.faults.add(on={"route": "POST /api/v1/jobs"}, do={"drop": "before"}, times=1)
    stage("move", code=3)

    said = stage("verify", code=1)

    assert f"job {job} is between the two: run --move again" in said.stderr
    stage("move")
    stage("verify")


def test_without_a_beginning_there_is_nothing_to_add_up(stage: Stage) -> None:
    assert "nothing was copied by this ledger" in stage("verify", code=1).stderr
