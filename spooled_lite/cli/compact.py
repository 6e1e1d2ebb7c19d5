"""`spooled-lite compact`: gives the disk back what a database file does not need any more."""

import os
import sqlite3
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console

from spooled_lite.backups.facts import Facts, FileFailed, facts_of, problems_of_copy
from spooled_lite.clock import SystemClock
from spooled_lite.storage.compact import NotCompacted
from spooled_lite.storage.compact import compact as compact_file
from spooled_lite.storage.file_guard import CannotUseFile


@click.command()
@click.option(
    "--database", required=True, metavar="PATH", help="The file. No server may be using it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compact(database: str, as_json: bool) -> None:
    """Write a database file anew without its free pages, after it once was larger.

    The new one is checked, and then takes the place of the old one. Exit code 1 when nothing was
    changed.
    """
    path = os.path.realpath(database)
    began = time.monotonic()
    rows = 0

    def problems(copy: Path, facts: Facts) -> list[str]:
        nonlocal rows
        rows = sum(facts.rows.values())
        return problems_of_copy(copy, facts, SystemClock().now_ms())

    try:
        with Console(stderr=True).status("opening") as status:
            done = compact_file(
                path,
                measure=facts_of,
                problems=problems,
                on_stage=lambda stage: status.update(f"{stage} {path}"),
            )
    except (FileFailed, sqlite3.Error) as error:
        raise click.ClickException(f"{path}: {error}") from error
    except (NotCompacted, CannotUseFile, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(
            msgspec.json.encode({"path": path, "rows": rows, **msgspec.structs.asdict(done)})
        )
        return
    click.echo(f"checked    {rows:,} rows, integrity and sums ok")
    click.echo(
        f"compacted  {path}: {done.bytes_before / 2**20:.1f} MiB before,"
        f" {done.bytes_after / 2**20:.1f} MiB now ({time.monotonic() - began:.1f} s)"
    )
