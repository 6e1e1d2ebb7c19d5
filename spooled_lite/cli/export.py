"""`spooled-lite export`: writes what a database holds as lines of JSON, whether or not in use."""

import sqlite3
import time
from pathlib import Path

import click
from rich.console import Console

from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.import_ import said_of
from spooled_lite.clock import SystemClock
from spooled_lite.core.export.all_kinds import BY_NAME
from spooled_lite.core.export.lines import Trailer
from spooled_lite.core.export.read import WantedLines
from spooled_lite.errors import BadRequest
from spooled_lite.exports.failed import ExportFailed
from spooled_lite.exports.moment import MomentAsked, copied_from_outside, moment_of_copy
from spooled_lite.exports.output import ExportFile
from spooled_lite.exports.to_file import write_moment
from spooled_lite.ids import Ids
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.known_file import check_known

COPY_SUFFIX = ".moment"  # the copy that an export is made from, beside it


@click.command()
@click.option(
    "--database", metavar="PATH", help="Export this file from here. A server may be using it."
)
@click.option("--url", help="Or export what the server at this address holds.")
@click.option(
    "--admin-key", envvar="SPOOLED_ADMIN_KEY", help="With --url. Or the variable SPOOLED_ADMIN_KEY."
)
@click.option("--org", "organization", metavar="ID", help="Only this organization.")
@click.option(
    "--kinds", metavar="KIND,KIND…", help=f"Only these kinds of lines, of {', '.join(BY_NAME)}."
)
@click.option("--without-secrets", is_flag=True, help="No secrets, and no hashes of API keys.")
@click.option("--resume", is_flag=True, help="Go on with an export that broke off.")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write. It is packed if its name ends in .gz.",
)
def export(
    database: str | None,
    url: str | None,
    admin_key: str | None,
    organization: str | None,
    kinds: str | None,
    without_secrets: bool,
    resume: bool,
    out: Path,
) -> None:
    """Write all that a database holds as lines of JSON, of one moment.

    `spooled-lite import` makes a database of it again. The file can be read by its owner only: it
    holds secrets, unless you say --without-secrets. Exit code 1 when there is no export, 3
    when the server at --url cannot be reached.
    """
    began = time.monotonic()
    if (database is None) == (url is None):
        raise click.UsageError("give --database, or --url and --admin-key")
    try:
        wanted = WantedLines.checked(
            organization=organization,
            kinds=None if kinds is None else [each.strip() for each in kinds.split(",")],
            with_secrets=not without_secrets,
        )
    except BadRequest as error:
        raise click.BadParameter(error.message, param_hint="--kinds") from error
    try:
        with ExportFile(out, resume=resume) as output:
            if database is not None:
                trailer = _from_here(database, wanted, output)
            else:
                assert url is not None, "one of the two was given"
                trailer = _by_server(url, admin_key, wanted, output)
    except (ExportFailed, CannotUseFile) as error:
        raise click.ClickException(escaped(str(error))) from error  # a server may have said it
    except sqlite3.Error as error:
        named = "" if database is None else f"{database}: "
        raise click.ClickException(f"{named}{error}; go on with --resume") from error
    except OSError as error:
        raise click.ClickException(f"{error}; go on with --resume") from error
    count, size = sum(trailer.lines.values()), out.stat().st_size
    seconds = time.monotonic() - began
    click.echo(f"exported  {count:,} lines in {seconds:.1f} s ({said_of(trailer)})")
    click.echo(f"wrote     {out}  {-(-size // 2**20)} MiB  sha256 {trailer.sha256[:12]}…")


def _by_server(url: str, admin_key: str | None, wanted: WantedLines, output: ExportFile) -> Trailer:
    # Imported here, since the client for HTTP is not needed for a file.
    from spooled_lite.cli.asked_export import ask_for_export

    if not admin_key:
        raise click.UsageError("--url needs --admin-key, or the variable SPOOLED_ADMIN_KEY")
    with Console(stderr=True).status("the server copies its file") as status:
        ask_for_export(
            url,
            admin_key,
            wanted,
            output,
            lambda: status.update(f"{output.written.position // 2**20} MiB"),
        )
    return output.finish()


def _from_here(database: str, wanted: WantedLines, output: ExportFile) -> Trailer:
    copy = Path(f"{output.path}{COPY_SUFFIX}")
    with Console(stderr=True).status("copying") as status:
        if output.written.header is not None:
            moment = moment_of_copy(copy, output.written.header)
        else:
            check_known(database)
            connection = open_reader(database)
            try:
                moment = copied_from_outside(
                    connection,
                    MomentAsked(
                        path=copy,
                        wanted=wanted,
                        name=Ids().new_id(),
                        now_ms=SystemClock().now_ms(),
                    ),
                )
            finally:
                connection.close()
        status.update("writing")
        try:
            trailer = write_moment(moment, output)
        except ExportFailed:
            moment.remove()  # it would fail again
            raise
        moment.remove()
    return trailer
