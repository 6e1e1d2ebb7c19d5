"""Has a running server export what it holds, and writes what comes."""

from collections.abc import Callable
from typing import Any, Final

import click
import httpx
import msgspec

from spooled_lite.core.export.read import WantedLines
from spooled_lite.exports.output import ExportFile

# Nothing comes while the server copies its file: a large one takes minutes.
SILENCE_SECONDS_MAX: Final = 15 * 60.0
CONNECT_SECONDS_MAX: Final = 30.0
_PIECE_BYTES: Final = 256 * 1024


def ask_for_export(
    url: str,
    admin_key: str,
    wanted: WantedLines,
    output: ExportFile,
    on_progress: Callable[[], None],
) -> None:
    """Write what comes, as far as it comes.

    Raises:
        click.ClickException: the server refused, or it cannot be reached.
        ExportFailed: what comes is no export, or ends with the reason why there is no more.
    """
    timeout = httpx.Timeout(SILENCE_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
    address = f"{url.rstrip('/')}/api/v1/admin/export"
    try:
        with (
            httpx.Client(headers={"X-Admin-Key": admin_key}, timeout=timeout) as client,
            client.stream("GET", address, params=_params(wanted, output)) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise click.ClickException(f"{address}: {_said(answer)}")
            for piece in answer.iter_bytes(_PIECE_BYTES):
                output.write(piece)
                on_progress()
    except httpx.HTTPError as error:
        left = "; go on with --resume" if output.written.position else ""
        raise click.ClickException(f"{url}: {error or type(error).__name__}{left}") from error
    except httpx.InvalidURL as error:
        raise click.ClickException(f"{url}: {error}") from error


def _params(wanted: WantedLines, output: ExportFile) -> dict[str, str]:
    header = output.written.header
    if header is not None:
        return {"moment": header.moment, "after": str(output.written.position)}
    params = {"without_secrets": "false" if wanted.with_secrets else "true"}
    if wanted.organization is not None:
        params["organization"] = wanted.organization
    if wanted.kinds is not None:
        params["kinds"] = ",".join(wanted.kinds)
    return params


def _said(answer: httpx.Response) -> str:
    try:
        body: Any = msgspec.json.decode(answer.content)
    except msgspec.MsgspecError:
        body = None
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or answer.status_code)
