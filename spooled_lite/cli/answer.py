"""What a server answered, and what becomes of it when it is a refusal or not Spooled at all."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import click
import httpx
import msgspec
from msgspec import Struct

from spooled_lite.cli.escaped import message_of

ANSWER_BYTES_MAX: Final = 256 * 2**20  # a hundred jobs with the largest payloads are less
DETAILS_MAX: Final = 20
RETRY_DIGITS_MAX: Final = 6  # of the seconds of a Retry-After; more is no advice
_BEHIND: Final = frozenset({502, 503, 504})  # what a proxy says when nobody is behind it

T = TypeVar("T")


class Unreachable(click.ClickException):
    """Nobody answered, or something that is no Spooled server did."""

    exit_code = 3


class ServerRefused(click.ClickException):
    """The server answered with an error. The message is its own."""

    exit_code = 1

    def __init__(
        self, message: str, *, status: int, code: str = "", retry_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_seconds = retry_seconds  # after which it may be asked again, if it said so

    def hinted(self, hint: str) -> "ServerRefused":
        """The same with a line of advice."""
        return ServerRefused(f"{self.message}\n{hint}", status=self.status, code=self.code)


class Answered(Struct, frozen=True):
    status: int
    headers: httpx.Headers
    body: bytes

    def read(self, kind: type[T]) -> T:
        """The body as this type. Raises Unreachable when it is something else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Unreachable(
                f"what answers there is not Spooled: {message_of(str(error))}"
            ) from None


def whole(response: httpx.Response) -> Answered:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise Unreachable(f"the answer is longer than {ANSWER_BYTES_MAX // 2**20} MiB")
    return Answered(response.status_code, response.headers, bytes(body))


def refusal(url: str, answer: Answered) -> click.ClickException:
    """What an answer that is no success means."""
    if answer.status < 400:
        return Unreachable(
            f"{url} answers with {answer.status} and sends to"
            f" {message_of(answer.headers.get('location', 'nowhere'))}: is --url right?"
        )
    try:
        said = msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        said = {}
    message = said.get("message") or said.get("error")
    if not isinstance(message, str):
        told = f"{url} answers with {answer.status} and not as Spooled does"
        if answer.status in _BEHIND:
            return Unreachable(f"{told}: nobody seems to be behind this address")
        return ServerRefused(f"{told}: is --url right?", status=answer.status)
    code = said.get("code")
    known_code = code if isinstance(code, str) else ""
    lines = [message_of(message) + (f" ({message_of(known_code)})" if known_code else "")]
    wait = answer.headers.get("retry-after", "")
    retry_seconds = int(wait) if wait.isdecimal() and len(wait) <= RETRY_DIGITS_MAX else None
    if retry_seconds is not None:
        lines.append(f"  try again in {retry_seconds} s")
    lines += (f"  {each}" for each in _details(said.get("details")) if each not in lines[0])
    return ServerRefused(
        "\n".join(lines), status=answer.status, code=known_code, retry_seconds=retry_seconds
    )


def _details(details: Any) -> Iterator[str]:
    """What the error says beyond its message, a line each."""
    if isinstance(details, Mapping):
        for name, each in list(details.items())[:DETAILS_MAX]:
            told = each if isinstance(each, str) else msgspec.json.encode(each).decode()
            yield message_of(f"{name}: {told}")
    elif isinstance(details, list):
        for each in details[:DETAILS_MAX]:
            if isinstance(each, Mapping) and isinstance(each.get("message"), str):
                yield message_of(each["message"])
