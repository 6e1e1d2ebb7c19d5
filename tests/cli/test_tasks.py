"""`spooled-lite tasks`."""

import json
from typing import Any

import pytest

from tests.cli.asking import Asking, ran

LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def charge(ask: Asking) -> Asking:
    body = {"queue_name": "payments", "condition": "not input.skip exists"}
    ask.world.call("PUT", "/tasks/charge_card", body)
    return ask


def claimed(asking: Asking) -> dict[str, Any]:
    [job] = asking.world.call("POST", "/jobs/claim", {"queue_name": "payments"})["jobs"]
    return dict(job)


def test_a_task_is_defined_listed_and_shown(ask: Asking) -> None:
    assert ask.lines("tasks", "list") == ["No tasks."]
    definition = json.dumps(
        {
            "queue_name": "payments",
            "condition": "amount gt 0",
            "backoff": {"strategy": "fixed"},
            "retention_seconds": 60,
        }
    )
    told = ask("tasks", "define", "charge_card", definition)
    assert told.stdout == "charge_card is at revision 1\n"
    assert "`condition` looks at `amount`" in told.stderr
    assert ask.lines("tasks", "define", "charge_card", "-", given=definition) == [
        "charge_card is at revision 1, as before"
    ]

    assert "payments" in ask.lines("tasks", "list")[1]
    shown = ask("tasks", "show", "charge_card").stdout
    assert "amount gt 0" in shown
    assert "60 s" in shown
    assert '"strategy": "fixed"' in shown
    assert ask.json("tasks", "show", "charge_card")["queue_name"] == "payments"


def test_a_task_is_run_its_runs_listed_and_cancelled(charge: Asking) -> None:
    [run] = charge.lines("tasks", "run", "charge_card", '{"amount": 1}', "--key", "k")
    again = charge("tasks", "run", "charge_card", "-", "--key", "k", given="2")
    assert (again.stdout.strip(), again.stderr.strip()) == (
        run,
        "A run with this key has not ended yet.",
    )
    charge("tasks", "run", "charge_card", "--delay", LATER, "--expires", LATER, "--priority", 5000)
    skipped = charge("tasks", "run", "charge_card", '{"skip": 1}')
    assert "its input does not meet the condition" in skipped.stderr

    header, *rows = charge.lines("tasks", "runs", "charge_card")
    assert header.split() == ["ID", "STATE", "TRIED", "CREATED", "ENDED", "KEY", "INPUT"]
    assert len(rows) == 3
    [shown] = charge.things("tasks", "runs", "charge_card", "--state", "skipped")
    assert shown["id"] == skipped.stdout.strip()

    assert charge.lines("tasks", "cancel", "charge_card", run, "--reason", "operator") == [
        "1 run cancelled"
    ]
    assert "it had ended" in charge("tasks", "cancel", "charge_card", run, code=1).stderr
    [shown] = charge.things("tasks", "runs", "charge_card", "--state", "canceled")
    assert shown["cancel_reason"] == "operator"


def test_the_output_of_a_run_is_waited_for(charge: Asking) -> None:
    [run] = charge.lines("tasks", "run", "charge_card", "1", "--key", "k")
    waiting = charge("tasks", "run", "charge_card", "--key", "k", "--wait", 1, code=1)
    assert f"run {run} is queued" in waiting.stderr
    job = claimed(charge)
    charge.world.call("POST", f"/jobs/{job['id']}/complete", {"result": {"txn": "t1"}})

    skipped = charge("tasks", "run", "charge_card", '{"skip": 1}', "--wait", 1)
    assert skipped.stdout == "null\n"
    body = {"error": "gateway timeout", "final": True}
    [run] = charge.lines("tasks", "run", "charge_card", "1", "--key", "k")
    charge.world.call("POST", f"/jobs/{claimed(charge)['id']}/fail", body)
    failed: Any = charge.world.call("GET", f"/jobs/{run}")
    assert failed["state"] == "failed"


def test_a_task_that_is_not_there_is_refused_with_the_nearest(charge: Asking) -> None:
    for arguments in (("show",), ("run",), ("runs",)):
        refused = charge("tasks", *arguments, "charge_crad", code=1)
        assert "Did you mean 'charge_card'?" in refused.stderr
    refused = charge("tasks", "cancel", "charge_card", "unknown", code=1)
    assert "Did you mean" not in refused.stderr


def test_hostile_text_does_not_reach_the_terminal(charge: Asking) -> None:
    body = {"input": "\x1b[2J\x07", "concurrency_key": "\x1b]0;t\x07"}
    charge.world.call("POST", "/tasks/charge_card/runs", body)
    charge.world.call("PUT", "/tasks/other", {"description": "a\nb\x1b[2J"})

    for arguments in (("runs", "charge_card"), ("list",), ("show", "other")):
        shown = charge("tasks", *arguments).stdout
        assert "\x1b" not in shown
        assert "\x07" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("tasks", "run", "charge_card", "{"),
        ("tasks", "run", "charge_card", "--wait", "61"),
        ("tasks", "runs", "charge_card", "--state", "done"),
        ("tasks", "cancel", "charge_card"),
        ("tasks", "define", "charge_card", "{"),
    ],
)
def test_a_bad_call_is_refused_before_anyone_is_asked(arguments: tuple[str, ...]) -> None:
    assert ran(*arguments, "--api-key", "sk_a").exit_code == 2
