"""`spooled-lite backup`, `backups` and `restore`, beside a running server and without one."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spooled_lite.backups import copies
from spooled_lite.cli.check import problems_of
from spooled_lite.cli.main import main
from spooled_lite.clock import SystemClock
from spooled_lite.config import Settings
from spooled_lite.core.maintenance.restored import EVENTS_SKIPPED
from tests.wire.http.served import NOW_MS, Served, serving


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "to"
    folder.mkdir()
    return folder


async def create(served: Served, queue: str = "emails") -> str:
    answer = await served.client.post("/api/v1/jobs", json={"queue_name": queue, "payload": {}})
    job_id: str = answer.json()["id"]
    return job_id


def test_a_backup_beside_a_server_is_restored_as_that_moment(
    database: Path, folder: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.db"

    async def work() -> tuple[Result, list[str]]:
        async with serving(str(database), Settings()) as served:
            held = await create(served)
            waiting = await create(served)
            await served.client.post("/api/v1/jobs/claim", json={"queue_name": "emails"})
            made = await asyncio.to_thread(run, "backup", "--database", database, "--to", folder)
            await create(served)
            return made, [held, waiting]

    made, ids = asyncio.run(work())
    assert made.exit_code == 0, made.output
    restored = run(*("restore", "--from", folder, "--database", new, "--paused", "--free-leases"))
    assert restored.exit_code == 0, restored.output
    assert "integrity and sums ok" in restored.output
    assert problems_of(str(new)) == []

    async def look() -> tuple[dict[str, Any], dict[str, Any]]:
        async with serving(str(new), Settings()) as served:
            jobs = (await served.client.get("/api/v1/jobs")).json()
            queue = (await served.client.get("/api/v1/queues/emails")).json()
            return {job["id"]: job["status"] for job in jobs}, queue

    jobs, queue = asyncio.run(look())
    assert jobs == dict.fromkeys(ids, "pending")
    assert queue["enabled"] is False


def test_numbers_of_events_go_on_where_nobody_has_seen_any(
    database: Path, folder: Path, tmp_path: Path
) -> None:
    async def work() -> None:
        async with serving(str(database), Settings()) as served:
            await create(served)

    asyncio.run(work())
    run("backup", "--database", database, "--to", folder)
    before = _newest(database)
    run("restore", "--from", folder, "--database", tmp_path / "new.db")

    assert _newest(tmp_path / "new.db") == before + EVENTS_SKIPPED


def test_two_restores_of_one_moment_give_their_events_other_numbers(
    database: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stream that has seen events of the first one would miss those of the second."""

    async def work() -> None:
        async with serving(str(database), Settings()) as served:
            await create(served)

    asyncio.run(work())
    run("backup", "--database", database, "--to", folder)
    newest = []
    for hours in (1, 2):
        at_ms = NOW_MS + hours * 3_600_000
        monkeypatch.setattr(SystemClock, "now_ms", lambda self, at_ms=at_ms: at_ms)
        run("restore", "--from", folder, "--database", tmp_path / f"{hours}.db")
        newest.append(_newest(tmp_path / f"{hours}.db"))

    # More than a server makes of events in that hour.
    assert newest[1] - newest[0] > 3_600 * 5_000


def test_numbers_of_events_begin_there_in_a_file_that_had_none(
    database: Path, folder: Path, tmp_path: Path
) -> None:
    async def make() -> None:
        async with serving(str(database), Settings()):
            pass

    asyncio.run(make())
    run("backup", "--database", database, "--to", folder)
    run("restore", "--from", folder, "--database", tmp_path / "new.db")

    assert _newest(tmp_path / "new.db") > EVENTS_SKIPPED
    assert problems_of(str(tmp_path / "new.db")) == []


def _newest(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        seq: int = connection.execute("SELECT max(seq) FROM event_log").fetchone()[0]
        return seq
    finally:
        connection.close()


def test_a_backup_is_listed_verified_and_pruned(database: Path, folder: Path) -> None:
    async def work() -> None:
        async with serving(str(database), Settings()) as served:
            await create(served)

    asyncio.run(work())
    manifest = json.loads(run("backup", "--database", database, "--to", folder, "--json").output)
    name = manifest["name"]

    listed = run("backups", "list", "--from", folder)
    assert name in listed.output
    assert json.loads(run("backups", "list", "--from", folder, "--json").output) == manifest
    assert run("backups", "verify", "--from", folder).output == f"{name}: ok\n"
    assert run("backups", "prune", "--from", folder, "--keep", "1d", "--yes").exit_code == 0
    assert name in run("backups", "list", "--from", folder).output

    (folder / name).write_bytes(b"cut")
    verified = run("backups", "verify", "--from", folder, "--all")
    assert verified.exit_code == 1
    assert f"{name} has 3 bytes" in verified.output
    assert run("backups", "list", "--from", folder).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "--database", "{file}", "--to", "{gone}"), "the folder does not exist"),
        (("backup", "--database", "{gone}", "--to", "{folder}"), "there is no such file"),
        (("backup", "--database", "{file}", "--to", "s3://b"), "kept in a folder"),
        (("restore", "--from", "{folder}", "--database", "{new}"), "there is no backup here"),
        (("restore", "--from", "{folder}", "--database", "{gone}/x"), "does not exist"),
        (("backups", "verify", "--from", "{folder}", "x"), "there is no backup x"),
        (("backups", "prune", "--from", "{folder}", "--keep", "1"), "such as 7d 4w 6m"),
        (("backups", "prune", "--from", "{folder}", "--keep", "1d"), "no such backup"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    database: Path, folder: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    places = {
        "file": database,
        "folder": folder,
        "gone": tmp_path / "gone",
        "new": tmp_path / "new.db",
    }

    async def make() -> None:
        async with serving(str(database), Settings()):
            pass

    asyncio.run(make())
    answer = run(*(each.format(**places) for each in arguments))

    assert answer.exit_code in {1, 2}
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_a_file_of_another_program_is_not_backed_up(tmp_path: Path, folder: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE t (a)")
    answer = run("backup", "--database", tmp_path / "other.db", "--to", folder)

    assert answer.exit_code == 1
    assert "belongs to another program" in answer.output


def test_a_failed_backup_leaves_exit_code_1(
    database: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make() -> None:
        async with serving(str(database), Settings()):
            pass

    asyncio.run(make())
    monkeypatch.setattr(copies, "problems_of_copy", lambda *args: ["a page is wrong"])
    answer = run("backup", "--database", database, "--to", folder)

    assert answer.exit_code == 1
    assert "a page is wrong" in answer.output
    assert "it is kept:" in answer.output


def test_a_damaged_file_gives_way_to_the_newest_backup_and_is_kept(
    database: Path, folder: Path
) -> None:
    async def work() -> str:
        async with serving(str(database), Settings()) as served:
            return await create(served)

    job = asyncio.run(work())
    assert run("backup", "--database", database, "--to", folder).exit_code == 0
    damaged = b"\xff" * 8_192 + database.read_bytes()[8_192:]
    database.write_bytes(damaged)
    assert run("check", "--database", database).exit_code == 2

    restored = run("restore", "--from", folder, "--database", database, "--replace")

    assert restored.exit_code == 0, restored.output
    [kept] = database.parent.glob("spooled.db.before-restore-*")
    assert kept.read_bytes() == damaged

    async def look() -> int:
        async with serving(str(database), Settings()) as served:
            return (await served.client.get(f"/api/v1/jobs/{job}")).status_code

    assert asyncio.run(look()) == 200


def test_a_backup_is_not_restored_into_memory(folder: Path) -> None:
    refused = run("restore", "--from", folder, "--database", ":memory:")
    assert refused.exit_code == 2
    assert "a backup is restored as a file" in refused.output


async def with_keys(path: Path, *names: str) -> dict[str, str]:
    """Have the file hold keys with these names. Their ids by name."""
    async with serving(str(path), Settings()) as served:
        return {name: (await served.issue(name=name)).row["id"] for name in names}


async def without_key(path: Path, key_id: str) -> None:
    async with serving(str(path), Settings()) as served:
        assert (await served.client.delete(f"/api/v1/api-keys/{key_id}")).is_success


def test_the_keys_that_work_again_are_listed(database: Path, folder: Path) -> None:
    ids = asyncio.run(with_keys(database, "leaked", "regenerated", "kept"))
    run("backup", "--database", database, "--to", folder)

    async def later() -> None:
        async with serving(str(database), Settings()) as served:
            path = f"/api/v1/api-keys/{ids['regenerated']}/regenerate"
            assert (await served.client.post(path)).is_success

    asyncio.run(without_key(database, ids["leaked"]))
    asyncio.run(later())
    restored = run("restore", "--from", folder, "--database", database, "--replace")

    told = [line for line in restored.output.splitlines() if "works again" in line]
    assert len(told) == 2, restored.output
    assert "… (leaked, of default) works again: revoke it once more" in told[0]
    assert "… (regenerated, of default) works again" in told[1]
    assert "(kept, " not in restored.output


def test_which_keys_work_again_is_not_known_without_a_newer_file(
    database: Path, folder: Path, tmp_path: Path
) -> None:
    asyncio.run(with_keys(database, "kept"))
    run("backup", "--database", database, "--to", folder)
    database.write_bytes(b"damaged" * 1000)

    for restored in (
        run("restore", "--from", folder, "--database", tmp_path / "new.db"),
        run("restore", "--from", folder, "--database", database, "--replace"),
    ):
        assert restored.exit_code == 0, restored.output
        assert "API keys and tokens that were revoked after it work again" in restored.output


def test_webhooks_are_held_until_the_administrator_resumes_them(
    database: Path, folder: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.db"
    asyncio.run(with_keys(database))
    run("backup", "--database", database, "--to", folder)
    restored = run("restore", "--from", folder, "--database", new, "--hold-webhooks")
    assert "held      webhook calls" in restored.output

    async def look() -> tuple[Any, int, Any]:
        async with serving(str(new), Settings(admin_key="k" * 20)) as served:
            before = (await served.bare.get("/health")).json()["checks"]
            resumed = await served.bare.post(
                "/api/v1/admin/webhooks/resume", headers={"X-Admin-Key": "k" * 20}
            )
            after = (await served.bare.get("/health")).json()["checks"]
            return before, resumed.status_code, after

    before, status, after = asyncio.run(look())
    assert before["webhooks_held_since"].endswith("Z")
    assert [each for each in before["warnings"] if "webhook calls are held" in each]
    assert status == 204
    assert "webhooks_held_since" not in after
    assert "webhook" not in str(after.get("warnings"))
