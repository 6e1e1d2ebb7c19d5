"""However time is cut into moves, the rows in the end are the same; and so are two runs."""

import sqlite3
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooled_lite.testing.move import How
from tests.testing.stage import DAY_MS, START_MS, Failing, Stage, play

# What tells how often somebody looked, and where the file is.
NOT_COMPARED: Final = frozenset({"server_state", "sqlite_sequence"})
DAYS: Final = 42

Act = tuple[str, int]


def rows_of(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    connection = sqlite3.connect(stage.world.app.services.db.path)
    try:
        names = [
            name for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            ) if name not in NOT_COMPARED
        ]  # fmt: skip
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for name in names
        }
    finally:
        connection.close()


async def act(stage: Stage, kind: str, number: int) -> None:
    match kind:
        case "job":
            await stage.job(max_retries=number % 3, delay_seconds=number * 1_000 % 900_000)
        case "expiring":
            await stage.api.post(
                "jobs",
                json={
                    "queue_name": "emails", "payload": {},
                    "expires_at": f"2030-01-{1 + number % 28:02d}T12:00:00Z",
                },
            )  # fmt: skip
        case "claim":
            await stage.claim(limit=1 + number % 3, lease_duration_secs=5 + number % 3000)
        case "fail":
            for job in await stage.claim():
                body = {"worker_id": "by hand", "lease_id": job["lease_id"], "error": "declined"}
                await stage.post(f"jobs/{job['id']}/fail", body)
        case "renew":
            for job in await stage.claim():
                body = {"worker_id": "by hand", "lease_id": job["lease_id"]}
                await stage.post(f"jobs/{job['id']}/heartbeat", body)
        case "schedule":
            minute = number % 60
            await stage.post(
                "schedules",
                {
                    "name": f"s{number}", "cron_expression": f"{minute} {number % 24} * * *",
                    "timezone": "America/New_York", "queue_name": "reports",
                    "payload_template": {},
                },
            )  # fmt: skip
        case "workflow":
            jobs = [
                {"key": "a", "queue_name": "emails", "payload": {}},
                {"key": "b", "queue_name": "emails", "payload": {}, "depends_on": ["a"]},
            ]
            await stage.post("workflows", {"name": "w", "jobs": jobs})
        case "queue":
            body = {"backoff_base_seconds": 600 + number % 9_000, "backoff_max_seconds": 90_000}
            await stage.api.put("queues/emails/config", json=body)
        case "hook":
            url = f"https://hooks.example.com/{number}/{number % 7}"
            events = ["job.created", "job.failed", "job.deadlettered", "schedule.triggered"]
            body = {"name": f"h{number}", "url": url, "events": events[: 1 + number % 4]}
            await stage.api.post("outgoing-webhooks", json=body)
        case "worker":
            await stage.post(
                "workers/register",
                {"queue_name": "emails", "worker_id": f"w{number}", "hostname": "h"},
            )


ACTS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            ["job", "job", "expiring", "claim", "fail", "renew", "schedule", "workflow", "queue",
             "worker", "hook", "hook"]
        ),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


def rows_after(acts: list[Act], cuts: int) -> dict[str, list[tuple[Any, ...]]]:
    async def script(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
        for kind, number in acts:
            await act(stage, kind, number)
        stepper, how = stage.world.stepper, How(workers="ignore")  # no call, which uses the key
        for number in range(1, cuts + 1):
            await stepper.advance(START_MS + DAYS * DAY_MS * number // cuts, how)
        return rows_of(stage)

    return play(script, outgoing=Failing())


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTS)
def test_time_cut_into_1_7_or_400_moves_ends_in_the_same_rows(acts: list[Act]) -> None:
    whole = rows_after(acts, 1)

    for cuts in (7, 400):
        assert rows_after(acts, cuts) == whole


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


def test_slots_over_a_clock_change_fire_as_the_zone_has_them() -> None:
    """In New York there was no 02:30 on 10 March 2030, and 01:30 came twice on 3 November."""

    async def script(stage: Stage, day: str, cron: str) -> list[str]:
        await stage.post(
            "schedules",
            {
                "name": "s", "cron_expression": cron, "timezone": "America/New_York",
                "queue_name": "reports", "payload_template": {},
            },
        )  # fmt: skip
        await stage.move("advance", to=f"2030-{day}T00:00:00-05:00", report=0)
        moved = await stage.move("advance", by="3d")
        return [each["at"] for each in moved["happened"] if each["what"] == "schedule.triggered"]

    march = play(lambda stage: script(stage, "03-09", "30 2 * * *"))
    november = play(lambda stage: script(stage, "11-02", "30 1 * * *"))

    assert march == [
        "2030-03-09T07:30:00.000Z", "2030-03-10T07:00:00.000Z", "2030-03-11T06:30:00.000Z",
    ]  # fmt: skip
    assert november == [
        "2030-11-02T05:30:00.000Z", "2030-11-03T05:30:00.000Z", "2030-11-04T06:30:00.000Z",
    ]  # fmt: skip
