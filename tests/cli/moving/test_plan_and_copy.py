"""What a move would do, what cannot be kept, and that copying sets up and starts nothing."""

import json
from typing import Any

import pytest

from spooled_lite.cli.client import Client
from spooled_lite.cli.moving.config import UNPAGED_MAX, queues_of
from spooled_lite.cli.moving.side import Side
from spooled_lite.testing.public.faults import FaultError
from tests.cli.moving.stage import Killed, Stage, dead_letter, killed_at

TEMPLATE = {"report": 1.10}


@pytest.fixture
def full(stage: Stage) -> Stage:
    """A server with something of everything."""
    here = stage.here
    emails = {"max_retries": 5, "rate_limit": 50, "settings": {"owner": "ada"}}
    here.call("PUT", "/queues/emails/config", emails)
    here.call("PUT", "/queues/holiday/config", {"enabled": False})
    schedule: dict[str, Any] = {
        "name": "nightly",
        "cron_expression": "0 3 * * *",
        "queue_name": "reports",
    }
    schedule |= {"payload_template": TEMPLATE, "catch_up": "all", "metadata": {"team": "a"}}
    here.call("POST", "/schedules", schedule)
    hook = {"name": "team", "url": "https://example.com/hook", "events": ["job.failed"]}
    here.call("POST", "/outgoing-webhooks", hook)
    key = {"name": "mailer", "queues": ["emails"], "permissions": ["jobs:read", "jobs:write"]}
    here.call("POST", "/api-keys", key)
    return stage


def test_a_plan_counts_what_would_be_created_moved_and_drained(full: Stage) -> None:
    job = {"queue_name": "emails", "payload": {}}
    full.here.call("POST", "/jobs", job)
    for _ in range(3):
        full.here.call("POST", "/jobs", {**job, "delay_seconds": 600})
    dead_letter(full, "charges")

    lines = full("plan").stdout.splitlines()

    assert lines == [
        "would create   3 queues · 1 schedules (paused) · 1 webhooks (off)"
        " · 1 keys (new secrets, printed once)",
        "would move     3 delayed jobs · 1 dead letters (as paused queues charges.dead)",
        "would drain    1 queues with 1 waiting, 0 running",
    ]
    assert not full.ledger.exists()
    assert full.names(full.there, "/queues") == []


def test_a_plan_names_paused_queues_in_which_jobs_wait(full: Stage) -> None:
    full.here.call("POST", "/jobs", {"queue_name": "holiday", "payload": {}})

    assert "resume here    holiday (1 jobs)" in full("plan").stdout


def test_more_queues_than_one_answer_lists_are_found_all(stage: Stage) -> None:
    names = [f"q{number:03}" for number in range(UNPAGED_MAX + 5)]
    for some in (names[:UNPAGED_MAX], names[UNPAGED_MAX:]):
        jobs = [{"queue_name": name, "payload": {}} for name in some]
        stage.here.call("POST", "/jobs/bulk", {"jobs": jobs})

    with Client(stage.here.url, {"Authorization": f"Bearer {stage.here.api_key}"}) as client:
        found = queues_of(Side(client))

    assert sorted(each.text("queue_name") for each in found) == names


def test_a_plan_ends_with_2_when_something_cannot_be_kept(full: Stage) -> None:
    hook = {"name": "signed", "url": "https://example.com/s", "events": ["job.failed"]}
    full.here.call("POST", "/outgoing-webhooks", {**hook, "secret": "keep-me-secret"})

    said = full("plan", code=2).stdout

    assert "cannot keep    webhook signed: its secret" in said
    assert "keep-me-secret" not in said


def test_a_plan_names_workflows_that_stay_until_they_are_done(full: Stage) -> None:
    steps = [{"key": "a", "queue_name": "emails", "payload": {}}]
    steps.append({"key": "b", "queue_name": "emails", "payload": {}, "depends_on": ["a"]})
    full.here.call("POST", "/workflows", {"name": "signup", "jobs": steps})

    assert "would wait for 1 workflows of 2 steps" in full("plan").stdout


def test_a_copy_is_as_it_is_here_and_does_nothing_yet(full: Stage) -> None:
    said = full("copy").stdout

    there = full.there
    queues = {each["name"]: each for each in there.call("GET", "/queues")}
    assert queues["emails"]["max_retries"] == 5
    assert queues["emails"]["settings"] == {"owner": "ada"}
    assert queues["holiday"]["paused"] is True
    [schedule] = there.call("GET", "/schedules")
    assert schedule["payload_template"] == TEMPLATE
    assert schedule["metadata"]["team"] == "a"
    assert (schedule["is_active"], schedule["catch_up"]) == (False, "all")
    [webhook] = there.call("GET", "/outgoing-webhooks")
    assert webhook["enabled"] is False
    [secret] = [line.split()[2] for line in said.splitlines() if line.startswith("key ")]
    [mailer] = [each for each in there.call("GET", "/api-keys") if each["name"] == "mailer"]
    assert secret.startswith(mailer["key_prefix"])
    assert (mailer["queues"], mailer["permissions"]) == (["emails"], ["jobs:read", "jobs:write"])


def test_copying_again_changes_nothing_but_what_was_changed_here(full: Stage) -> None:
    full("copy")
    assert "0 created · 0 changed" in full("copy").stdout

    full.here.call("PUT", "/queues/emails/config", {"max_retries": 7})

    assert "0 created · 1 changed" in full("copy").stdout
    [emails] = [each for each in full.there.call("GET", "/queues") if each["name"] == "emails"]
    assert emails["max_retries"] == 7


def test_a_schedule_that_was_changed_here_is_changed_there_and_stays_paused(full: Stage) -> None:
    full("copy")
    [here] = full.here.call("GET", "/schedules")
    full.here.call("PUT", f"/schedules/{here['id']}", {"priority": 9, "cron": "0 4 * * *"})

    assert "would change   schedule nightly (cron_expression, priority)" in full("plan").stdout
    assert "0 created · 1 changed" in full("copy").stdout

    [there] = full.there.call("GET", "/schedules")
    assert (there["priority"], there["cron_expression"]) == (9, "0 4 * * *")
    assert there["is_active"] is False


@pytest.mark.parametrize("name", ["key", "queue", "schedule", "webhook"])
def test_a_copy_that_breaks_off_is_finished_by_the_next_one(
    full: Stage, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = {"key": "POST /api-keys", "webhook": "POST /outgoing-webhooks"}
    path |= {"queue": "PUT /queues/holiday/config", "schedule": "POST /schedules"}
    with killed_at(monkeypatch, 1_000, "after") as calls:
        full("copy")
    number = calls.index(path[name]) + 1
    full.there.reset()
    full.ledger.unlink()
    with killed_at(monkeypatch, number, "after"), pytest.raises(Killed):
        full.run("copy")

    said = full("copy").stdout

    assert full.names(full.there, "/queues") == full.names(full.here, "/queues")
    assert full.names(full.there, "/schedules") == ["nightly"]
    assert full.names(full.there, "/outgoing-webhooks") == ["team"]
    mailers = [each for each in full.there.call("GET", "/api-keys") if each["name"] == "mailer"]
    secrets = [line.split()[2] for line in said.splitlines() if line.startswith("key ")]
    assert [secret[:12] for secret in secrets] == [each["key_prefix"] for each in mailers]
    assert full("copy").stdout.count("key ") == 0


def test_what_the_other_server_refuses_is_named_and_the_rest_is_copied(full: Stage) -> None:
    refusal: FaultError = {"status": 422, "body": {"message": "no \x1b[2J", "code": "NO"}}
    full.there.faults.add(on={"route": "POST /api/v1/schedules"}, do={"error": refusal})

    result = full("copy", code=1)

    assert "schedule nightly: " in result.stderr
    assert "\x1b" not in result.stderr
    assert full.names(full.there, "/outgoing-webhooks") == ["team"]


def test_the_ledger_can_be_read_by_its_owner_alone_and_has_no_secret(full: Stage) -> None:
    said = full("copy").stdout

    [secret] = [line.split()[2] for line in said.splitlines() if line.startswith("key ")]
    assert secret not in full.ledger.read_text()
    assert full.ledger.stat().st_mode & 0o777 == 0o600
    head = json.loads(full.ledger.read_text().splitlines()[0])
    assert head["here"] == full.here.organization_id
