"""Delayed jobs and dead letters: each runs on one side, once, whatever breaks off in between."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from spooled_lite.cli.answer import Answered
from spooled_lite.cli.client import Client
from spooled_lite.testing.public.faults import FaultError
from tests.cli.moving.stage import Killed, Moment, Stage, dead_letter, killed_at, worked

DELAY: Final = 600  # seconds until the delayed jobs are due
MOMENTS: Final[tuple[Moment, ...]] = ("before", "after")


def delayed(stage: Stage, payload: Any, **fields: Any) -> str:
    body = {"queue_name": "emails", "payload": payload, "delay_seconds": DELAY, **fields}
    return str(stage.here.call("POST", "/jobs", body)["id"])


def dead_there(stage: Stage, queue: str = "charges.dead") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.there.call("GET", f"/jobs?queue_name={queue}")
    return found


def effects_of_all(stage: Stage) -> Counter[Any]:
    """What was done on both sides once every job is due."""
    effects: Counter[Any] = Counter()
    for world in (stage.here, stage.there):
        world.clock.advance("1h")
        worked(world, ["emails"], effects)
    return effects


def test_delayed_jobs_keep_what_they_are(stage: Stage) -> None:
    fields = {"priority": 7, "max_retries": 2, "timeout_seconds": 11, "tags": {"a": "b"}}
    job = delayed(stage, {"n": 1.10, "big": 2**60}, **fields)

    said = stage("move").stdout

    assert "1 delayed jobs · 0 dead letters" in said
    [line] = stage.lines("moved")
    assert line["from"] == job
    there = stage.there.call("GET", f"/jobs/{line['to']}")
    here = stage.here.call("GET", f"/jobs/{job}")
    assert here["status"] == "cancelled"
    assert there["status"] == "scheduled"
    for name in ("payload", "scheduled_at", *fields):
        assert there[name] == here[name]


def test_dead_letters_wait_in_a_paused_queue_of_their_own(stage: Stage) -> None:
    job = dead_letter(stage, "charges", {"card": 1})

    stage("move")

    [found] = dead_there(stage)
    assert stage.there.call("GET", "/queues/charges.dead")["paused"] is True
    assert stage.there.call("GET", f"/jobs/{found['id']}")["payload"] == {"card": 1}
    assert stage.here.call("GET", "/jobs?status=deadletter") == []
    [line] = stage.lines("moved")
    assert (line["from"], line["was"], line["error"]) == (job, "charges", "declined")


def test_jobs_that_know_of_each_other_stay_together(stage: Stage) -> None:
    first, second = delayed(stage, 1), delayed(stage, 2)
    stage.here.call("POST", f"/jobs/{second}/dependencies", {"depends_on": [first]})

    result = stage("move", code=1)

    assert f"job {first} stays until it is done: other jobs wait for it" in result.stderr
    assert stage.lines("moved") == []
    assert stage.here.call("GET", f"/jobs/{first}")["status"] == "scheduled"


def test_steps_of_a_workflow_stay(stage: Stage) -> None:
    step = {"key": "a", "queue_name": "emails", "payload": {}, "delay_seconds": DELAY}
    stage.here.call("POST", "/workflows", {"name": "signup", "jobs": [step]})

    assert "0 delayed jobs" in stage("move").stdout


def test_a_job_keeps_its_idempotency_key_so_its_producer_may_send_it_again(stage: Stage) -> None:
    delayed(stage, {"n": 1}, idempotency_key="order-1")
    stage("move")
    body = {"queue_name": "emails", "payload": {"n": 1}, "idempotency_key": "order-1"}

    again = stage.there.call("POST", "/jobs", body)

    [line] = stage.lines("moved")
    assert again["id"] == line["to"]


def test_what_a_producer_has_sent_there_already_is_not_created_twice(stage: Stage) -> None:
    delayed(stage, {"n": 1}, idempotency_key="order-1")
    body = {"queue_name": "emails", "payload": {"n": 1}, "idempotency_key": "order-1"}
    sent = stage.there.call("POST", "/jobs", body)["id"]

    stage("move")

    assert [line["to"] for line in stage.lines("moved")] == [sent]
    assert effects_of_all(stage) == {'{"n": 1}': 1}


def test_a_key_that_another_job_has_there_keeps_no_job_from_moving(stage: Stage) -> None:
    delayed(stage, {"n": 1}, idempotency_key="order-1")
    body = {"queue_name": "emails", "payload": {"other": 1}, "idempotency_key": "order-1"}
    stage.there.call("POST", "/jobs", body)

    stage("move")

    assert effects_of_all(stage) == {'{"n": 1}': 1, '{"other": 1}': 1}


def test_a_job_that_the_other_server_refuses_is_put_back(stage: Stage) -> None:
    delayed(stage, {"n": 1})
    refusal: FaultError = {"status": 422, "body": {"message": "too large for us", "code": "NO"}}
    stage.there.faults.add(on={"route": "POST /api/v1/jobs"}, do={"error": refusal})

    result = stage("move", code=1)

    assert "too large for us" in result.stderr
    assert effects_of_all(stage) == {'{"n": 1}': 1}
    assert stage.lines("moved") == []


def test_a_busy_server_is_asked_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    delayed(stage, {"n": 1})
    waits: list[float] = []
    monkeypatch.setattr("spooled_lite.cli.moving.side.sleep", waits.append)
    stage.there.faults.add(
        on={"route": "POST /api/v1/jobs"}, do={"error": {"as": "storage_full"}}, times=2
    )

    stage("move")

    assert len(waits) == 2
    assert effects_of_all(stage) == {'{"n": 1}': 1}


@contextmanager
def just_before(
    monkeypatch: pytest.MonkeyPatch, wanted: str, act: Callable[[], None]
) -> Iterator[None]:
    """Something happens just before the mover's first call like this."""
    really = Client.ask
    left = [act]

    def ask(self: Client, method: str, path: str, *rest: Any, **named: Any) -> Answered:
        if left and f"{method} {path}".endswith(wanted):
            left.pop()()
        return really(self, method, path, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "ask", ask)
        yield


def test_a_job_whose_time_comes_just_before_it_would_leave_runs_here(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(stage, {"n": 1})
    effects: Counter[Any] = Counter()

    def its_time_comes() -> None:
        stage.here.clock.advance("1h")
        worked(stage.here, ["emails"], effects)

    with just_before(monkeypatch, "/cancel", its_time_comes):
        said = stage("move").stdout

    assert "1 stay until they are done" in said
    assert effects + effects_of_all(stage) == {'{"n": 1}': 1}


def test_a_dead_letter_that_is_retried_meanwhile_runs_here_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dead_letter(stage, "charges", {"card": 1})

    def somebody_retries() -> None:
        stage.here.call("POST", f"/jobs/{job}/retry", {})

    with just_before(monkeypatch, "/jobs/actions", somebody_retries):
        stage("move")

    assert [each["status"] for each in dead_there(stage)] == ["cancelled"]
    assert stage.here.call("GET", f"/jobs/{job}")["status"] == "pending"


# -- kills ---------------------------------------------------------------------------------------


def set_up(stage: Stage) -> None:
    delayed(stage, {"n": 1})
    delayed(stage, {"n": 2}, idempotency_key="two")
    dead_letter(stage, "charges", {"card": 1})
    for world in (stage.here, stage.there):
        world.baseline()


def calls_of_a_move(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with killed_at(monkeypatch, 10_000, "after") as calls:
        stage("move")
    start_again(stage)
    return calls


def start_again(stage: Stage) -> None:
    for world in (stage.here, stage.there):
        world.reset()
    stage.ledger.unlink()


def killed_and_finished(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int, moment: Moment, pause: str
) -> None:
    """A move is killed at a call and repeated after a while; each job has run once at the end."""
    effects: Counter[Any] = Counter()
    with killed_at(monkeypatch, call, moment), pytest.raises(Killed):
        stage.run("move")
    for world in (stage.here, stage.there):
        world.clock.advance(pause)
        worked(world, ["emails", "charges"], effects)

    stage("move")

    assert effects + effects_of_all(stage) == {'{"n": 1}': 1, '{"n": 2}': 1}, (call, moment)
    [dead] = dead_there(stage)
    assert dead["status"] == "pending"
    assert stage.here.call("GET", "/jobs?status=deadletter") == []
    stage("verify")  # ends with 0


@pytest.mark.slow  # ten moves with their repetitions
def test_a_move_that_is_killed_at_a_call_that_changes_something_loses_and_repeats_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(stage)
    calls = calls_of_a_move(stage, monkeypatch)
    changing = [number for number, call in enumerate(calls, 1) if not call.startswith("GET")]
    assert len(changing) == 7
    # The time of the jobs comes between the kill and the repetition.
    for call, moment in zip(changing[2:], itertools.cycle(MOMENTS), strict=False):
        killed_and_finished(stage, monkeypatch, call, moment, "1h")
        start_again(stage)


@pytest.mark.long
@pytest.mark.parametrize("pause", ["1s", "1h"])
def test_a_move_that_is_killed_at_any_call_loses_and_repeats_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, pause: str
) -> None:
    set_up(stage)
    calls = calls_of_a_move(stage, monkeypatch)
    for call, moment in itertools.product(range(1, len(calls) + 1), MOMENTS):
        killed_and_finished(stage, monkeypatch, call, moment, pause)
        start_again(stage)
