"""However time is cut into moves, the rows in the end are the same; and so are two runs."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from spooled_lite.events import Event
from spooled_lite.outbound.http_client import ReceiverAnswer
from spooled_lite.testing.deliveries import DeliveryCall
from spooled_lite.testing.move import How
from tests.testing.acts import ACTS, ONE_OF_EACH, Act, act
from tests.testing.stage import DAY_MS, START_MS, Failing, Stage, play

# What tells how often somebody looked, and where the file is.
NOT_COMPARED: Final = frozenset({"server_state", "sqlite_sequence"})
HISTORY: Final = (
    "SELECT org, job, event_type, worker_id, details, created_at_ms FROM job_history ORDER BY seq"
)
DAYS: Final = 21  # of each half; retention is 30

Tables = dict[str, list[tuple[Any, ...]]]


def rows_of(stage: Stage) -> Tables:
    """Every row of every table. Of the lines of the history only the order: a number comes back
    when the newest line is deleted, and moves in pieces delete earlier."""
    connection = sqlite3.connect(stage.world.app.services.db.path)
    try:
        names = [
            name for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            ) if name not in NOT_COMPARED
        ]  # fmt: skip
        found = {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for name in names
        }
        history = connection.execute(HISTORY).fetchall()
        return {**found, "job_history": history}
    finally:
        connection.close()


def after(acts: list[Act], cuts: int) -> tuple[Tables, list[str]]:
    """The rows in the end, and all that happened, in two rounds of acts and time; the time of each
    is cut into so many moves."""

    async def script(stage: Stage) -> tuple[Tables, list[str]]:
        stepper, how = stage.world.stepper, How(workers="ignore")  # no call, which uses the key
        happened = heard_by(stage)
        middle = (len(acts) + 1) // 2
        for days, part in enumerate((acts[:middle], acts[middle:])):
            for word, number in part:
                await act(stage, word, number)
            from_ms = START_MS + days * DAYS * DAY_MS
            for number in range(1, cuts + 1):
                await stepper.advance(from_ms + DAYS * DAY_MS * number // cuts, how)
        return rows_of(stage), sorted(happened)

    return play(script, outgoing=Failing())


def heard_by(stage: Stage) -> list[str]:
    """A list that grows by each event and each call of a receiver."""
    happened: list[str] = []

    def hear(events: Sequence[Event]) -> None:
        for each in events:
            if each.type != "job.deleted":  # by retention: at the end of each move
                happened.append(f"{each.at_ms} {each.type} {dict(each.row)} {each.was}")

    def delivered(call: DeliveryCall, answer: ReceiverAnswer) -> None:
        at_ms = stage.now_ms
        happened.append(f"{at_ms} delivery {call} {answer.status_code} {answer.error}")

    stage.world.app.services.bus.listen(hear)
    poster = stage.world.stepper._poster
    poster.listen(delivered)
    return happened


def check_cuts(acts: list[Act], *all_cuts: int) -> None:
    rows, happened = after(acts, 1)
    for cuts in all_cuts:
        assert after(acts, cuts) == (rows, happened), cuts


@pytest.mark.slow
def test_time_cut_into_1_7_or_400_moves_ends_in_the_same_rows_and_events() -> None:
    check_cuts(ONE_OF_EACH, 7, 200)


@pytest.mark.slow
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(ACTS)
def test_so_do_scripts_at_random(acts: list[Act]) -> None:
    check_cuts(acts, 7)


@pytest.mark.long
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTS)
def test_so_do_many_scripts_at_random(acts: list[Act]) -> None:
    check_cuts(acts, 7, 200)


GOLDEN: Final[list[tuple[str, str, Any]]] = [
    ("PUT", "queues/emails/config", {"backoff_base_seconds": 60}),
    ("POST", "jobs", {"queue_name": "emails", "payload": {"n": 1}, "max_retries": 2}),
    ("POST", "jobs", {"queue_name": "emails", "payload": {"n": 2}, "delay_seconds": 90}),
    ("POST", "jobs/claim", {"queue_name": "emails", "worker_id": "w", "limit": 2}),
    ("POST", "jobs/claim", {"queue_name": "emails", "worker_id": "w"}),
    ("POST", "test/clock/advance", {"by": "1d", "report": 0}),
    ("POST", "jobs/claim", {"queue_name": "emails", "worker_id": "w", "limit": 5}),
    ("POST", "auth/login", {"api_key": "KEY"}),
    ("POST", "api-keys", {"name": "web"}),
    ("POST", "schedules", {
        "name": "s", "cron_expression": "30 2 * * *", "timezone": "America/New_York",
        "queue_name": "reports", "payload_template": {}}),
    ("POST", "workflows", {"name": "w", "jobs": [
        {"key": "a", "queue_name": "steps", "payload": {}},
        {"key": "b", "queue_name": "steps", "payload": {}, "depends_on": ["a"]}]}),
    ("POST", "test/clock/outage", {"by": "3d", "report": 0}),
    ("GET", "jobs?limit=100", None),
    ("GET", "workflows", None),
    ("GET", "events/log", None),
]  # fmt: skip


def test_two_runs_with_one_seed_give_equal_answers() -> None:
    async def script(stage: Stage) -> list[Any]:
        said: list[tuple[Any, ...]] = []
        for method, path, body in GOLDEN:
            filled = {**body, "api_key": stage.world.app.key} if path == "auth/login" else body
            answer = await stage.api.request(method, path, json=filled)
            assert answer.is_success, (path, answer.text)
            shown = answer.json()
            if path.startswith("test/"):
                del shown["real_ms"]
                said.append((path, shown))
            else:
                said.append((path, answer.content, answer.headers.raw))
        return said

    first, second = play(script, seed=7), play(script, seed=7)
    for one, two in zip(first, second, strict=True):
        assert one == two
    assert first != play(script, seed=8)
