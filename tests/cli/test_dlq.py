"""`spooled-lite dlq`: list, errors, retry, purge."""

import pytest

from tests.cli.asking import Asking, Said, answering, columns, ran
from tests.cli.test_jobs import dead


def statuses(ask: Asking) -> list[str]:
    return sorted(job["status"] for job in ask.things("jobs", "list"))


def test_dead_letters_are_listed_with_their_errors(ask: Asking) -> None:
    assert ask.lines("dlq", "list") == ["No dead letters."]
    job_id = dead(ask)
    dead(ask, "charges")

    head, line = ask.lines("dlq", "list", "--queue", "emails")

    assert columns(head)[0] == "ID"
    assert [each.strip() for each in columns(line)] == [
        job_id, "emails", "0/0", "now", r"Mailbox\x1b[31m full"
    ]  # fmt: skip
    [thing] = ask.things("dlq", "list", "--queue", "emails")
    assert thing["payload"] == {}


def test_errors_are_listed_once_and_choose_their_letters(ask: Asking) -> None:
    for _ in range(3):
        dead(ask)
    dead(ask, "charges")
    [error] = ask.things("dlq", "errors")

    lines = ask.lines("dlq", "errors")

    assert [each.strip() for each in columns(lines[1])][:2] == [error["key"], "4"]
    assert "\x1b" not in lines[1]
    chosen = ("--error", error["key"], "--queue", "emails")
    assert len(ask.things("dlq", "list", *chosen)) == 3
    assert "Put back 3 jobs?" in ask("dlq", "retry", *chosen, code=2).stderr
    assert ask.lines("dlq", "retry", *chosen, "--yes") == ["3 jobs put back"]
    assert ask.lines("dlq", "purge", "--error", error["key"], "--yes") == ["1 job deleted"]
    assert statuses(ask) == ["pending"] * 3


def test_dead_letters_are_put_back_by_id_or_of_a_queue_or_all(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.cli.dlq.RETRIED_AT_ONCE", 2)
    for _ in range(5):
        dead(ask)
    [one, *_] = [job["id"] for job in ask.things("dlq", "list")]
    dead(ask, "charges")

    assert ask.lines("dlq", "retry", one) == [f"{one} put back"]
    assert ask("dlq", "retry", "--queue", "emails", code=2).stderr == (
        "Error: Put back 4 dead letters of emails? Nobody is here to answer: say --yes\n"
    )
    assert ask.lines("dlq", "retry", "--queue", "emails", "--yes") == ["4 dead letters put back"]
    assert ask.json("dlq", "retry", "--all", "--yes") == {"retried_count": 1}
    assert ask.lines("dlq", "retry", "--all") == ["0 dead letters put back"]
    assert statuses(ask) == ["pending"] * 6


def test_what_dies_again_is_not_put_back_again() -> None:
    passes = [Said({"retried_count": 2})] * 9
    with answering(Said({"deadletter": 3}), *passes) as (url, asked):
        result = ran("dlq", "retry", "--all", "--yes", "--url", url, "--api-key", "sk_a")

    assert result.stdout == "4 dead letters put back\n"
    assert len(asked) == 3


def test_dead_letters_are_deleted_after_a_count_and_a_question(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.cli.dlq.PURGED_AT_ONCE", 2)
    for _ in range(5):
        dead(ask)
    kept = dead(ask, "charges")

    assert ask.json("dlq", "purge", "--before", "2001-01-01T00:00:00Z", "--yes") == {
        "purged_count": 0
    }
    monkeypatch.setattr("spooled_lite.cli.consent.is_anyone_here", lambda: True)
    asked = ask("dlq", "purge", "--queue", "emails", given="y\n")
    assert "Delete 5 dead letters of emails? [y/N]" in asked.stderr
    assert asked.stdout == "5 dead letters deleted\n"
    assert [job["id"] for job in ask.things("jobs", "list")] == [kept]


@pytest.mark.parametrize(
    "arguments",
    [("retry",), ("retry", "id", "--all"), ("retry", "--queue", "a", "--all"), ("purge",),
     ("purge", "--all", "--before", "7d")],
)  # fmt: skip
def test_it_must_be_said_in_one_way_which_letters_are_meant(arguments: tuple[str, ...]) -> None:
    result = ran("dlq", *arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert "say which:" in result.output
