"""`spooled-lite schedules`."""

import re

import pytest

from tests.cli.asking import Asking, Said, answering, columns, ran

NIGHTLY = ("schedules", "create", "nightly", "0 3 * * *", "reports")


def test_a_schedule_is_created_listed_and_shown(ask: Asking) -> None:
    assert ask.lines("schedules", "list") == ["No schedules."]

    made = ask(
        *NIGHTLY, '{"n": 1.50}', "--zone", "Europe/Berlin", "--catch-up", "skip", "--priority", "3",
        "--max-retries", "5", "--timeout", "60", "--description", "Day\x1b",
    )  # fmt: skip
    ask("schedules", "create", "off", "0 * * * *", "other", "--paused")

    assert made.stderr.startswith("First at 2030-01-01 02:00:00 UTC (in ")
    head, off, nightly = ask.lines("schedules", "list")
    assert [each.strip() for each in columns(head)] == [
        "ID", "NAME", "CRON", "ZONE", "QUEUE", "STATE", "NEXT", "LAST", "RUNS"
    ]  # fmt: skip
    assert [each.strip() for each in columns(nightly)][:6] == [
        made.stdout.strip(), "nightly", "0 3 * * *", "Europe/Berlin", "reports", "active"
    ]  # fmt: skip
    assert [each.strip() for each in columns(off)][5:7] == ["paused", "-"]
    shown = ask.lines("schedules", "get", "nightly")
    for line in (
        'payload          {"n": 1.50}',
        "catch up         skip",
        r"description      Day\x1b",
    ):
        assert line in shown
    assert [each["name"] for each in ask.things("schedules", "list", "--paused")] == ["off"]
    assert [each["name"] for each in ask.things("schedules", "list", "--queue", "reports")] == [
        "nightly"
    ]


def test_a_schedule_of_a_task_is_created_listed_and_shown(ask: Asking) -> None:
    ask("tasks", "define", "charge", '{"queue_name": "payments"}')
    ask(*NIGHTLY)

    ask("schedules", "create", "hourly", "@hourly", "--task", "charge", "--input", '{"n": 1.50}',
        "--catch-up", "all")  # fmt: skip
    ask("schedules", "create", "plain", "@daily", "--task", "charge")

    head, _, hourly, nightly = (columns(line) for line in ask.lines("schedules", "list"))
    assert [each.strip() for each in head][3:6] == ["ZONE", "TASK", "QUEUE"]
    assert [each.strip() for each in hourly][3:6] == ["UTC", "charge", "payments"]
    assert [each.strip() for each in nightly][3:6] == ["UTC", "-", "reports"]
    shown = ask.lines("schedules", "get", "hourly")
    for line in ("task name", "queue name", "catch up"):
        assert any(each.startswith(line) for each in shown)
    assert any(re.fullmatch(r'input +\{"n": 1.50\}', each) for each in shown)
    assert ask.json("schedules", "get", "plain")["input"] == {}
    [run] = ask.lines("schedules", "trigger", "hourly")
    assert [each["id"] for each in ask.things("tasks", "runs", "charge")] == [run]


def test_a_schedule_of_a_flow_is_created_listed_and_shown(ask: Asking) -> None:
    ask("flows", "define", "orders", '{"steps": [{"key": "pick"}]}')

    ask("schedules", "create", "nightly", "@daily", "--flow", "orders", "--input", '{"n": 1}')
    refused = ask("schedules", "create", "other", "@daily", "--flow", "ordres", code=1)

    assert refused.stderr.endswith("Did you mean 'orders'?\n")
    head, line = (columns(each) for each in ask.lines("schedules", "list"))
    assert ("FLOW", "orders") in {(a.strip(), b.strip()) for a, b in zip(head, line, strict=True)}
    shown = ask.lines("schedules", "get", "nightly")
    assert any(re.fullmatch(r"flow name +orders", each) for each in shown)
    assert any(re.fullmatch(r'input +\{"n": 1\}', each) for each in shown)
    [run] = ask.lines("schedules", "trigger", "nightly")
    assert [each["id"] for each in ask.things("flows", "runs", "orders")] == [run]


def test_a_schedule_of_a_misspelled_task_is_told_the_nearest_one(ask: Asking) -> None:
    ask("tasks", "define", "charge")

    refused = ask("schedules", "create", "hourly", "@hourly", "--task", "chrage", code=1)

    assert refused.stderr.endswith("Did you mean 'charge'?\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name the queue of its jobs, or what it runs instead, with --task or --flow"),
        (("reports", "--task", "charge"), "with --task leave QUEUE out"),
        (("reports", "--flow", "orders"), "with --flow leave QUEUE out"),
        (("--task", "a", "--flow", "b"), "--task and --flow cannot be given together"),
        (("reports", "--input", "{}"), "--input is for --task and --flow"),
        (("--task", "charge", "--input", "{"), "the input is no JSON"),
    ],
)
def test_a_schedule_says_what_it_creates(arguments: tuple[str, ...], said: str) -> None:
    result = ran("schedules", "create", "nightly", "@daily", *arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert said in result.output


def test_a_schedule_is_triggered_paused_resumed_and_deleted_by_name_or_id(ask: Asking) -> None:
    [schedule] = ask.lines(*NIGHTLY)

    assert ask.lines("schedules", "history", "nightly") == ["It has done nothing yet."]
    [job] = ask.lines("schedules", "trigger", "nightly")
    assert ask.json("jobs", "get", job)["queue_name"] == "reports"
    assert job in ask.lines("schedules", "history", schedule)[1]
    assert ask.lines("schedules", "pause", "nightly") == ["nightly is paused"]
    assert ask.json("schedules", "get", schedule)["is_active"] is False
    assert ask.lines("schedules", "resume", "nightly")[0].startswith(
        "nightly is active, next at 20"
    )
    refused = ask("schedules", "delete", "nightly", code=2).stderr
    assert "Delete nightly and its history? Nobody is here" in refused
    assert ask.lines("schedules", "delete", "nightly", "--yes") == ["nightly is deleted"]
    assert ask.lines("schedules", "list") == ["No schedules."]


def test_a_misspelled_schedule_is_told_the_nearest_one(ask: Asking) -> None:
    ask(*NIGHTLY)

    for act in ("get", "trigger", "pause", "resume", "history", "delete"):
        assert ask("schedules", act, "nigthly", code=1).stderr == (
            "Error: Schedule not found (NOT_FOUND)\nDid you mean 'nightly'?\n"
        )
    assert ask("schedules", "get", "xyz", code=1).stderr == (
        "Error: Schedule not found (NOT_FOUND)\n"
    )


def test_two_schedules_of_one_name_go_by_id() -> None:
    same = [{"id": "a\x1b", "name": "n"}, {"id": "b", "name": "n"}]
    with answering(Said({"message": "No"}, 404), Said(same)) as (url, _):
        result = ran("schedules", "get", "n", "--url", url, "--api-key", "sk_a")

    assert result.exit_code == 1
    assert result.stderr == "Error: 2 have the name n: a\\x1b, b\n"


def test_the_times_of_an_expression_are_shown(ask: Asking) -> None:
    preview = ("schedules", "preview", "0 9 * * MON", "--zone", "Asia/Tokyo", "--count", "2")

    lines = ask.lines(*preview)

    assert lines[1].startswith("2030-01-07 09:00:00 +09:00  2030-01-07 00:00:00 UTC (in ")
    assert len(lines) == 3
    assert len(ask.json(*preview)["slots"]) == 2
    assert "cron expression" in ask("schedules", "preview", "often", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("{",), "the payload is no JSON"), (("{}", "--catch-up", "some"), "'one'")],
)
def test_a_bad_schedule_is_refused_before_anyone_is_asked(
    arguments: tuple[str, ...], said: str
) -> None:
    result = ran(*NIGHTLY, *arguments, "--api-key", "sk_a")

    assert result.exit_code == 2
    assert said in result.output
