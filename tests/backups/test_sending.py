"""Backups in a bucket: sent, kept while it cannot be reached, sent later, and brought back."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spooled_lite.backups.copies import BackupFailed, Work
from spooled_lite.backups.sending import UNSENT_PREFIX, send_unsent, spool_of, unsent
from spooled_lite.backups.shelf import on_shelf, verify
from spooled_lite.cli.main import main as command
from spooled_lite.config import Settings
from spooled_lite.outbound.stores import Store, StoreTrouble
from tests.backups.stage import a_file, backed_up
from tests.outbound.s3_server import KEY_ID, REGION, S3, s3_server
from tests.storage.stage import NOON_MS, run
from tests.wire.http.served import serving

ADMIN = {"X-Admin-Key": "an admin key of the tests"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    pytest.importorskip("obstore")
    with s3_server(monkeypatch) as s3:
        yield s3


def a_bucket(s3: S3) -> Store:
    # Imported here, since not everyone who works on backups has the extra.
    from spooled_lite.outbound.object_store import Bucket, BucketTerms

    return Bucket("jobs", "a", BucketTerms(s3.endpoint, REGION, first_wait_seconds=0.001))


def work_of(s3: S3, spool: Path, now_ms: int = NOON_MS) -> Work:
    spool.mkdir(exist_ok=True)
    return Work(
        store=a_bucket(s3),
        folder=spool,
        now_ms=lambda: now_ms,
        bytes_per_second=0,
        on_progress=lambda progress: None,
    )


def test_a_backup_in_a_bucket_is_whole_and_nothing_stays_here(s3: S3, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    made = backed_up(a_file(tmp_path / "one.db", "a", "b"), work_of(s3, spool))

    bucket = a_bucket(s3)
    assert on_shelf(bucket).manifests == [made]
    assert verify(bucket, made, NOON_MS) == []
    assert [each for each in os.listdir(spool) if not each.endswith(".lock")] == []


@pytest.mark.parametrize("failing", ["all", "the manifest"])
def test_a_backup_that_cannot_be_sent_waits_and_is_sent_later(
    s3: S3, tmp_path: Path, failing: str
) -> None:
    file, spool = a_file(tmp_path / "one.db", "a"), tmp_path / "spool"
    if failing == "all":
        s3.status = 403
    else:
        s3.refused_suffix = ".json"
    with pytest.raises(BackupFailed, match=r"refused.*is kept in .*\.unsent-") as caught:
        backed_up(file, work_of(s3, spool))
    assert KEY_ID not in str(caught.value)
    assert on_shelf_names(s3) == []

    s3.status, s3.refused_suffix = None, None
    file_id = next(spool.glob(f"{UNSENT_PREFIX}*")).name.removeprefix(UNSENT_PREFIX)
    sent = send_unsent(spool, file_id, a_bucket(s3))

    assert sent is not None
    assert on_shelf(a_bucket(s3)).manifests == [sent]
    assert verify(a_bucket(s3), sent, NOON_MS) == []
    assert unsent(spool, file_id) is None
    assert send_unsent(spool, file_id, a_bucket(s3)) is None


def on_shelf_names(s3: S3) -> list[str]:
    return [key for key in s3.objects if key.endswith(".json")]


def test_only_the_newest_waits_and_goes_with_the_next_one(s3: S3, tmp_path: Path) -> None:
    file, spool = a_file(tmp_path / "one.db", "a"), tmp_path / "spool"
    s3.status = 500
    for number in range(2):
        with pytest.raises(BackupFailed):
            backed_up(file, work_of(s3, spool, NOON_MS + number * 1000))
    (folder,) = spool.glob(f"{UNSENT_PREFIX}*")
    assert len(os.listdir(folder)) == 2

    s3.status = None
    backed_up(file, work_of(s3, spool, NOON_MS + 9000))

    made = [each.made_at_ms - NOON_MS for each in on_shelf(a_bucket(s3)).manifests]
    assert made == [1000, 9000]
    assert not folder.exists()


def test_the_spool_is_beside_where_a_backup_goes_or_beside_the_database(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    database = str(here / "spooled.db")

    assert spool_of(str(there), None, database) == there
    assert spool_of("s3://jobs/a", None, database) == here
    assert spool_of("s3://jobs/a", str(there), database) == there
    with pytest.raises(StoreTrouble, match="does not exist"):
        spool_of("s3://jobs/a", str(tmp_path / "nowhere"), database)


def test_the_commands_back_up_to_a_bucket_and_restore_from_it(s3: S3, tmp_path: Path) -> None:
    database, restored = tmp_path / "one.db", tmp_path / "two.db"

    async def start_once() -> None:
        async with serving(str(database), Settings()):
            pass

    run(start_once())
    for given in (
        ["backup", "--database", str(database), "--to", "s3://jobs/a"],
        ["backups", "list", "--from", "s3://jobs/a"],
        ["backups", "verify", "--from", "s3://jobs/a"],
        ["restore", "--from", "s3://jobs/a", "--database", str(restored)],
    ):
        done = CliRunner().invoke(command, given)
        assert done.exit_code == 0, done.output
    assert restored.exists()


def test_a_server_sends_what_waits_once_the_bucket_is_back(s3: S3, tmp_path: Path) -> None:
    settings = Settings(backup_to="s3://jobs/a", admin_key=ADMIN["X-Admin-Key"])
    s3.refused_suffix, s3.refusal = ".json", 400  # which is not tried again

    async def main() -> None:
        async with serving(str(tmp_path / "spooled.db"), settings) as served:

            async def seen() -> dict[str, Any]:
                answer = await served.bare.get("/api/v1/admin/backups", headers=ADMIN)
                body: dict[str, Any] = answer.json()
                return body

            while (await seen())["problem"] is None:
                pass
            s3.refused_suffix = None
            served.clock.set(served.clock.now_ms() + 10 * 60_000)
            while not (body := await seen())["backups"]:
                pass
            assert body["backups"][0]["made_at"] == "2027-01-15T08:00:00.000Z"
            server = (await served.bare.get("/api/v1/admin/server", headers=ADMIN)).text
            assert "s3://jobs/a" in server
            assert KEY_ID not in server

    run(main())


def test_a_stop_does_not_wait_for_a_bucket_that_does_not_answer(s3: S3, tmp_path: Path) -> None:
    s3.is_hanging = True

    async def main() -> float:
        async with serving(str(tmp_path / "spooled.db"), Settings(backup_to="s3://jobs/a")) as it:
            while not s3.hangs.is_set():
                await it.client.get("/api/v1/jobs")
            began = time.monotonic()
        return time.monotonic() - began

    assert run(main()) < 15  # where a request may take 120
