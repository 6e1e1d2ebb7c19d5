"""`/health`, `/health/live`, `/health/ready`. Contract: platform, section 13."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.writer import Writer
from spooled_lite.wire.shapes.health import NO_BACKUPS
from tests.wire.http.served import Api


def test_a_healthy_server_says_so(api: Api) -> None:
    api.clock.advance(seconds=90)

    overview = api.get("/health", key=None).json()
    ready = api.get("/health/ready", key=None)
    live = api.get("/health/live", key=None)

    assert overview["status"] == "healthy"
    assert (overview["database"], overview["cache"], overview["durability"]) == (True, True, "full")
    assert overview["checks"]["writer"] == overview["checks"]["disk"] == "ok"
    assert isinstance(overview["checks"]["wal_bytes"], int)
    assert overview["uptime_seconds"] == overview["uptime"] == 90
    assert (live.status_code, live.json()) == (200, {"status": "healthy"})
    assert ready.status_code == 200
    assert ready.json().keys() == {"status", "database", "cache", "checks", "durability"}


def assert_not_ready(api: Api, reason: str) -> dict[str, Any]:
    ready, overview = api.get("/health/ready", key=None), api.get("/health", key=None)
    body: dict[str, Any] = ready.json()
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert (body["code"], body["details"]) == ("SERVICE_UNAVAILABLE", {"reason": reason})
    assert isinstance(body["message"], str)
    assert (overview.status_code, overview.json()["status"]) == (200, "degraded")
    assert overview.json()["database"] == body["database"]
    assert api.get("/health/live", key=None).status_code == 200
    return body


@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_server_in_production_without_backups_says_so_and_is_ready(
    tmp_path: Path, environment: Any
) -> None:
    settings = Settings(environment=environment, json_logs=True)
    with Api(str(tmp_path / "spooled.db"), settings) as api:
        ready = api.get("/health/ready", key=None)

    assert ready.status_code == 200
    warnings = ready.json()["checks"].get("warnings")
    assert warnings == ([NO_BACKUPS] if environment == "production" else None)


def test_a_stopping_server_is_not_ready(api: Api) -> None:
    api.served.services.state.is_stopping = True

    assert_not_ready(api, "shutting_down")


@pytest.mark.parametrize(
    ("state", "reason"), [("failed", "storage_error"), ("stalled", "overloaded")]
)
def test_a_writer_in_trouble_is_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch, state: str, reason: str
) -> None:
    monkeypatch.setattr(Writer, "state", property(lambda writer: state))

    body = assert_not_ready(api, reason)

    assert (body["checks"]["writer"], body["database"]) == (state, True)


def test_reads_that_fail_are_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object) -> None:
        raise sqlite3.DatabaseError("file is not a database")

    monkeypatch.setattr(api.served.db.readers, "point", fail)

    assert assert_not_ready(api, "storage_error")["database"] is False


def test_a_full_disk_is_not_ready_and_a_low_one_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiskRoom, "is_low", lambda watch: True)
    monkeypatch.setattr(DiskRoom, "is_full", lambda watch: False)
    low = api.get("/health/ready", key=None)

    monkeypatch.setattr(DiskRoom, "is_full", lambda watch: True)

    assert (low.status_code, low.json()["checks"]["disk"]) == (200, "low")
    assert assert_not_ready(api, "storage_full")["checks"]["disk"] == "full"
