"""`spooled-lite record`: writes down what passes between an application and a server, masked."""

import asyncio
import logging
import sys

import click
import uvloop

from spooled_lite.ready_file import (
    CannotUseReadyFile,
    CannotWriteReadyFile,
    ReadyFile,
    ready_file_at,
)
from spooled_lite.recording.masking import MaskRules
from spooled_lite.recording.patterns import Pattern
from spooled_lite.recording.recorder import recorder
from spooled_lite.recording.server_address import BadTarget, ServerAddress
from spooled_lite.recording.tape import CannotRecord
from spooled_lite.wire.listen import CannotListen
from spooled_lite.wire.signals import StopSignals, stop_on_signal


@click.command()
@click.option("--to", "to", required=True, metavar="URL", help="The server to pass requests on to.")
@click.option("--out", required=True, type=click.Path(), help="The file to make.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="HTTP port.  [default: a free one]"
)
@click.option(
    "--mask", multiple=True, metavar="PATH", help="Mask this member too, like payload.card.*"
)
@click.option(
    "--payloads",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="`drop` keeps the shapes of payloads and results only.",
)
@click.option(
    "--ready-file", type=click.Path(), help="JSON file to write once the recorder listens."
)
def record(
    to: str,
    out: str,
    host: str,
    port: int,
    mask: tuple[str, ...],
    payloads: str,
    ready_file: str | None,
) -> None:
    """Record the requests of an application and their answers, until Ctrl-C.

    Give the printed address to the application in place of the server's. Credentials, tokens,
    secrets, codes and e-mail addresses are masked before anything is written.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    rules = MaskRules([Pattern.of(each) for each in mask if each.strip()], payloads == "drop")
    try:
        target = ServerAddress.of(to)
    except BadTarget as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    try:
        with (
            ready_file_at(ready_file) as ready,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            failure = runner.run(_record(target, out, host, port, rules, ready))
    except CannotUseReadyFile as error:
        raise click.BadParameter(str(error), param_hint="--ready-file") from error
    except (CannotListen, CannotRecord, CannotWriteReadyFile) as error:
        raise click.ClickException(str(error)) from error
    if failure is not None:
        click.echo(f"Error: {out} cannot be written: {failure.strerror}", err=True)
        sys.exit(1)


async def _record(
    target: ServerAddress, out: str, host: str, port: int, rules: MaskRules, ready: ReadyFile | None
) -> OSError | None:
    failures: list[OSError] = []
    with StopSignals() as signals:

        def fail(error: OSError) -> None:
            failures.append(error)
            signals.stopping.set()

        async with recorder(target, out, host=host, port=port, rules=rules, on_failure=fail) as (
            server,
            tape,
        ):
            if ready is not None:
                ready.write({"url": server.url})
            click.echo(f"{server.url} passes on to {target.url}; Ctrl-C ends the recording {out}")
            await stop_on_signal(server, signals)
        click.echo(f"recorded {tape.count} exchanges")
    return failures[0] if failures else None
