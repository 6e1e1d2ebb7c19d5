"""Has a running server export what it holds, and writes what comes."""

from collections.abc import Callable
from typing import Final

from spooled_lite.cli.answer import Unreachable
from spooled_lite.cli.client import Client
from spooled_lite.cli.connect import ADMIN_KEY_KIND, checked_key
from spooled_lite.core.export.read import WantedLines
from spooled_lite.exports.output import ExportFile

# Nothing comes while the server copies its file: a large one takes minutes.
SILENCE_SECONDS_MAX: Final = 15 * 60.0
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
    key = checked_key(ADMIN_KEY_KIND, admin_key, ADMIN_KEY_KIND.option)
    asked = _params(wanted, output)
    try:
        with (
            Client(url, {ADMIN_KEY_KIND.header: key}) as client,
            client.stream("GET", "/admin/export", asked, seconds=SILENCE_SECONDS_MAX) as answer,
        ):
            for piece in answer.iter_raw(_PIECE_BYTES):
                output.write(piece)
                on_progress()
    except Unreachable as error:
        left = "; go on with --resume" if output.written.position else ""
        raise Unreachable(f"{error.message}{left}") from None


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
