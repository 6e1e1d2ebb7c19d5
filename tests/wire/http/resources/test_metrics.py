"""Metrics for scrapers and for people. Contract: platform, section 14."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import httpx
import pytest

import spooled_lite
from spooled_lite.config import Settings
from spooled_lite.core.overview.depths import SHOWN_MAX
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.readers import Readers
from spooled_lite.storage.transaction import Tx
from spooled_lite.wire.http.resources.metrics_port import MetricsPort
from tests.storage.stage import Gate, lined_up
from tests.test_metrics import CONTRACT, families, values
from tests.wire.conftest import ServedFactory
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.served import Api

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TOKEN = "a-token-for-scrapers"

Make = Callable[..., Api]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    open_ones: list[Api] = []

    def factory(**settings: Any) -> Api:
        api = Api(str(tmp_path / f"{len(open_ones)}.db"), Settings(**settings))
        open_ones.append(api.__enter__())
        return api

    yield factory
    for each in open_ones:
        each.__exit__(None, None, None)


def a_claimed_job(api: Api) -> dict[str, Any]:
    [job] = api.post("jobs/claim", json={"queue_name": "q", "worker_id": "w"}).json()["jobs"]
    found: dict[str, Any] = job
    return found


def scraped(api: Api) -> dict[str, float]:
    return values(api.get("/metrics", key=None).text)


# -- the text -----------------------------------------------------------------------------------


def test_everybody_may_scrape_and_the_client_library_reads_it(api: Api) -> None:
    answer = api.get("/metrics", key="sk_test_nonsense")

    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert set(CONTRACT) <= set(families(answer.text))
    assert "x-ratelimit-limit" not in answer.headers


def test_what_happens_to_jobs_is_counted(api: Api) -> None:
    for priority in (3, 2, 1, 0):
        body: dict[str, Any] = {
            "queue_name": "q",
            "payload": {},
            "priority": priority,
            "max_retries": 0,
        }
        api.post("jobs", json=body)
    api.clock.advance(seconds=2)
    done, dead = a_claimed_job(api), a_claimed_job(api)
    api.clock.advance(seconds=3)
    api.post(f"jobs/{done['id']}/complete", json={"worker_id": "w"})
    failing = {"worker_id": "w", "error": "no luck"}
    api.post(f"jobs/{dead['id']}/fail", json=failing)
    api.post(f"jobs/{dead['id']}/retry")

    found = scraped(api)

    assert found["spooled_jobs_enqueued_total"] == 4
    assert found["spooled_jobs_completed_total"] == 1
    assert found["spooled_jobs_failed_total"] == found["spooled_jobs_deadlettered_total"] == 1
    assert found["spooled_jobs_retried_total"] == 1
    assert found["spooled_jobs_pending"] == 3
    assert found["spooled_jobs_processing"] == 0
    assert found["spooled_job_max_age_seconds"] == 5
    assert found["spooled_job_duration_seconds_sum"] == 3


def test_a_wait_that_is_over_makes_nobody_old(api: Api) -> None:
    assert scraped(api)["spooled_job_max_age_seconds"] == 0


def test_workers_count_while_they_are_heard_of(api: Api) -> None:
    ids = [
        api.post("workers/register", json={"queue_name": "q", "hostname": name}).json()["id"]
        for name in ("a", "b")
    ]
    api.post(f"workers/{ids[1]}/heartbeat", json={"current_jobs": 0, "status": "degraded"})

    assert scraped(api)["spooled_workers_active"] == 2
    assert scraped(api)["spooled_workers_healthy"] == 1
    api.clock.advance(seconds=119)
    api.post(f"workers/{ids[0]}/heartbeat", json={"current_jobs": 0})
    api.clock.advance(seconds=2)
    assert scraped(api)["spooled_workers_active"] == 1


def test_the_time_of_the_writing_thread_is_counted_while_it_works(api: Api) -> None:
    before = scraped(api)["spooled_writer_busy_seconds_total"]
    api.post("jobs", json={"queue_name": "q", "payload": {}})
    api.post("jobs", json={"queue_name": "q", "payload": {}})  # the first one's batch has ended

    assert 0 < before < scraped(api)["spooled_writer_busy_seconds_total"]


def test_requests_are_counted_whatever_their_answer(api: Api) -> None:
    before = scraped(api)["spooled_api_requests_total"]

    api.get("/nothing")
    api.get("jobs", key=None)

    after = scraped(api)
    assert after["spooled_api_requests_total"] == before + 3
    assert after["spooled_api_request_duration_seconds_count"] == before + 3
    assert after["spooled_api_errors_total"] == 0


def test_the_length_of_each_lane_is_seen(served: ServedFactory) -> None:
    def nothing(tx: Tx) -> None:
        pass

    async def main() -> dict[str, float]:
        async with served() as it:
            gate = Gate()
            await gate.hold(it.db)
            waiting = [lined_up(it.db, nothing, (), lane=Lane.SETTLE) for _ in range(3)]
            waiting += [lined_up(it.db, nothing, ()) for _ in range(5)]
            await asyncio.sleep(0)  # handed over
            text = (await it.bare.get("/metrics")).text
            await gate.open()
            await asyncio.gather(*waiting)
            samples = families(text)["spooled_writer_line_length"].samples
            return {sample.labels["lane"]: sample.value for sample in samples}

    lengths = asyncio.run(main())

    assert (lengths["settle"], lengths["claim"]) == (3, 0)
    assert lengths["rest"] >= 5  # the loops of the server stand in it, too


def test_the_state_of_the_storage_is_seen(api: Api) -> None:
    api.post("jobs", json={"queue_name": "q", "payload": {}})

    text = api.get("/metrics", key=None).text

    assert values(text)["spooled_wal_bytes"] > 0
    assert values(text)["spooled_database_connections_active"] >= 2
    assert values(text)["spooled_writer_commit_seconds_count"] >= 1
    assert values(text)["spooled_file_bytes"] > 0
    assert values(text)["spooled_disk_free_bytes"] > 0
    assert values(text)["spooled_disk_reserve_bytes"] == Settings().disk_reserve_bytes


def test_the_room_that_deleted_rows_leave_in_the_file_is_seen(api: Api) -> None:
    def fill(tx: Tx) -> None:
        tx.execute("CREATE TABLE filler (content BLOB)")
        tx.execute("INSERT INTO filler VALUES (zeroblob(100000))")

    def clear(tx: Tx) -> None:
        tx.execute("DELETE FROM filler")

    api.write(fill)
    before = scraped(api)["spooled_file_free_bytes"]

    api.write(clear)

    assert scraped(api)["spooled_file_free_bytes"] - before > 90_000


def test_a_scrape_says_whether_the_server_can_take_work(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scraped(api)["spooled_ready"] == 1

    monkeypatch.setattr(DiskRoom, "is_full", lambda self: True)

    assert scraped(api)["spooled_ready"] == 0


def test_a_file_that_cannot_be_read_leaves_its_figures_unknown(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Readers, "_thread_connection", broken)
    answer = api.get("/metrics", key=None)

    assert answer.status_code == 200
    assert isnan(values(answer.text)["spooled_jobs_pending"])
    assert values(answer.text)["spooled_api_requests_total"] >= 0


def lines_of(text: str) -> int:
    """Without those of loops: one that has passed for the first time adds lines."""
    return sum(not line.startswith("spooled_loop_") for line in text.splitlines())


def test_where_anybody_may_scrape_no_label_comes_from_a_caller(make: Make) -> None:
    api = make(environment="production")
    names = [f"queue-{number}" for number in range(30)]
    before = len(
        re.sub(r"(?m)^spooled_loop_.*\n", "", api.get("/metrics", key=None).text).splitlines()
    )

    for name in names:
        api.post("jobs", json={"queue_name": name, "payload": {"secret": name}})
        api.get(f"/{name}")

    text = api.get("/metrics", key=None).text
    assert lines_of(text) == before
    assert not any(name in text for name in names)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
    ],
)
def test_with_a_token_only_who_shows_it_may_scrape(
    make: Make, header: str | None, status: int
) -> None:
    api = make(metrics_token=TOKEN)
    headers = {} if header is None else {"Authorization": header}

    answer = api.get("/metrics", key=None, headers=headers)

    assert answer.status_code == status
    assert ("spooled_" in answer.text) == (status == 200)
    if status == 401:
        assert answer.json()["code"] == "UNAUTHORIZED"


def test_a_key_of_the_api_is_no_metrics_token(make: Make) -> None:
    api = make(metrics_token=TOKEN)

    assert api.get("/metrics").status_code == 401
    assert api.get("/metrics", key=None, headers={"X-API-Key": TOKEN}).status_code == 401


# -- below /api/v1 --------------------------------------------------------------------------------


def test_a_client_that_decodes_json_only_gets_one_string(api: Api) -> None:
    as_json = api.get("metrics/prometheus", headers={"Accept": "application/json"})
    as_text = api.get("metrics/prometheus", headers={"Accept": "*/*"})

    assert as_json.headers["content-type"] == "application/json"
    assert families(as_json.json()).keys() == families(as_text.text).keys() != set()
    assert as_text.headers["content-type"] == TEXT


def test_a_key_sees_the_figures_of_its_own_organization_only(api: Api) -> None:
    for name in ("q", "q", "other"):
        api.post("jobs", json={"queue_name": name, "payload": {}})
    a_claimed_job(api)
    scoped = api.issue(queues=("other",))

    mine, foreign, seen = (own_figures(api, key) for key in (api.key, api.other_org(), scoped))

    assert (mine["jobs_enqueued_total"], mine["jobs_pending"], mine["jobs_processing"]) == (3, 2, 1)
    assert set(foreign.values()) == {0}
    assert (seen["jobs_enqueued_total"], seen["jobs_pending"]) == (1, 1)
    assert "api_requests_total" not in mine


def own_figures(api: Api, key: str) -> dict[str, float]:
    answer = api.get("metrics/prometheus", key=key, headers={"Accept": "*/*"})
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    pairs = [line.split(" ") for line in lines]
    return {name.removeprefix("spooled_"): float(value) for name, value in pairs}


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [
        (TOKEN, {"Authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, {"X-Admin-Key": ADMIN_KEY}, 200),
        (None, {"X-Admin-Key": ADMIN_KEY}, 200),
        (TOKEN, {"Authorization": "Bearer wrong"}, 401),
        (TOKEN, {}, 401),
        (None, {"X-Admin-Key": "wrong"}, 401),
    ],
)
def test_the_whole_server_is_for_the_metrics_token_and_the_admin_key(
    make: Make, token: str | None, shown: dict[str, str], status: int
) -> None:
    api = make(metrics_token=token, admin_key=ADMIN_KEY)

    answer = api.get("metrics/prometheus", key=None, headers={"Accept": "*/*", **shown})

    assert answer.status_code == status
    assert all(name in answer.text for name in CONTRACT) == (status == 200)


def test_with_a_metrics_token_a_key_of_the_api_sees_nothing(make: Make) -> None:
    api = make(metrics_token=TOKEN)

    answer = api.get("metrics/prometheus")

    assert answer.status_code == 401
    assert "spooled_" not in answer.text


@pytest.mark.parametrize("path", ["/metrics", "metrics/prometheus"])
def test_who_guesses_at_the_metrics_token_is_refused_for_a_minute(make: Make, path: str) -> None:
    api = make(metrics_token=TOKEN)
    wrong, right = {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(60):
        assert api.get(path, key=None, headers=wrong).status_code == 401

    for headers in (wrong, right):
        assert api.get(path, key=None, headers=headers).status_code == 429
    api.clock.advance(seconds=60)
    assert api.get(path, key=None, headers=right).status_code == 200


@pytest.mark.parametrize("path", ["metrics", "metrics/prometheus"])
def test_below_the_api_a_key_is_needed(api: Api, path: str) -> None:
    assert api.get(path, key=None).status_code == 401


def test_totals_are_those_of_the_organization(api: Api) -> None:
    for name in ("q", "q", "other"):
        api.post("jobs", json={"queue_name": name, "payload": {}})
    api.clock.advance(seconds=2)
    job = a_claimed_job(api)
    api.clock.advance(seconds=4)
    api.post(f"jobs/{job['id']}/complete", json={"worker_id": "w"})
    api.post("queues/other/pause")
    api.post("workers/register", json={"queue_name": "q", "hostname": "a"})
    api.clock.advance(seconds=90)

    mine = api.get("metrics").json()
    foreign = api.get("metrics", key=api.other_org()).json()

    assert mine["jobs"] == {
        "total_created": 3, "total_completed": 1, "total_failed": 0,
        "avg_wait_time_ms": 2_000, "avg_processing_ms": 4_000,
    }  # fmt: skip
    assert mine["workers"] == {"total_registered": 1, "total_active": 1, "total_idle": 1}
    assert mine["queues"] == {
        "total_queues": 2, "total_paused": 1, "total_pending": 2, "total_processing": 0,
    }  # fmt: skip
    assert mine["system"]["uptime_seconds"] == 96
    assert mine["system"].keys() == {
        "uptime_seconds", "requests_per_sec", "error_rate", "avg_latency_ms",
    }  # fmt: skip
    assert isinstance(mine["system"]["avg_latency_ms"], int)
    assert foreign["jobs"]["total_created"] == foreign["queues"]["total_queues"] == 0


def test_a_key_with_a_scope_sees_only_what_is_in_it(api: Api) -> None:
    for name in ("q", "q", "other"):
        api.post("jobs", json={"queue_name": name, "payload": {}})
        api.post("workers/register", json={"queue_name": name, "hostname": "a"})

    found = api.get("metrics", key=api.issue(queues=("other",))).json()

    assert found["jobs"]["total_created"] == found["queues"]["total_pending"] == 1
    assert found["queues"]["total_queues"] == found["workers"]["total_registered"] == 1


# -- the port of its own ------------------------------------------------------------------------


def on_port(api: Api, *requests: tuple[str, str], **headers: str) -> list[httpx.Response]:
    """Answers of one and the same metrics port."""

    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=MetricsPort(lambda: api.served.services))
        async with httpx.AsyncClient(transport=transport, base_url="http://m.test") as client:
            return [await client.request(*each, headers=headers) for each in requests]

    return api._runner.run(main())


def test_the_port_answers_in_plain_text(api: Api) -> None:
    metrics, health, ready = on_port(
        api, ("GET", "/metrics"), ("GET", "/health"), ("GET", "/ready")
    )

    assert set(CONTRACT) <= set(families(metrics.text))
    assert metrics.headers["content-type"] == TEXT
    assert (health.status_code, health.text) == (200, "OK")
    assert (ready.status_code, ready.text) == (200, "READY")
    assert ready.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_port_is_not_ready_when_the_server_is_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiskRoom, "is_full", lambda self: True)

    ready, health = on_port(api, ("GET", "/ready"), ("GET", "/health"))

    assert (ready.status_code, ready.text) == (503, "NOT READY: storage_full\n")
    assert health.status_code == 200


def test_the_port_serves_nothing_else(api: Api) -> None:
    answers = on_port(
        api, ("GET", "/"), ("GET", "/api/v1/jobs"), ("POST", "/metrics"), ("HEAD", "/health")
    )

    assert [answer.status_code for answer in answers] == [404, 404, 405, 200]
    assert answers[3].text == ""


def test_the_port_wants_the_token_too(make: Make) -> None:
    api = make(metrics_token=TOKEN)

    [without] = on_port(api, ("GET", "/metrics"))
    [with_it] = on_port(api, ("GET", "/metrics"), Authorization=f"Bearer {TOKEN}")

    assert (without.status_code, with_it.status_code) == (401, 200)


def test_the_port_is_scraped_sixty_times_a_minute(api: Api) -> None:
    answers = on_port(api, *[("GET", "/metrics")] * 61, ("GET", "/health"))

    assert [answer.status_code for answer in answers] == [200] * 60 + [429, 200]
    assert answers[60].headers["retry-after"] == "60"


# -- single queues --------------------------------------------------------------------------------


def of_queue(api: Api, metric: str, **labels: str) -> float | None:
    found = families(api.get("/metrics", key=None).text)[metric].samples
    values = [each.value for each in found if labels.items() <= each.labels.items()]
    return values[0] if values else None


def test_each_queue_says_what_waits_in_it_and_for_how_long(api: Api) -> None:
    for number in range(3):
        api.post("jobs", json={"queue_name": "mails", "payload": number})
    api.post("jobs", json={"queue_name": "mails", "payload": 0, "delay_seconds": 60})
    api.clock.advance(seconds=7)

    assert of_queue(api, "spooled_queue_jobs", queue="mails", status="pending") == 3
    assert of_queue(api, "spooled_queue_jobs", queue="mails", status="scheduled") == 1
    assert of_queue(api, "spooled_queue_jobs", queue="mails", status="deadletter") == 0
    assert of_queue(api, "spooled_queue_oldest_pending_seconds", queue="mails") == 7
    assert scraped(api)["spooled_jobs_scheduled"] == 1


def test_only_the_fullest_queues_are_shown(api: Api) -> None:
    jobs = [{"queue_name": f"q{number}", "payload": {}} for number in range(SHOWN_MAX + 1)]
    for at in range(0, len(jobs), 50):
        api.post("jobs/bulk", json={"queue_name": "ignored", "jobs": jobs[at : at + 50]})
    for _ in range(2):
        api.post("jobs", json={"queue_name": "fuller", "payload": {}})

    shown = {
        each.labels["queue"]
        for each in families(api.get("/metrics", key=None).text)["spooled_queue_jobs"].samples
    }

    assert len(shown) <= SHOWN_MAX
    assert "fuller" in shown


def test_in_production_names_of_queues_are_shown_to_the_token_only(make: Make) -> None:
    open_to_all = make(environment="production")
    guarded = make(environment="production", metrics_token=TOKEN)
    for api in (open_to_all, guarded):
        api.post("jobs", json={"queue_name": "secret-plans", "payload": {}})

    shown = guarded.get("/metrics", key=None, headers={"Authorization": f"Bearer {TOKEN}"})

    assert "secret-plans" not in open_to_all.get("/metrics", key=None).text
    assert "secret-plans" in shown.text


def test_the_build_and_the_process_are_described(api: Api) -> None:
    found = families(api.get("/metrics", key=None).text)

    assert found["spooled_build_info"].samples[0].labels["version"] == spooled_lite.__version__
    assert found["process_resident_memory_bytes"].samples[0].value > 1_000_000


def test_what_the_loops_do_is_counted(served: ServedFactory) -> None:
    async def main() -> None:
        async with served() as it:
            it.services.metrics.passed("promote-due", 3)
            it.services.metrics.passed("promote-due", 0)
            found = families((await it.bare.get("/metrics")).text)

        [passes] = [
            each
            for each in found["spooled_loop_rows_total"].samples
            if each.labels == {"loop": "promote-due"}
        ]
        assert passes.value >= 3

    asyncio.run(main())
