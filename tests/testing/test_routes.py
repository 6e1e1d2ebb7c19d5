"""The routes of test mode: what they refuse and say, who may call them, and where they are not."""

import asyncio
from typing import Any

import httpx
import pytest

from spooled_lite.app import running
from spooled_lite.clock import wall_ms
from spooled_lite.testing.clock import END_MS, VirtualClock
from spooled_lite.testing.routes import TEST_ROUTES
from spooled_lite.times import parse_ms
from tests.testing.stage import ADMIN_KEY, START_MS, Stage, play, settings_of

DAY = "2030-01-02T00:00:00Z"
NEVER_SENT = ("x-spooled-world", "x-spooled-clock", "x-spooled-fault")
MOVES = ("advance", "next", "idle", "settle", "outage")
WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("advance", {}, 400, "Exactly one of the fields `by` and `to`"),
    ("advance", {"by": "1d", "to": DAY}, 400, "Exactly one of"),
    ("advance", {"by": "soon"}, 400, "must be a duration"),
    ("advance", {"by": -1}, 400, "not negative"),
    ("advance", {"by": "P"}, 400, "must be a duration"),
    ("advance", {"by": "1d1"}, 400, "must be a duration"),
    ("advance", {"by": "9" * 200 + "d"}, 400, "must be a duration"),
    ("advance", {"by": True}, 422, "`by`"),
    ("advance", {"to": "tomorrow"}, 422, "RFC 3339"),
    ("advance", {"by": "11000d"}, 400, "ten years"),
    ("advance", {"by": 2**62}, 400, "ten years"),
    ("advance", {"to": "2029-12-31T23:59:59Z"}, 400, "does not go back"),
    ("advance", {"by": "1d", "worker": "ignore"}, 400, "the nearest is `workers`"),
    ("advance", {"by": "1d", "deliveries": "never"}, 400, "deliveries"),
    ("advance", {"by": "1d", "steps_max": 0}, 400, "steps_max"),
    ("advance", {"by": "1d", "wait_ms": 10**9}, 400, "wait_ms"),
    ("next", {"count": 0}, 400, "count"),
    ("next", {"by": "1d"}, 400, "unknown"),
    ("idle", {"within": "for ever"}, 400, "must be a duration"),
    ("idle", {"within": "11000d"}, 400, "ten years"),
    ("settle", {"to": DAY}, 400, "unknown"),
    ("outage", {}, 422, "`by` is required"),
    ("outage", {"by": "11000d"}, 400, "ten years"),
]
WRONG_CLOCKS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "Exactly one of the fields `mode` and `at`"),
    ({"mode": "frozen", "at": DAY}, 400, "Exactly one of"),
    ({"mode": "fast"}, 400, "mode"),
    ({"mode": "ticking"}, 400, "`rate`"),
    ({"mode": "frozen", "rate": 2}, 400, "`rate`"),
    ({"mode": "ticking", "rate": 0}, 400, "rate"),
    ({"mode": "ticking", "rate": 86_401}, 400, "rate"),
    ({"modes": "frozen"}, 400, "the nearest is `mode`"),
    ({"at": "2020-01-01T00:00:00Z"}, 400, "does not go back"),
]


def test_what_is_wrong_is_named_and_moves_nothing() -> None:
    async def script(stage: Stage) -> list[str]:
        unmet = []
        for act, body, status, said in WRONG:
            answer = await stage.api.post(f"test/clock/{act}", json=body)
            if answer.status_code != status or said not in answer.text:
                unmet.append(f"{act} {body}: {answer.status_code} {answer.text}")
        for body, status, said in WRONG_CLOCKS:
            answer = await stage.api.put("test/clock", json=body)
            if answer.status_code != status or said not in answer.text:
                unmet.append(f"{body}: {answer.status_code} {answer.text}")
        assert stage.now_ms == START_MS
        return unmet

    assert play(script) == []


@pytest.mark.parametrize(
    ("by", "milliseconds"),
    [
        ("7d", 604_800_000), ("36h", 129_600_000), ("90s", 90_000), ("250ms", 250),
        ("1h30m", 5_400_000),
        ("1.5h", 5_400_000), ("2w", 1_209_600_000), ("P1DT2H", 93_600_000), ("PT0.5S", 500),
        ("P1W", 604_800_000), (1_234, 1_234), ("0s", 0), (" 1m ", 60_000),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_many_ways(by: str | int, milliseconds: int) -> None:
    async def script(stage: Stage) -> int:
        await stage.move("advance", by=by)
        return stage.now_ms - START_MS

    assert play(script) == milliseconds


def test_the_clock_is_set_to_a_mode_or_led_to_a_time() -> None:
    async def script(stage: Stage) -> None:
        await stage.job(delay_seconds=3600)
        put = stage.api.put

        shown = (await put("test/clock", json={"at": DAY})).json()
        assert (shown["now"], shown["mode"], shown["rate"]) == (
            "2030-01-02T00:00:00.000Z", "frozen", None,
        )  # fmt: skip
        [job] = await stage.get("jobs")
        assert job["status"] == "pending", "it went there step by step"

        back = {"at": "2030-01-01T00:00:00Z", "back": True}
        assert (await put("test/clock", json=back)).json()["now_ms"] == START_MS

        shown = (await put("test/clock", json={"mode": "ticking", "rate": 60})).json()
        assert (shown["mode"], shown["rate"]) == ("ticking", 60)
        shown = (await put("test/clock", json={"mode": "frozen"})).json()
        assert START_MS <= shown["now_ms"] == stage.now_ms

    play(script)


def test_the_clock_tells_what_is_due_next() -> None:
    async def script(stage: Stage) -> None:
        await stage.job(delay_seconds=3600)
        assert (await stage.get("test/clock"))["due"] == [
            {"at": "2030-01-01T01:00:00.000Z", "kind": "promotion"}
        ]

    play(script)


def test_who_moves_the_clock_has_the_admin_key_or_one_without_a_queue_restriction() -> None:
    async def script(stage: Stage) -> list[int]:
        scoped = await stage.post("api-keys", {"name": "web", "queues": ["emails"]})
        keys: tuple[dict[str, str], ...] = (
            {"Authorization": f"Bearer {scoped['key']}"},
            {"Authorization": "Bearer sk_test_000000000000000000000000"},
            {"Authorization": ""},
            {"X-Admin-Key": ADMIN_KEY, "Authorization": ""},
            {"X-Admin-Key": "another", "Authorization": ""},
            {},
        )
        return [(await stage.api.get("test/clock", headers=each)).status_code for each in keys]

    assert play(script) == [403, 401, 401, 200, 401, 200]


def test_every_answer_says_when_and_in_which_world_it_was_made() -> None:
    async def script(stage: Stage) -> None:
        await stage.move("advance", by="1d")
        for path in ("jobs", "test", "jobs/nothing", "nothing", "http://spooled.test/health"):
            headers = (await stage.api.get(path)).headers
            assert headers["X-Spooled-Clock"] == "2030-01-02T00:00:00.000Z", path
            assert headers["X-Spooled-World"] == "root"
            assert headers["Date"] == "Wed, 02 Jan 2030 00:00:00 GMT"

    play(script)


def test_the_document_describes_these_routes_and_health_says_the_mode() -> None:
    async def script(stage: Stage) -> None:
        paths = (await stage.get("http://spooled.test/openapi.json"))["paths"]
        for method, path, *_ in TEST_ROUTES:
            described = paths[path][method.lower()]
            assert described["summary"] != "Not described yet"
            assert described["tags"] == ["Test mode"]
        assert (await stage.get("http://spooled.test/health"))["mode"] == "test"

    play(script)


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_a_server_for_people_has_none_of_these_routes_and_headers(environment: str) -> None:
    async def main() -> None:
        async with (
            running(settings_of(environment=environment, jwt_secret="s" * 40)) as it,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=it.application),
                base_url="http://spooled.test",
                headers={"Authorization": f"Bearer {it.key}"},
            ) as api,
        ):
            keys: list[dict[str, str]] = [
                {},
                {"X-Admin-Key": ADMIN_KEY, "Authorization": ""},
                {"Authorization": ""},
            ]
            for method, path, *_ in TEST_ROUTES:
                for key in keys:
                    answer = await api.request(method, path, json={"by": "1d"}, headers=key)
                    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), path
            named = {"X-Spooled-World": "another", "X-Spooled-Clock": DAY}
            job = {"queue_name": "emails", "payload": {}}
            asked = [
                ("POST", "/api/v1/jobs", job), ("GET", "/api/v1/jobs", None),
                ("POST", "/api/v1/jobs", {}), ("GET", "/", None), ("GET", "/nothing", None),
                ("GET", "/health", None), ("GET", "/metrics", None),
            ]  # fmt: skip
            before = wall_ms()
            for method, path, body in asked:
                plain = await api.request(method, path, json=body)
                answer = await api.request(method, path, json=body, headers=named)
                assert answer.status_code == plain.status_code, path
                for each in (answer, plain):
                    assert not [name for name in each.headers if name in NEVER_SENT], path
            made = (await api.get("/api/v1/jobs")).json()
            assert len(made) == 2, "whatever world was named"
            assert all(parse_ms(each["created_at"], "at") >= before - 1 for each in made)
            assert "/api/v1/test" not in (await api.get("/openapi.json")).text
            assert "mode" not in (await api.get("/health")).json()

    asyncio.run(main())


def test_at_either_end_of_time_everything_is_served() -> None:
    async def script(stage: Stage) -> None:
        far = {"delay_seconds": 365 * 86_400, "queue_name": "later"}
        await stage.job(**far)
        await stage.job()
        (job,) = await stage.claim()
        failed = {"worker_id": "by hand", "error": "timeout"}
        await stage.post(f"jobs/{job['id']}/fail", failed)
        every = {"name": "every", "cron_expression": "* * * * * *", "queue_name": "later"}
        await stage.post("schedules", {**every, "payload_template": {}})
        await stage.post("workers/register", {"queue_name": "emails", "hostname": "here"})
        asked = (
            "jobs", "schedules", "schedules/upcoming", "dashboard", "dashboard/series",
            "dashboard/errors", "workers", "queues", "acts", "events/log", "test/clock",
        )  # fmt: skip
        for path in asked:
            await stage.get(path)
        refused = {"by": 1 if stage.now_ms else "11000d"}
        assert "1970 to 9899" in str(await stage.post("test/clock/advance", refused, status=400))

    for at_ms in (0, END_MS):
        play(script, clock=VirtualClock(at_ms))
