"""`spooled-lite queues` and `workers`."""

import pytest

from tests.cli.asking import Asking, Said, answering, columns, ran


def test_queues_are_listed_with_what_is_in_them(ask: Asking) -> None:
    assert ask.lines("queues", "list") == ["No queues."]
    ask.job("emails")
    ask.job("charges")
    ask("queues", "pause", "emails")

    head, charges, emails = ask.lines("queues", "list")

    assert [each.strip() for each in columns(head)][:4] == ["QUEUE", "STATE", "WAITING", "RETRYING"]
    assert [each.strip() for each in columns(charges)][:4] == ["charges", "open", "1", "0"]
    assert [each.strip() for each in columns(emails)][:3] == ["emails", "paused", "1"]
    assert [queue["queue_name"] for queue in ask.things("queues", "list")] == ["charges", "emails"]
    assert [q["queue_name"] for q in ask.things("queues", "list", "--limit", "1")] == ["charges"]


def test_a_server_without_the_overview_lists_its_queues_all_the_same() -> None:
    queue = {"queue_name": "emails", "paused": True, "max_retries": 3, "default_timeout": 300}
    missing = Said({"message": "Not found", "code": "NOT_FOUND"}, 404)
    with answering(missing, Said([queue])) as (url, asked):
        result = ran("queues", "list", "--url", url, "--api-key", "sk_a")

    assert result.stdout.splitlines()[1].split() == ["emails", "paused", "3", "300", "-", "-"]
    assert asked[1].startswith("GET /api/v1/queues?")


def test_a_queue_is_configured_and_shown(ask: Asking) -> None:
    ask.job()

    shown = ask.lines(
        "queues", "set", "emails", "--at-once", "3", "--per-second", "10", "--max-retries", "5",
        "--timeout", "60", "--backoff", "2", "--backoff-max", "9", "--description", "Mail\x07",
    )  # fmt: skip

    assert shown == [
        "queue        emails",
        "state        open",
        r"description  Mail\x07",
        "max retries  5",
        "timeout      60 s",
        "at once      3",
        "per second   10",
        "backoff      2 s, up to 9 s",
    ]
    ask("queues", "set", "emails", "--at-once", "none")
    lines = ask.lines("queues", "get", "emails")
    assert lines[:5] == shown[:5]
    assert [line for line in lines if line.startswith(("at once", "waiting", "per"))] == [
        "per second   10", "waiting      1"
    ]  # fmt: skip
    assert ask.json("queues", "get", "emails")["max_concurrency"] is None


@pytest.mark.parametrize("act", ["get", "set", "pause", "resume", "purge", "delete"])
def test_a_misspelled_queue_is_told_the_nearest_one(ask: Asking, act: str) -> None:
    ask.job()
    more = ["--at-once", "3"] if act == "set" else []

    result = ask("queues", act, "emials", *more, code=1)

    assert result.stderr == "Error: Queue not found (NOT_FOUND)\nDid you mean 'emails'?\n"
    assert len(ask.things("queues", "list")) == 1


def test_setting_makes_a_queue_only_where_that_is_said(ask: Asking) -> None:
    assert "Queue not found" in ask("queues", "set", "new", "--at-once", "3", code=1).stderr
    assert ask.json("queues", "set", "new", "--at-once", "3", "--create")["max_concurrency"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to change: say what"),
        (("--at-once", "many"), "'many' is neither a number nor `none`"),
        (("--breaker", "5"), "'5' is neither failures and seconds, such as 5:30, nor `none`"),
        (("--at-onec", "1"), "Did you mean '--at-once'"),
    ],
)
def test_a_bad_configuration_is_refused_before_anyone_is_asked(
    arguments: tuple[str, ...], said: str
) -> None:
    result = ran("queues", "set", "emails", *arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert said in result.output


def test_a_breaker_is_set_and_taken_away(ask: Asking) -> None:
    ask.job()

    ask("queues", "set", "emails", "--breaker", "5:0.5")
    assert "breaker      5 failures in a row, 0.5 s; closed" in ask.lines("queues", "get", "emails")
    ask("queues", "set", "emails", "--breaker", "none")

    assert "circuit_breaker" not in ask.json("queues", "get", "emails")


def test_a_queue_is_paused_and_resumed(ask: Asking) -> None:
    ask.job()

    paused = ask.lines("queues", "pause", "emails", "--reason", "mail server\x1b[2J down")
    assert paused == ["emails is paused"]
    assert r"state        paused: mail server\x1b[2J down" in ask.lines("queues", "get", "emails")
    ask.world.clock.advance("5m")
    assert ask.lines("queues", "resume", "emails") == ["emails is open, after 5 min"]
    assert ask.json("queues", "pause", "emails")["paused"] is True
    assert ask.json("queues", "resume", "emails")["paused"] is False


def test_a_purge_counts_and_asks(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        ask.job()
    ask.world.call("POST", "/jobs/claim", {"queue_name": "emails"})

    refused = ask("queues", "purge", "emails", code=2)
    assert refused.stderr == (
        "Error: Delete 2 jobs of emails? Nobody is here to answer: say --yes\n"
    )
    monkeypatch.setattr("spooled_lite.cli.consent.is_anyone_here", lambda: True)
    ask("queues", "purge", "emails", code=1, given="\n")
    assert ask("queues", "purge", "emails", given="y\n").stdout == "2 jobs deleted\n"
    assert ask.json("queues", "purge", "emails", "--yes")["purged_count"] == 0


def test_a_queue_is_deleted_with_its_jobs_where_that_is_said(ask: Asking) -> None:
    ask.job()

    assert "Delete emails with its jobs (1 pending)?" in ask(
        "queues", "delete", "emails", code=2
    ).stderr  # fmt: skip
    assert "delete_jobs=true" in ask("queues", "delete", "emails", "--yes", code=1).stderr
    assert ask.lines("queues", "delete", "emails", "--yes", "--with-jobs") == ["emails is deleted"]
    assert ask.lines("queues", "list") == ["No queues."]


def test_workers_are_listed_with_what_they_hold(ask: Asking) -> None:
    about = {"queue_names": ["emails", "charges"], "hostname": "host-1", "max_concurrency": 4}
    worker = ask.world.call("POST", "/workers/register", about)["id"]

    _, line = ask.lines("workers", "list", "--queue", "emails", "--status", "healthy")

    assert [each.strip() for each in columns(line)] == [
        worker, "healthy", "0/4", "now", "emails, charges", r"host-1"
    ]  # fmt: skip
    assert ask.lines("workers", "list", "--queue", "other") == ["No workers."]
    assert [each["id"] for each in ask.things("workers", "list")] == [worker]
