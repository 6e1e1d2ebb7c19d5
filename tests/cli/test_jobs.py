"""`spooled-lite jobs`: create, list, get, cancel, retry, delete, priority."""

import json
from typing import Any

import pytest

from tests.cli.asking import Asking, Said, answering, columns, ran


def dead(ask: Asking, queue: str = "emails", **fields: Any) -> str:
    """A dead letter."""
    job_id = ask.job(queue, max_retries=0, **fields)
    [job] = ask.world.call("POST", "/jobs/claim", {"queue_name": queue})["jobs"]
    told = {"lease_id": job["lease_id"], "error": "Mailbox\x1b[31m full"}
    ask.world.call("POST", f"/jobs/{job_id}/fail", told)
    return job_id


def status(ask: Asking, job_id: str) -> str:
    found: str = ask.json("jobs", "get", job_id)["status"]
    return found


def test_a_job_is_created_from_an_argument_or_the_standard_input(ask: Asking) -> None:
    payload = '{"to": "ann", "n": 12345678901234567890123.50}'
    [first] = ask.lines("jobs", "create", "emails", payload)
    [second] = ask.lines("jobs", "create", "emails", "-", given=f"{payload}\n")
    [empty] = ask.lines("jobs", "create", "emails")

    for job_id in (first, second):
        assert f'"payload":{payload},' in ask("jobs", "get", job_id, "--json").stdout
    assert ask.json("jobs", "get", empty)["payload"] == {}


def test_a_job_is_created_with_all_that_can_be_said_of_it(ask: Asking) -> None:
    made = ask.json(
        "jobs", "create", "emails", "[1]", "--priority", "-5", "--delay",
        "2100-01-01T00:00:00Z", "--expires", "2100-01-02T00:00:00Z", "--key", "k", "--max-retries",
        "7", "--timeout", "60", "--tag", "a", "--tag", "b", "--webhook", "https://example.org/x",
    )  # fmt: skip

    wanted = {
        "queue_name": "emails", "payload": [1], "priority": -5, "max_retries": 7,
        "timeout_seconds": 60, "idempotency_key": "k", "tags": ["a", "b"], "status": "scheduled",
        "scheduled_at": "2100-01-01T00:00:00.000Z", "expires_at": "2100-01-02T00:00:00.000Z",
        "completion_webhook": "https://example.org/x",
    }  # fmt: skip
    assert {name: made[name] for name in wanted} == wanted
    again = ask("jobs", "create", "emails", "--key", "k")
    assert again.stdout == f"{made['id']}\n"
    assert again.stderr == "It was there already, and is scheduled.\n"


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("{",), None, "the payload is no JSON"),
        (("-",), "", "the standard input is no JSON: Input data was truncated; it is empty"),
        (("-",), b'"\xff"', "the standard input is not UTF-8 (byte 1)"),
        (("{}", "--delay", "soon"), None, "'soon' is neither a time such as"),
        (("{}", "--priority", "high"), None, "--priority"),
        (("{}", "--prority", "1"), None, "Did you mean '--priority'"),
    ],
)
def test_a_job_that_cannot_be_is_refused_before_anyone_is_asked(
    arguments: tuple[str, ...], given: str | bytes | None, said: str
) -> None:
    result = ran("jobs", "create", "emails", *arguments, "--api-key", "sk_a", given=given)

    assert result.exit_code == 2
    assert said in result.output


def test_what_the_server_refuses_is_told_by_code_1(ask: Asking) -> None:
    result = ask("jobs", "create", "a b", code=1)

    assert "Queue name may contain" in result.stderr
    assert "(VALIDATION_ERROR)" in result.stderr


def test_jobs_are_listed_with_what_matters_of_each(ask: Asking) -> None:
    assert ask.lines("jobs", "list") == ["No jobs."]
    old = dead(ask, "charges")
    new = ask.job(priority=3, scheduled_at="2100-01-01T00:00:00Z")

    head, first, second = ask.lines("jobs", "list")

    assert columns(head) == ["ID", "QUEUE", "STATUS", "PRIO", "RETRIES", "CREATED", "DUE", "ERROR"]
    assert [each.strip() for each in columns(first)][:6] == [
        new, "emails", "scheduled", "3", "0/3", "now"
    ]  # fmt: skip
    assert [each.strip() for each in columns(second)] == [
        old, "charges", "deadletter", "0", "0/0", "now", "-", r"Mailbox\x1b[31m full"
    ]  # fmt: skip


def test_a_list_of_jobs_is_narrowed(ask: Asking) -> None:
    one = ask.job("charges", tags=["red"], payload={"job_type": "capture"})
    ask.job()

    for options in (
        ("--queue", "charges"), ("--tag", "red"), ("--type", "capture"), ("--search", one[:8]),
        ("--status", "pending", "--queue", "charges"),
    ):  # fmt: skip
        assert [job["id"] for job in ask.things("jobs", "list", *options)] == [one], options
    assert ask.things("jobs", "list", "--before", "2001-01-01T00:00:00Z") == []
    assert len(ask.things("jobs", "list", "--since", "2001-01-01T00:00:00Z")) == 2


def test_all_jobs_are_listed_as_json_and_the_first_fifty_in_a_table(ask: Asking) -> None:
    for _ in range(2):
        ask.world.call("POST", "/jobs/bulk", {"queue_name": "a", "jobs": [{"payload": 1}] * 60})

    table = ask("jobs", "list")
    ids = [job["id"] for job in ask.things("jobs", "list")]

    assert len(table.stdout.splitlines()) == 51
    assert table.stderr == "The first 50; there are more (--limit, --json).\n"
    assert len(set(ids)) == len(ids) == 120
    assert [job["id"] for job in ask.things("jobs", "list", "--limit", "101")] == ids[:101]
    assert len(ask.lines("jobs", "list", "--limit", "120")) == 121


def test_a_job_is_shown_in_full_with_its_history(ask: Asking) -> None:
    job_id = dead(ask, payload={"to": "ann"}, tags=["red"])

    shown = ask("jobs", "get", job_id, "--history").stdout

    for line in (
        f"id        {job_id}", "status    deadletter", "retries   0 of 0", "tags      red",
        r"error     Mailbox\x1b[31m full", '    "to": "ann"',
    ):  # fmt: skip
        assert line in shown.splitlines()
    events = shown[shown.index("AT ") :]
    assert [word in events for word in ("created", "deadletter")] == [True, True]
    assert "\x1b" not in shown
    assert len(ask.json("jobs", "get", job_id, "--history")["history"]) >= 3
    assert "Job not found" in ask("jobs", "get", "nothing", code=1).stderr


def test_single_jobs_are_changed_by_id(ask: Asking) -> None:
    waiting, failed = ask.job("a"), dead(ask, "b")

    assert ask.lines("jobs", "priority", waiting, "-7") == ["Priority -7, was 0."]
    assert ask.lines("jobs", "cancel", waiting) == [f"{waiting} cancelled"]
    assert ask.lines("jobs", "retry", failed) == [f"{failed} put back"]
    assert (status(ask, waiting), status(ask, failed)) == ("cancelled", "pending")
    assert ask.lines("jobs", "delete", waiting) == ["1 job deleted"]
    assert "Job not found" in ask("jobs", "get", waiting, code=1).stderr


def test_one_job_that_is_refused_does_not_keep_the_others(ask: Asking) -> None:
    first, second = ask.job(), ask.job()

    result = ask("jobs", "cancel", first, "no\x1bthing", second, code=1)

    assert result.stdout == f"{first} cancelled\n{second} cancelled\n"
    assert result.stderr == "Error: no\\x1bthing: Job not found (NOT_FOUND)\n"
    third = ask.job()
    left = ask("jobs", "delete", first, third, "--yes", code=1)
    assert left.stdout == "1 job deleted; not done: 1 pending\n"


def test_many_jobs_are_counted_and_asked_about_first(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(12):
        ask.job(f"queue-{at:02}")
    ask.job("queue-00")

    refused = ask("jobs", "cancel", "--all", code=2)
    assert "Cancel 13 jobs? Nobody is here to answer: say --yes" in refused.stderr
    assert refused.stderr.startswith("        2  queue-00\n        1  queue-01\n")
    assert "        2  in 2 other queues\n" in refused.stderr
    monkeypatch.setattr("spooled_lite.cli.consent.is_anyone_here", lambda: True)
    assert "Aborted!" in ask("jobs", "cancel", "--all", code=1, given="n\n").stderr
    assert len(ask.things("jobs", "list", "--status", "pending")) == 13
    assert ask("jobs", "cancel", "--queue", "queue-00", given="y\n").stdout == "2 jobs cancelled\n"
    assert ask.json("jobs", "cancel", "--all", "--yes") == {"done": 11, "skipped": {}}
    assert ask.lines("jobs", "delete", "--all", "--yes") == ["13 jobs deleted"]
    assert ask.lines("jobs", "retry", "--all", "--yes") == ["No such jobs."]


def test_jobs_are_acted_on_in_passes_until_none_is_left() -> None:
    count = {"eligible": 5, "is_exact": False, "by_queue": {"a": 5}, "until": "u"}
    passes = [
        {"done": 3, "skipped": {"changed": 1}, "cursor": "c"},
        {"done": 2, "skipped": {"changed": 1}, "cursor": None},
    ]
    with answering(Said(count), *map(Said, passes)) as (url, asked):
        result = ran("jobs", "retry", "--all", "--yes", "--url", url, "--api-key", "sk_a")

    assert result.stdout == "5 jobs put back; not done: 2 changed\n"
    assert asked == ["POST /api/v1/jobs/actions"] * 3


@pytest.mark.parametrize("arguments", [(), ("id", "--all"), ("id", "--queue", "a"),
                                       ("--all", "--queue", "a")])  # fmt: skip
def test_it_must_be_said_in_one_way_which_jobs_are_meant(arguments: tuple[str, ...]) -> None:
    result = ran("jobs", "cancel", *arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert "say which jobs" in result.output


def test_a_server_without_acts_on_many_is_told_so() -> None:
    with answering(Said({"message": "Not found", "code": "NOT_FOUND"}, 404)) as (url, _):
        result = ran("jobs", "cancel", "--all", "--url", url, "--api-key", "sk_a")

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Not found (NOT_FOUND)\nThis server has no acts on many jobs.\n"
    )


def test_every_answer_can_be_had_as_json(ask: Asking) -> None:
    job_id = ask.job()

    assert ask.json("jobs", "priority", job_id, "3")["new_priority"] == 3
    cancelled = ask("jobs", "cancel", job_id, "--json").stdout
    assert json.loads(cancelled)["status"] == "cancelled"
