"""`spooled-lite health`: whether a server can take work, for health checks of containers.

It runs every few seconds, so it imports little and speaks HTTP over a plain socket.
"""

import json
import socket
import sys
import time
from typing import Any, Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

PATH: Final = "/health/ready"
SECONDS: Final = 3.0  # for the whole question; most health checks are given up after five or more
ANSWER_BYTES_MAX: Final = 65_536  # the answer has some 300 bytes; another server may say anything
READ_BYTES: Final = 4_096
PORT: Final = 8080
_PORTS: Final = {"http": 80, "https": 443}


class NotReached(Exception):
    """Nobody answered, or what answered is no Spooled server. The message says which."""


@click.command()
@click.option(
    "--url",
    envvar="SPOOLED_URL",
    help="Address of the server.  [variable: SPOOLED_URL; default: this machine, with --port]",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    envvar="SPOOLED_PORT",
    help=f"Port of a server on this machine.  [variable: SPOOLED_PORT; default: {PORT}]",
)
@click.option("--timeout", "seconds", type=click.FloatRange(0.1, 60), default=SECONDS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def health(
    ctx: click.Context, url: str | None, port: int | None, seconds: float, as_json: bool
) -> None:
    """Ask a server whether it can take work, and print one line that says why not.

    Exit codes: 0 when it can, 1 when it cannot or nobody answers.
    """
    if _is_typed(ctx, "port") and not _is_typed(ctx, "url"):
        url = None  # what was typed counts before the environment
    address = url or f"http://127.0.0.1:{port or PORT}"
    try:
        status, found = ask(address, seconds)
    except NotReached as error:
        status, found = None, {"message": f"{address} cannot be reached: {error}"}
    is_ready = status == 200
    if as_json:
        click.echo(json.dumps({**found, "ready": is_ready, "http_status": status}))
    else:
        click.echo(line_about(found, is_ready=is_ready))
    sys.exit(0 if is_ready else 1)


def _is_typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def line_about(found: dict[str, Any], *, is_ready: bool) -> str:
    """One line: whether it is ready, why not, and what was looked at."""
    parts = ["ready"] if is_ready else [f"not ready: {found.get('message', 'no reason was given')}"]
    checks = found.get("checks")
    if isinstance(checks, dict):
        parts += [f"{name} {checks[name]}" for name in ("writer", "disk") if name in checks]
        backup = checks.get("backup")
        if isinstance(backup, dict):
            verified = "" if backup.get("verified") else ", not verified"
            parts.append(f"last backup {backup.get('at') or 'never'}{verified}")
        archive = checks.get("archive")
        if isinstance(archive, dict):
            well = "" if archive.get("well") else ", not well"
            parts.append(f"archive {archive.get('lag_seconds')} s behind{well}")
        warnings = checks.get("warnings")
        if isinstance(warnings, list):
            parts += [f"warning: {each}" for each in warnings]
    return " · ".join(parts)


def ask(url: str, seconds: float) -> tuple[int, dict[str, Any]]:
    """The status and the body of the answer to `GET /health/ready` below this address.

    Raises:
        click.BadParameter: this is no address of an HTTP server.
        NotReached: there was no answer in time, or it was not that of a Spooled server.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise click.BadParameter(f"{url} is no http or https address", param_hint="--url") from None
    host = parts.hostname or "127.0.0.1"
    request = (
        # HTTP/1.0, so that the answer comes in one piece and the connection ends with it.
        f"GET {parts.path.rstrip('/')}{PATH} HTTP/1.0\r\n"
        f"Host: {parts.netloc.rpartition('@')[2]}\r\nAccept: application/json\r\n\r\n"
    )
    try:
        answer = _exchange(host, port, request.encode(), seconds, is_tls=parts.scheme == "https")
    except TimeoutError:
        raise NotReached(f"no answer within {seconds:g} s") from None
    except (OSError, UnicodeError) as error:
        raise NotReached(getattr(error, "strerror", None) or str(error)) from None
    return _parsed(answer)


def _exchange(host: str, port: int, request: bytes, seconds: float, *, is_tls: bool) -> bytes:
    ends_at = time.monotonic() + seconds
    with socket.create_connection((host, port), timeout=seconds) as plain:
        connection = plain
        if is_tls:
            import ssl  # takes as long to import as all the rest, and few ask over TLS

            connection = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        with connection:
            connection.sendall(request)
            answer = b""
            while len(answer) < ANSWER_BYTES_MAX:
                left = ends_at - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                connection.settimeout(left)
                chunk = connection.recv(READ_BYTES)
                if not chunk:
                    break
                answer += chunk
    return answer


def _parsed(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise NotReached("what answers there does not speak HTTP")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # the second comes from deep nesting
        found = None
    if not isinstance(found, dict) or "checks" not in found:
        raise NotReached("what answers there is not Spooled Lite")
    return int(words[1]), found
