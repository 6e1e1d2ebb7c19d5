"""A server with an archive in a folder, and what can be brought back from it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from spooled_lite.archive.names import ChainName
from spooled_lite.archive.reach import Reach, reaches, way_to, windows_after
from spooled_lite.archive.restore import RestoredMoment, Way, restore_moment
from spooled_lite.background.archive import Archive
from spooled_lite.cli.check import problems_of
from spooled_lite.config import Settings
from spooled_lite.outbound.stores import Folder
from tests.storage.stage import NOON_MS
from tests.wire.http.served import Served, serving

SECOND_MS: Final = 1_000
CUT_MS: Final = 10 * SECOND_MS  # as archive_seconds says


@asynccontextmanager
async def a_server(tmp_path: Path, **settings: Any) -> AsyncIterator[Served]:
    """With its archive in the folder `to`."""
    (tmp_path / "to").mkdir(exist_ok=True)
    given = Settings(**{"archive_to": str(tmp_path / "to"), **settings})
    async with serving(str(tmp_path / "spooled.db"), given) as served:
        yield served


def archive_of(served: Served) -> Archive:
    archive = served.services.state.archive
    assert archive is not None
    return archive


async def a_job(served: Served, text: str) -> None:
    answer = await served.client.post(
        "/api/v1/jobs", json={"queue_name": "q", "payload": {"text": text}}
    )
    assert answer.status_code == 201, answer.text


async def until_based(served: Served) -> None:
    """Wait until the chain that is under way has a base."""
    while (standing := archive_of(served).standing) is None or standing.base_at_ms is None:
        await a_moment()


async def a_moment() -> None:
    """Let threads and loops go on. Every wait has the deadline of its test."""
    await asyncio.sleep(0.002)


async def until_sent(served: Served) -> None:
    """Let the time of a window pass, and wait until all that was committed is in the store."""
    served.clock.set(served.clock.now_ms() + CUT_MS)
    while archive_of(served).lag_seconds() > 0:
        await a_moment()


def chains(served: Served) -> list[Reach]:
    return reaches(archive_of(served).plan.store)


def store_in(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "to"))


def texts_at(tmp_path: Path, to_ms: int | None = None) -> list[str]:
    """The jobs of a restored moment."""
    path, _ = restored(tmp_path, to_ms)
    found = texts_in(path)
    path.unlink()
    return found


def restored(tmp_path: Path, to_ms: int | None = None) -> tuple[Path, RestoredMoment]:
    store, path = store_in(tmp_path), tmp_path / "restored.db"
    reach, base = way_to(reaches(store), to_ms)
    way = Way(reach, base, windows_after(store, reach, base, to_ms))
    done = restore_moment(
        store, way, str(path), prepare=lambda partial: None, replaces=False, now_ms=NOON_MS
    )
    assert problems_of(str(path)) == []
    return path, done


def texts_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT payload ->> 'text' FROM jobs ORDER BY seq")
        return [text for (text,) in rows]


def window_path(tmp_path: Path, name: ChainName, number: int) -> Path:
    return tmp_path / "to" / name.of_window(number)
