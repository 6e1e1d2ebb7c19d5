"""An archive of a running server: windows in their time, over restarts and crashes, one writer."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.archive.chain import begin_chain
from spooled_lite.archive.names import ChainName
from spooled_lite.archive.plan import ArchivePlan
from spooled_lite.archive.reach import reaches
from spooled_lite.background import archive
from spooled_lite.backups.copies import BackupFailed
from spooled_lite.config import ConfigError, Settings
from spooled_lite.outbound.stores import Folder, StoreTrouble
from spooled_lite.storage import checkpoint
from tests.archive.stage import (
    CUT_MS,
    a_job,
    a_moment,
    a_server,
    archive_of,
    chains,
    restored,
    store_in,
    texts_at,
    until_based,
    until_sent,
    window_path,
)
from tests.storage.stage import run
from tests.wire.http.served import NOW_MS, Served


async def three_windows(served: Served) -> None:
    """Jobs `1`, `2` and `3`, each in a window of its own."""
    await until_based(served)
    for text in "123":
        await a_job(served, text)
        await until_sent(served)


def test_every_window_is_a_moment_that_can_be_restored(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await three_windows(served)
            await a_job(served, "in no window yet")
            for number in range(4):
                assert texts_at(tmp_path, NOW_MS + number * CUT_MS) == list("123"[:number])
            assert texts_at(tmp_path, NOW_MS + 3 * CUT_MS - 1) == ["1", "2"]
            assert texts_at(tmp_path) == ["1", "2", "3"]

    run(main())
    assert texts_at(tmp_path) == ["1", "2", "3", "in no window yet"]


def test_a_restored_moment_knows_how_much_was_done_by_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await three_windows(served)

    run(main())
    _, done = restored(tmp_path, NOW_MS + 2 * CUT_MS)
    assert (done.at_ms, done.windows, done.created, done.settled) == (NOW_MS + 2 * CUT_MS, 2, 2, 0)


def test_nothing_is_done_while_nothing_is_committed(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            await a_job(served, "1")
            await until_sent(served)
            served.clock.set(served.clock.now_ms() + 100 * CUT_MS)
            assert archive_of(served).lag_seconds() == 0
            due = {each.name: each.due_at_ms for each in served.services.state.loops()}
            assert due["ship-windows"] is None
            while {each.name: each for each in served.services.state.loops()}[
                "cut-windows"
            ].due_at_ms is not None:  # looked once, since the clock was set
                await a_moment()
            assert len(chains(served)[0].numbers) == 1

    run(main())


def test_a_chain_goes_on_after_a_stop(tmp_path: Path) -> None:
    async def main() -> None:
        for text in "abc":
            async with a_server(tmp_path) as served:
                await until_based(served)
                await a_job(served, text)
        async with a_server(tmp_path) as served:
            [reach] = chains(served)
            assert reach.name.chain == 1

    run(main())
    assert texts_at(tmp_path) == ["a", "b", "c"]


def crashed(tmp_path: Path) -> None:
    """Leave the files as a kill would: what a running server has, it has copied here."""
    for name in ("spooled.db", "spooled.db-wal", "spooled.db.archive"):
        aside = tmp_path / "aside" / name
        there = tmp_path / name
        if aside.is_dir():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)
        if aside.exists():
            shutil.move(aside, there)


def set_aside(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for name in ("spooled.db", "spooled.db-wal"):
        shutil.copy2(tmp_path / name, aside / name)
    shutil.copytree(tmp_path / "spooled.db.archive", aside / "spooled.db.archive")


def test_a_chain_goes_on_after_a_crash_from_what_the_log_still_has(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            await a_job(served, "sent")
            await until_sent(served)
            await a_job(served, "only in the log")
            set_aside(tmp_path)
            store = set(os.listdir(tmp_path / "to"))
        for name in {*os.listdir(tmp_path / "to")} - store:
            (tmp_path / "to" / name).unlink()  # what the orderly stop has sent
        crashed(tmp_path)
        async with a_server(tmp_path) as served:
            await until_sent(served)
            await a_job(served, "later")
            await until_sent(served)
            [reach] = chains(served)
            assert reach.name.chain == 1

    run(main())
    assert texts_at(tmp_path) == ["sent", "only in the log", "later"]


@pytest.mark.parametrize("is_clean", [True, False])
def test_a_file_that_was_put_back_by_hand_begins_a_new_chain(
    tmp_path: Path, is_clean: bool
) -> None:
    """An older state of the file would go on as if what came after it had not happened."""

    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            await a_job(served, "kept")
            await until_sent(served)
            copy_out(tmp_path)
            await a_job(served, "lost")
            await until_sent(served)
            if not is_clean:
                set_aside(tmp_path)
        if not is_clean:
            crashed(tmp_path)
            (tmp_path / "spooled.db-wal").unlink()
        os.replace(tmp_path / "by-hand.db", tmp_path / "spooled.db")
        async with a_server(tmp_path) as served:
            await until_based(served)
            await a_job(served, "after it")
            await until_sent(served)
            assert [each.name.chain for each in chains(served)] == [1, 2]

    run(main())
    assert texts_at(tmp_path) == ["kept", "after it"]


def copy_out(tmp_path: Path) -> None:
    source = sqlite3.connect(tmp_path / "spooled.db")
    target = sqlite3.connect(tmp_path / "by-hand.db")
    source.backup(target)
    source.close()
    target.close()


def test_a_server_without_an_archive_in_between_begins_a_new_chain(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
        async with a_server(tmp_path, archive_to=None) as served:
            await a_job(served, "in no window")
        async with a_server(tmp_path) as served:
            await until_based(served)
            assert [each.name.chain for each in chains(served)] == [1, 2]

    run(main())
    assert texts_at(tmp_path) == ["in no window"]


def test_what_another_program_did_to_the_log_breaks_the_chain_and_makes_a_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BASE_AGAIN_MS", 0)

    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            await a_job(served, "1")
            other = sqlite3.connect(tmp_path / "spooled.db", isolation_level=None)
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            other.close()
            await a_job(served, "2")
            await until_sent(served)
            while len(chains(served)) < 2:
                await a_moment()
            await until_based(served)
            text = served.services.metrics.text().decode()
            assert "spooled_archive_breaks_total 1.0" in text

    run(main())
    assert texts_at(tmp_path) == ["1", "2"]


def test_a_second_writer_is_refused_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await three_windows(served)
            file_id = served.db.file_id
            begin_chain(store_in(tmp_path), file_id, token="t", now_ms=NOW_MS, program="another")
            await a_job(served, "not for the archive")
            served.clock.set(served.clock.now_ms() + CUT_MS)
            while archive_of(served).problem is None:
                await a_moment()
            health = (await served.bare.get("/health")).json()
            assert health["checks"]["archive"]["well"] is False
            assert not window_path(tmp_path, ChainName(file_id, 1), 4).exists()
            served.clock.set(served.clock.now_ms() + 3 * CUT_MS)
            assert archive_of(served).lag_seconds() >= 30
            assert len(chains(served)) == 1  # no chain of its own until a restart

    run(main())
    assert "this server's archive is refused: another server began chain 2" in caplog.text
    assert texts_at(tmp_path) == ["1", "2", "3"]


def test_two_that_write_the_same_window_do_not_mix(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            name = chains(served)[0].name
            window_path(tmp_path, name, 1).write_bytes(b"of the other one")
            await a_job(served, "1")
            served.clock.set(served.clock.now_ms() + CUT_MS)
            while archive_of(served).problem is None:
                await a_moment()
            assert window_path(tmp_path, name, 1).read_bytes() == b"of the other one"

    run(main())


def test_a_base_that_cannot_be_made_is_told_and_the_archive_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise BackupFailed("no room")

    monkeypatch.setattr(archive, "make_base", fails)

    async def main() -> None:
        async with a_server(tmp_path) as served:
            while archive_of(served).problem != "no room":
                await a_moment()
            served.clock.set(served.clock.now_ms() + CUT_MS)
            assert archive_of(served).lag_seconds() == 10
            health = (await served.bare.get("/health")).json()
            assert health["checks"]["archive"]["well"] is False
            assert (await served.bare.get("/health/ready")).status_code == 200

    run(main())


def test_windows_wait_for_a_store_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await three_windows(served)
            put = Folder.put

            def away(self: Folder, name: str, source: Path) -> None:
                raise StoreTrouble("away")

            monkeypatch.setattr(Folder, "put", away)
            for text in "45":
                await a_job(served, text)
                served.clock.set(served.clock.now_ms() + CUT_MS)
                while not archive_of(served).problem:
                    await a_moment()
            assert archive_of(served).lag_seconds() > 0
            monkeypatch.setattr(Folder, "put", put)
            await until_sent(served)
            assert archive_of(served).problem is None

    run(main())
    assert texts_at(tmp_path) == ["1", "2", "3", "4", "5"]


def test_more_windows_than_the_spool_holds_break_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is sent later; then comes a new base."""
    monkeypatch.setattr(archive, "BASE_AGAIN_MS", 0)

    async def main() -> None:
        async with a_server(tmp_path, archive_spool_bytes=2**20) as served:
            await three_windows(served)
            plan = archive_of(served).plan
            with monkeypatch.context() as patch:

                def away(*_: Any) -> None:
                    raise StoreTrouble("away")

                for call in ("put", "create"):
                    patch.setattr(Folder, call, away)
                patch.setattr(archive_of(served)._writer, "_bytes_max", -1)
                await a_job(served, "4")
                served.clock.set(served.clock.now_ms() + CUT_MS)
                while not served.services.metrics.counted("spooled_archive_breaks_total"):
                    await a_moment()
            assert plan.spool.bytes() <= 2**20
            while len(chains(served)) < 2:
                served.clock.set(served.clock.now_ms() + CUT_MS)
                await a_moment()

    run(main())
    assert texts_at(tmp_path) == ["1", "2", "3", "4"]


def test_bases_come_in_their_time_and_what_is_old_is_deleted(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, archive_base_hours=24, archive_keep="2d") as served:
            await until_based(served)
            for day in range(5):
                await a_job(served, str(day))
                served.clock.set(NOW_MS + (day + 1) * 86_400_000 + CUT_MS)
                [reach] = chains(served)
                while reach.bases[-1].at_ms < NOW_MS + (day + 1) * 86_400_000:
                    await a_moment()
                    [reach] = chains(served)
                await until_sent(served)
            # The newest base from before the two days, and what came after it.
            while len(chains(served)[0].bases) > 3:
                await a_moment()

    run(main())
    [reach] = reaches(store_in(tmp_path))
    assert reach.numbers[0] == reach.bases[0].number + 1
    assert len(list((tmp_path / "to").glob("spooled-*.gz"))) == 3
    assert texts_at(tmp_path) == list("01234")
    assert texts_at(tmp_path, NOW_MS + 4 * 86_400_000) == list("012")


def test_checkpoints_are_put_off_and_never_make_a_write_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("PASSIVE_BYTES", "TRUNCATE_BYTES", "IDLE_SECONDS"):
        monkeypatch.setattr(checkpoint, bound, 0)

    async def main() -> None:
        async with a_server(tmp_path) as served:
            await until_based(served)
            for number in range(60):
                await a_job(served, str(number))
                if number % 10 == 0:
                    await until_sent(served)
            assert archive_of(served).problem is None
            assert len(chains(served)) == 1

    run(main())
    assert texts_at(tmp_path) == [str(number) for number in range(60)]


def test_health_shows_how_far_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path) as served:
            await three_windows(served)
            health = (await served.bare.get("/health")).json()
            assert health["checks"]["archive"] == {
                "at": "2027-01-15T08:00:30.000Z",
                "lag_seconds": 0.0,
                "well": True,
            }
            text = served.services.metrics.text().decode()
            assert "spooled_archive_lag_seconds 0.0" in text
            assert "spooled_archive_bytes_total 0.0" not in text

    run(main())


@pytest.mark.parametrize(
    ("setting", "value"), [("archive_to", "nowhere/at/all"), ("archive_keep", "7d 4w")]
)
def test_settings_that_cannot_be_kept_are_refused_at_the_start(
    tmp_path: Path, setting: str, value: str
) -> None:
    async def main() -> None:
        async with a_server(tmp_path, **{setting: value}):
            pass

    with pytest.raises(ConfigError):
        run(main())


def test_a_database_in_memory_has_no_archive(tmp_path: Path) -> None:
    given = Settings(database=":memory:", archive_to=str(tmp_path))

    with pytest.raises(ConfigError, match="in memory"):
        ArchivePlan.of(given, str(tmp_path), is_stopping=lambda: False)


def test_an_archive_is_in_no_place_of_backups(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, backup_to=str(tmp_path / "to")):
            pass

    with pytest.raises(ConfigError, match="backup_to as well"):
        run(main())
