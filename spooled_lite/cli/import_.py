"""`spooled-lite import`: makes a database file of an export, or adds an organization to one."""

import asyncio
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from spooled_lite.app import hooks
from spooled_lite.cli.offline import offline
from spooled_lite.cli.preparing import prepare
from spooled_lite.clock import SystemClock
from spooled_lite.core.export.lines import Trailer
from spooled_lite.core.export.take import LineRefused
from spooled_lite.errors import SpooledError
from spooled_lite.exports.failed import ImportFailed
from spooled_lite.exports.into_file import PARTIAL_SUFFIX, import_file
from spooled_lite.exports.taking import Taken, finish_import, take_file
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.file_kind import check_place

PAUSED_BECAUSE: Final = "imported"


@click.command("import")
@click.argument("export", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--database", required=True, metavar="PATH", help="The file to write.")
@click.option("--resume", is_flag=True, help="Go on with an import that broke off.")
@click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out what a newer version has written and this one does not know.",
)
@click.option("--paused", is_flag=True, help="Pause all queues, to look around before work begins.")
@click.option(
    "--hold-webhooks",
    is_flag=True,
    help="Make no webhook call that is owed until POST /api/v1/admin/webhooks/resume.",
)
def import_(
    export: Path,
    database: str,
    resume: bool,
    ignore_unknown: bool,
    paused: bool,
    hold_webhooks: bool,
) -> None:
    """Make a database file of an export, checked and ready to be served.

    If the file exists, the organization of an export with --org is added to it; the file as it was
    is kept as PATH.before-import-TIME. No server may be using it. Exit code 1 when nothing was
    imported.
    """
    if database == IN_MEMORY:
        raise click.BadParameter("an export is imported into a file", param_hint="--database")
    if not export.is_file():
        raise click.BadParameter(
            f"{export} is a pipe or a device, and an export is read more than once: import a file",
            param_hint="EXPORT",
        )
    path = os.path.realpath(database)
    if (paused or hold_webhooks) and os.path.exists(path):
        raise click.UsageError(
            f"{path} exists, and --paused and --hold-webhooks would concern all of it: they are for"
            " a new file"
        )
    began = time.monotonic()
    with Console(stderr=True).status("reading") as status:

        def show(taken: Taken) -> None:
            status.update(f"storing {taken.lines:,} lines, {taken.bytes // 2**20} MiB")

        async def taken(partial: str, only: str | None) -> Trailer:
            async with offline(partial, hooks()) as db:
                trailer = await take_file(
                    db, export, only=only, allows_unknown=ignore_unknown, on_taken=show
                )
                await prepare(db, pauses=paused, holds=hold_webhooks, reason=PAUSED_BECAUSE)
                status.update("checking")
                await finish_import(db)
                return trailer

        try:
            check_place(path)
            done = import_file(
                export,
                path,
                take=lambda partial, only: asyncio.run(taken(partial, only)),
                resume=resume,
                now_ms=SystemClock().now_ms(),
            )
        except LineRefused as error:
            raise click.ClickException(f"{export}: {error.message}") from error
        except (ImportFailed, CannotUseFile) as error:
            raise click.ClickException(str(error)) from error
        except (SpooledError, OSError, sqlite3.Error) as error:
            left = f"; what was stored is kept as {path}{PARTIAL_SUFFIX}: go on with --resume"
            raise click.ClickException(f"{error}{left}") from error
    _tell(done.trailer, time.monotonic() - began)
    if done.old is not None:
        click.echo(f"kept      the file that was there, as {done.old}")
    click.echo(f"wrote     {path}, checked")
    if not done.header.has_secrets:
        click.echo(
            "mind      the export has no secrets: give API keys and webhooks new ones before they"
            " are used"
        )


def _tell(trailer: Trailer, seconds: float) -> None:
    count = sum(trailer.lines.values())
    click.echo(f"imported  {count:,} lines in {seconds:.1f} s ({said_of(trailer)})")


def said_of(trailer: Trailer) -> str:
    """What is in an export, such as `412,118 job, 3 queue`."""
    by_count = sorted(trailer.lines.items(), key=lambda each: -each[1])
    return ", ".join(f"{count:,} {kind}" for kind, count in by_count)
