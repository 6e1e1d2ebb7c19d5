"""A file with some of everything, the commands on it, and the lines of an export as a file."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

from click.testing import CliRunner, Result

from spooled_lite.app import hooks
from spooled_lite.cli.main import main
from spooled_lite.cli.offline import offline
from spooled_lite.core.export.lines import Trailer
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.keys.first_start import first_start
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.workflows.create import create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.records import NewWorkflow
from spooled_lite.exports.into_file import Imported, import_file
from spooled_lite.exports.taking import Taken, finish_import, take_file
from spooled_lite.storage.transaction import Tx
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import DIAMOND
from tests.factories import a_claim

QUEUES: Final = 3


def a_file(path: Path, jobs: int = 10, *, also: Callable[[Tx], object] = lambda tx: None) -> Path:
    """A whole file with so many jobs and a workflow, which no server uses."""

    def fill(tx: Tx) -> None:
        for number in range(jobs):
            job = NewJob(queue_name=f"q{number % QUEUES}", payload=b'{"number":%d}' % number)
            enqueue(tx, 1, job, OPEN, ALL_QUEUES)
        create_workflow(tx, 1, NewWorkflow(name="w", steps=DIAMOND), graph_of(DIAMOND), OPEN)

    async def work() -> None:
        async with offline(str(path), hooks()) as db:
            await db.write(first_start, bootstrap_key=None, is_live=False)
            await db.write(fill)
            await db.write(also)

    asyncio.run(work())
    return path


def hold_one(tx: Tx) -> None:
    assert claim(tx, 1, a_claim(queue_name="q0"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def export(database: Path, out: Path, *more: object) -> list[bytes]:
    """The lines of an export that goes well."""
    done = run("export", "--database", database, "--out", out, *more)
    assert done.exit_code == 0, done.output
    return lines_of(out)


def lines_of(path: Path) -> list[bytes]:
    body = path.read_bytes()
    return (gzip.decompress(body) if path.name.endswith(".gz") else body).splitlines(keepends=True)


def importing(
    source: Path, path: Path, *, resume: bool, on_taken: Callable[[Taken], None]
) -> Imported:
    """As the command does it. What `on_taken` raises ends it as a kill would."""

    async def taken(partial: str, only: str | None) -> Trailer:
        async with offline(partial, hooks()) as db:
            trailer = await take_file(
                db, source, only=only, allows_unknown=False, on_taken=on_taken
            )
            await finish_import(db)
            return trailer

    return import_file(
        source,
        str(path),
        take=lambda partial, only: asyncio.run(taken(partial, only)),
        resume=resume,
        now_ms=NOW_MS,
    )


def import_into(path: Path, source: Path, *more: object) -> Result:
    return run("import", source, "--database", path, *more)
