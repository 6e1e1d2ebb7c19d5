"""An export of a running server: one moment, one at a time, continued after a break."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from spooled_lite.config import Settings
from spooled_lite.core.export import read
from spooled_lite.core.export.read import WantedLines
from spooled_lite.errors import Conflict, NotFound
from spooled_lite.exports import moment as moments_of_files
from spooled_lite.exports.moments import Export, Moments
from spooled_lite.storage.copy_room import NoRoom
from spooled_lite.storage.pin import PinLimits
from tests.exports.stage import export
from tests.storage.stage import run
from tests.wire.http.served import Served, serving

ADMIN = {"X-Admin-Key": "an admin key of the tests"}
ADDRESS = "/api/v1/admin/export"
ALL = WantedLines()


@asynccontextmanager
async def a_server(folder: Path, jobs: int = 5) -> AsyncIterator[Served]:
    settings = Settings(admin_key=ADMIN["X-Admin-Key"])
    async with serving(str(folder / "spooled.db"), settings) as served:
        for _ in range(jobs):
            await add(served)
        yield served


async def add(served: Served) -> None:
    answer = await served.client.post("/api/v1/jobs", json={"queue_name": "q", "payload": {}})
    assert answer.status_code == 201


async def asked(served: Served, **params: Any) -> httpx.Response:
    return await served.bare.get(ADDRESS, headers=ADMIN, params=params)


async def moments(served: Served, **terms: Any) -> Moments:
    """Those of the server, which it makes when it is first asked."""
    await served.bare.head(ADDRESS, headers=ADMIN)
    found = served.services.state.exports
    assert found is not None
    found.terms = structs.replace(found.terms, **terms)
    return found


async def all_of(export: Export) -> bytes:
    try:
        return b"".join([chunk async for chunk in export.chunks()])
    finally:
        export.close()


def copies(folder: Path) -> list[str]:
    return [path.name for path in folder.glob(".spooled-export-*")]


def test_a_misspelt_filter_does_not_widen_it_to_everything(tmp_path: Path) -> None:
    async def main() -> httpx.Response:
        async with a_server(tmp_path) as served:
            return await asked(served, organisation="somebody")

    answer = run(main())
    assert answer.status_code == 400
    assert "`organisation` is not known; the nearest is `organization`" in answer.text


def test_the_administrator_gets_what_an_export_of_the_file_gives(tmp_path: Path) -> None:
    async def main() -> httpx.Response:
        async with a_server(tmp_path) as served:
            return await asked(served)

    answer = run(main())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = answer.content.splitlines(keepends=True)
    assert json.loads(lines[-1])["lines"]["job"] == 5
    assert lines[1:] == export(tmp_path / "spooled.db", tmp_path / "all.ndjson")[1:]
    assert copies(tmp_path) == []


def test_it_is_all_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "CHUNK_BYTES", 100)

    async def main() -> bytes:
        async with a_server(tmp_path) as served:
            begun = (await moments(served)).begin(ALL)
            chunks = begun.chunks()
            first = await anext(chunks)
            await add(served)
            rest = b"".join([chunk async for chunk in chunks])
            begun.close()
            return first + rest

    assert json.loads(run(main()).splitlines()[-1])["lines"]["job"] == 5


def test_what_is_asked_for_is_what_comes(tmp_path: Path) -> None:
    async def main() -> list[httpx.Response]:
        async with a_server(tmp_path) as served:
            await served.other_org()
            one = {"organization": served.org_id}
            return [
                await asked(served, **one),
                await asked(served, kinds="job,queue", without_secrets="true"),
            ]

    one, some = run(main())

    assert json.loads(one.text.splitlines()[-1])["lines"]["organization"] == 1
    assert json.loads(some.text.splitlines()[-1])["lines"].keys() == {"job", "queue"}
    assert json.loads(some.text.splitlines()[0])["has_secrets"] is False


def test_a_wrong_question_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    async def main() -> list[int]:
        async with a_server(tmp_path, jobs=0) as served:
            return [
                (await asked(served, organization="nobody")).status_code,
                (await asked(served, kinds="job,cron")).status_code,
                (await asked(served, without_secrets="perhaps")).status_code,
                (await asked(served, moment="another")).status_code,
                (await served.client.get(ADDRESS)).status_code,
                (await served.bare.head(ADDRESS, headers=ADMIN)).status_code,
            ]

    assert run(main()) == [404, 400, 400, 404, 401, 200]
    assert copies(tmp_path) == []


def test_there_is_one_at_a_time(tmp_path: Path) -> None:
    async def main() -> tuple[int, int]:
        async with a_server(tmp_path) as served:
            begun = (await moments(served)).begin(ALL)
            await anext(begun.chunks())
            beside = await asked(served)
            with pytest.raises(Conflict):
                (await moments(served)).begin(ALL)
            begun.close()
            return beside.status_code, (await asked(served)).status_code

    assert run(main()) == (409, 200)


def test_one_that_broke_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "CHUNK_BYTES", 100)

    async def main() -> tuple[bytes, httpx.Response, httpx.Response]:
        async with a_server(tmp_path) as served:
            begun = (await moments(served)).begin(ALL)
            there = await anext(begun.chunks())
            begun.close()
            await add(served)
            name = json.loads(there.splitlines()[0])["moment"]
            rest = await asked(served, moment=name, after=len(there))
            return there, rest, await asked(served, moment=name, after=len(there))

    there, rest, again = run(main())

    lines = (there + rest.content).splitlines()
    assert json.loads(lines[-1])["lines"]["job"] == 5
    assert len(lines) == sum(json.loads(lines[-1])["lines"].values()) + 2
    assert again.content == rest.content  # what was sent may be lost on its way


def test_the_copy_of_one_that_nobody_goes_on_with_is_removed(tmp_path: Path) -> None:
    async def main() -> tuple[int, int]:
        async with a_server(tmp_path) as served:
            kept = await moments(served, kept_seconds=0.0)
            begun = kept.begin(ALL)
            there = await anext(begun.chunks())
            begun.close()
            before = len(copies(tmp_path))
            async with asyncio.timeout(30):
                while copies(tmp_path):
                    await add(served)  # which lets the loop have its turns
            with pytest.raises(NotFound):
                kept.resume(json.loads(there.splitlines()[0])["moment"], 0)
            return before, len(copies(tmp_path))

    assert run(main()) == (1, 0)


def test_a_stop_ends_it_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "CHUNK_BYTES", 100)

    async def main() -> bytes:
        async with a_server(tmp_path) as served:
            begun = (await moments(served)).begin(ALL)
            chunks = begun.chunks()
            await anext(chunks)
            served.services.state.is_stopping = True
            last = b"".join([chunk async for chunk in chunks])
            begun.close()
            return last

    assert json.loads(run(main())) == {"end": False, "error": "the server is stopping"}
    assert copies(tmp_path) == []


def test_a_moment_that_cannot_be_kept_is_the_last_line(tmp_path: Path) -> None:
    async def main() -> bytes:
        async with a_server(tmp_path) as served:
            begun = await moments(served, limits=PinLimits(seconds_max=-1.0))
            return await all_of(begun.begin(ALL))

    assert json.loads(run(main()))["error"] == "no export: it took longer than -1 seconds"
    assert copies(tmp_path) == []


def test_a_folder_without_room_is_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(size: int, folder: Path) -> None:
        raise NoRoom("needs 219 MiB")

    monkeypatch.setattr(moments_of_files, "check_room", refuse)

    async def main() -> bytes:
        async with a_server(tmp_path) as served:
            return (await asked(served)).content

    assert json.loads(run(main())) == {"end": False, "error": "needs 219 MiB"}


def test_a_copy_that_a_crash_left_is_gone_after_the_next_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_server(tmp_path, jobs=0) as served:
            copy = (await moments(served)).terms.copy
        copy.write_bytes(b"left")
        async with a_server(tmp_path, jobs=0):
            assert copies(tmp_path) == []

    run(main())
