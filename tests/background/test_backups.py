"""Backups by the server: at its first start, by a cron expression, when asked, and drills."""

import logging
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spooled_lite.background import backups
from spooled_lite.background.deadlines import LoopState
from spooled_lite.backups.manifest import BadManifest
from spooled_lite.backups.shelf import on_shelf
from spooled_lite.config import ConfigError, Settings
from spooled_lite.outbound.stores import Folder, StoreTrouble
from tests.storage.stage import run
from tests.wire.http.served import Served, serving

ADMIN = {"X-Admin-Key": "an admin key of the tests"}
DAY_MS = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "to"
    folder.mkdir()
    return folder


@asynccontextmanager
async def a_server(tmp_path: Path, folder: Path, **settings: Any) -> AsyncIterator[Served]:
    given = Settings(backup_to=str(folder), admin_key=ADMIN["X-Admin-Key"], **settings)
    async with serving(str(tmp_path / "spooled.db"), given) as served:
        yield served


async def seen(served: Served) -> dict[str, Any]:
    answer = await served.bare.get("/api/v1/admin/backups", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def until(served: Served, count: int) -> dict[str, Any]:
    """Wait until there are so many backups."""
    body = await seen(served)
    while len(body["backups"]) < count or body["under_way"]:
        body = await seen(served)
    return body


def test_a_file_without_a_backup_gets_one_at_once_and_the_next_at_its_time(
    tmp_path: Path, folder: Path
) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            body = await until(served, 1)
            assert body["next_at"] == "2027-01-16T03:00:00.000Z"
            assert body["problem"] is None
            assert body["backups"][0]["made_at"] == "2027-01-15T08:00:00.000Z"
            served.clock.set(served.clock.now_ms() + DAY_MS)
            assert len((await until(served, 2))["backups"]) == 2

    run(main())
    assert len(on_shelf(Folder(str(folder))).manifests) == 2


def test_a_backup_that_was_missed_is_made_up_for_and_no_other(tmp_path: Path, folder: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            await until(served, 1)
        async with a_server(tmp_path, folder) as served:
            for _ in range(3):
                assert len((await seen(served))["backups"]) == 1
        async with a_server(tmp_path, folder, backup_cron="30 7 * * *") as served:
            served.clock.set(served.clock.now_ms() + 9 * DAY_MS)
            assert len((await until(served, 2))["backups"]) == 2

    run(main())


def test_a_clock_that_is_set_back_ends_neither_backups_nor_keeps_them_from_being_kept(
    tmp_path: Path, folder: Path
) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder, backup_keep="1d") as served:
            await until(served, 1)
            served.clock.set(served.clock.now_ms() - 30 * DAY_MS)
            body = await until(served, 2)
            assert body["next_at"] == "2026-12-17T03:00:00.000Z"

    run(main())


def test_one_is_made_when_the_administrator_asks(tmp_path: Path, folder: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            await until(served, 1)
            served.clock.set(served.clock.now_ms() + 1000)
            await served.client.post("/api/v1/jobs", json={"queue_name": "q", "payload": {}})
            asked = await served.bare.post("/api/v1/admin/backups", headers=ADMIN)
            again = await served.bare.post("/api/v1/admin/backups", headers=ADMIN)
            assert asked.status_code == 202
            assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
            # The older one of the day need not be kept.
            while [each["made_at"] for each in (await seen(served))["backups"]] != [
                "2027-01-15T08:00:01.000Z"
            ]:
                pass

    run(main())


def test_old_ones_are_deleted_after_each(tmp_path: Path, folder: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder, backup_keep="2d") as served:
            names = set()
            for number in range(1, 4):
                body = await until(served, min(number, 2))
                while body["backups"][0]["name"] in names:
                    body = await seen(served)
                names.add(body["backups"][0]["name"])
                served.clock.set(served.clock.now_ms() + DAY_MS)
            assert len(names) == 3

    run(main())


def test_health_shows_the_newest_one(tmp_path: Path, folder: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            await until(served, 1)
            health = (await served.bare.get("/health")).json()
            assert health["checks"]["backup"] == {
                "at": "2027-01-15T08:00:00.000Z",
                "verified": True,
            }
            server = (await served.bare.get("/api/v1/admin/server", headers=ADMIN)).json()
            assert server["backup"]["to"] == str(folder)
            text = served.services.metrics.text().decode()
            assert "spooled_backup_age_seconds 0.0" in text

    run(main())


def test_a_failure_is_told_and_the_server_goes_on(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            await until(served, 1)
            os.rename(folder, tmp_path / "away")
            served.clock.set(served.clock.now_ms() + DAY_MS)
            health = (await served.bare.get("/health/ready")).json()
            while health["checks"]["backup"]["verified"]:
                await served.client.get("/api/v1/jobs")  # lets others have their turn
                health = (await served.bare.get("/health/ready")).json()
            assert health["status"] == "healthy"
            assert health["checks"]["backup"]["verified"] is False
            answer = await served.bare.get("/api/v1/admin/backups", headers=ADMIN)
            assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
            os.rename(tmp_path / "away", folder)
            served.clock.set(served.clock.now_ms() + 10 * 60_000)
            assert (await until(served, 2))["problem"] is None

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "no backup: " in caplog.text


def test_a_bug_in_a_backup_is_told_and_not_tried_again_at_once(
    tmp_path: Path,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr(backups, "back_up_running", fail)

    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            while (body := await seen(served))["problem"] is None:
                pass
            assert body["problem"] == "ZeroDivisionError: nobody thought of it"
            [state] = [each for each in loops_of(served) if each.name == "make-backups"]
            while state.due_at_ms is None:
                await seen(served)
                [state] = [each for each in loops_of(served) if each.name == "make-backups"]
            assert state.due_at_ms == served.clock.now_ms() + backups.RETRY_MS
            assert state.failures == 0

    with caplog.at_level(logging.ERROR):
        run(main())


def loops_of(served: Served) -> Sequence[LoopState]:
    return served.services.state.loops()


def test_the_same_failure_twice_counts_as_two_tries(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a backup knows from the count alone that a try has ended."""

    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            await until(served, 1)
            monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
            for tries in (2, 3):
                await served.bare.post("/api/v1/admin/backups", headers=ADMIN)
                while (body := await seen(served))["tries"] < tries:
                    pass
                assert "free some room there" in body["problem"]

    run(main())


def test_a_store_that_cannot_be_pruned_has_the_backup_all_the_same(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Folder, name: str) -> None:
        raise StoreTrouble("read-only")

    async def main() -> None:
        async with a_server(tmp_path, folder, backup_keep="1d") as served:
            await until(served, 1)
            monkeypatch.setattr(Folder, "delete", refuse)
            served.clock.set(served.clock.now_ms() + DAY_MS)
            assert (await until(served, 2))["problem"] is None

    run(main())
    assert "old backups cannot be deleted: read-only" in caplog.text


def test_a_backup_that_waits_and_cannot_be_read_is_told_and_tried_in_minutes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0

    def broken(*args: object) -> None:
        nonlocal passes
        passes += 1
        raise BadManifest("spooled-x.json: this is no manifest")

    monkeypatch.setattr(backups, "unsent", lambda spool, file_id: on_shelf(Folder(spool)))
    monkeypatch.setattr(backups, "send_unsent", broken)
    monkeypatch.setattr(backups.Backups, "_is_after", lambda self, waiting: False)

    async def main() -> None:
        async with a_server(tmp_path, folder) as served:
            while (await seen(served))["problem"] is None:
                pass
            assert passes == 1

    run(main())


def test_a_drill_finds_a_backup_that_cannot_be_restored(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_server(
            tmp_path, folder, backup_cron="0 0 1 1 *", backup_drill_cron="0 9 * * *"
        ) as served:
            name = (await until(served, 1))["backups"][0]["name"]
            text = bytearray((folder / name).read_bytes())
            text[len(text) // 2] ^= 1
            spoiled = folder / name
            spoiled.write_bytes(bytes(text))
            served.clock.set(served.clock.now_ms() + 2 * 3_600_000)
            while (problem := (await seen(served))["problem"]) is None:
                pass
            assert name in problem

    with caplog.at_level(logging.ERROR):
        run(main())


def test_a_stop_does_not_wait_for_a_backup(tmp_path: Path, folder: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, folder, backup_mib_per_second=1) as served:
            await until(served, 1)
            for _ in range(16):
                body = {"queue_name": "q", "payload": {"text": os.urandom(500_000).hex()}}
                answer = await served.client.post("/api/v1/jobs", json=body)
                assert answer.status_code == 201
            await served.bare.post("/api/v1/admin/backups", headers=ADMIN)
            while not (under_way := (await seen(served))["under_way"]):
                pass
            assert under_way["stage"] in {"waiting", "copying"}

    run(main())
    assert len(on_shelf(Folder(str(folder))).manifests) == 1
    assert [each for each in os.listdir(folder) if each.endswith((".bad", ".gz"))] == [
        on_shelf(Folder(str(folder))).manifests[0].name
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backup_to": "/nowhere/at/all"}, "backup_to: /nowhere/at/all: the folder does not exist"),
        ({"backup_keep": "7"}, "backup_keep: expected a number of days"),
        ({"backup_cron": "0 99 * * *"}, "backup_cron: "),
        ({"backup_drill_cron": "often"}, "backup_drill_cron: "),
        ({"backup_timezone": "Mars"}, "backup_timezone: Unknown time zone"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    tmp_path: Path, folder: Path, settings: dict[str, str], words: str
) -> None:
    async def main() -> None:
        given = Settings(**{"backup_to": str(folder), **settings})  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=words):
            async with serving(str(tmp_path / "spooled.db"), given):
                pass

    run(main())
    assert not (tmp_path / "spooled.db").exists()


def test_a_server_without_backups_says_how_to_get_them(tmp_path: Path) -> None:
    async def main() -> None:
        settings = Settings(admin_key=ADMIN["X-Admin-Key"])
        async with serving(str(tmp_path / "spooled.db"), settings) as served:
            for method in ("GET", "POST"):
                answer = await served.bare.request(method, "/api/v1/admin/backups", headers=ADMIN)
                assert answer.status_code == 409
                assert "set `backup_to`" in answer.json()["message"]
            assert "backup" not in (await served.bare.get("/health")).json()["checks"]

    run(main())
