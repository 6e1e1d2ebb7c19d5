"""An archive in a bucket: the same as in a folder, and what waits while the bucket is away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from spooled_lite.archive.reach import reaches
from spooled_lite.background import archive
from spooled_lite.cli.main import main
from spooled_lite.config import Settings
from spooled_lite.outbound.store_places import store_at
from spooled_lite.outbound.stores import Store
from tests.archive.stage import CUT_MS, a_job, a_moment, archive_of, texts_in, until_based
from tests.outbound.s3_server import BUCKET, REGION, S3, s3_server
from tests.storage.stage import run
from tests.wire.http.served import Served, serving

PLACE: Final = f"s3://{BUCKET}/archive"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    pytest.importorskip("obstore")
    # The commands read it from the environment, as the server does.
    with s3_server(monkeypatch) as s3:
        monkeypatch.setenv("SPOOLED_BACKUP_S3_ENDPOINT", s3.endpoint)
        monkeypatch.setenv("SPOOLED_BACKUP_S3_REGION", REGION)
        yield s3


def settings_for(s3: S3) -> Settings:
    return Settings(archive_to=PLACE, backup_s3_endpoint=s3.endpoint, backup_s3_region=REGION)


async def cut_and_sent(served: Served) -> None:
    served.clock.set(served.clock.now_ms() + CUT_MS)
    while archive_of(served).lag_seconds() > 0:
        await a_moment()


def restored(tmp_path: Path, *more: str) -> list[str]:
    path = tmp_path / "restored.db"
    done = CliRunner().invoke(main, ["restore", "--from", PLACE, "--database", str(path), *more])
    assert done.exit_code == 0, done.output
    found = texts_in(path)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return found


def test_it_holds_the_moments_that_a_folder_would(tmp_path: Path, s3: S3) -> None:
    async def main() -> None:
        async with serving(str(tmp_path / "spooled.db"), settings_for(s3)) as served:
            await until_based(served)
            for text in "12":
                await a_job(served, text)
                await cut_and_sent(served)

    run(main())
    assert s3.complaints == []
    assert restored(tmp_path) == ["1", "2"]
    assert restored(tmp_path, "--to", "2027-01-15T08:00:10Z") == ["1"]


def test_a_stop_waits_for_no_bucket_and_the_next_start_sends_the_rest(
    tmp_path: Path, s3: S3
) -> None:
    async def main() -> None:
        async with serving(str(tmp_path / "spooled.db"), settings_for(s3)) as served:
            await until_based(served)
            await a_job(served, "1")
            await cut_and_sent(served)
            s3.is_hanging = True
            await a_job(served, "2")
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < 15
        s3.is_hanging = False
        s3.released.set()
        async with serving(str(tmp_path / "spooled.db"), settings_for(s3)) as served:
            await a_job(served, "3")
            await cut_and_sent(served)
            [reach] = await asyncio.to_thread(reaches, archive_of(served).plan.store)
            assert reach.name.chain == 1

    run(main())
    assert restored(tmp_path) == ["1", "2", "3"]


def test_a_bucket_that_refuses_is_told_and_gets_all_when_it_takes_again(
    tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "SHIP_AGAIN_MS", 0)
    monkeypatch.setattr("spooled_lite.outbound.object_store.TRIES", 1)

    async def main() -> None:
        async with serving(str(tmp_path / "spooled.db"), settings_for(s3)) as served:
            await until_based(served)
            s3.refused_suffix = ".pages"
            await a_job(served, "1")
            served.clock.set(served.clock.now_ms() + CUT_MS)
            while archive_of(served).problem is None:
                await a_moment()
            assert "refused" in (archive_of(served).problem or "")
            s3.refused_suffix = None
            while archive_of(served).lag_seconds() > 0:
                await a_moment()
            assert archive_of(served).problem is None

    run(main())
    assert restored(tmp_path) == ["1"]
    assert [each.numbers for each in reaches(store_of(s3))] == [[1]]


def store_of(s3: S3) -> Store:
    return store_at(PLACE, endpoint=s3.endpoint, region=REGION)
