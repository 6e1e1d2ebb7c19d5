"""The client of the commands that ask a server: one question, its answer, the pages of a list.

It speaks the public API only, so it works with any Spooled.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import click
import httpx
import msgspec
from msgspec import Raw, Struct

import spooled_lite
from spooled_lite.cli.answer import Answered, ServerRefused, Unreachable, refusal, whole
from spooled_lite.cli.escaped import message_of
from spooled_lite.clock import SystemClock
from spooled_lite.times import format_ms

CONNECT_SECONDS_MAX: Final = 10.0
ANSWER_SECONDS_MAX: Final = 60.0  # a server ends most calls after 30
THINGS_AT_ONCE: Final = 100  # the most that every list gives at once
PAGE_TRIES: Final = 5
PAGE_WAIT_SECONDS: Final = 60  # the longest that a page is waited for once
API: Final = "/api/v1"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Parameters = Mapping[str, str | int | None]


def path_of(*parts: str) -> str:
    """A path below the API, such as `/jobs/{id}`, whatever the parts hold.

    Raises:
        click.UsageError: a part cannot stand in a path.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise click.UsageError(f"'{part}' names nothing")
    with _arguments_are_text():
        return "".join(f"/{quote(part, safe='')}" for part in parts)


@contextmanager
def _arguments_are_text() -> Iterator[None]:
    """What a shell hands over may be no UTF-8, and has no place in a request then."""
    try:
        yield
    except UnicodeEncodeError:
        raise click.UsageError("an argument is not UTF-8") from None


class Client:
    """Asks one server. Use it as a context; `headers` say who asks."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self.now_ms = SystemClock().now_ms()  # of the server, once it has answered
        host = _checked_host(url)
        self._http = httpx.Client(
            base_url=self.url + API,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # so that an answer is as long as it looks
                "User-Agent": f"spooled-lite/{spooled_lite.__version__}",
                **headers,
            },
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            # To load certificates takes longer than all the rest, and nothing is checked with them.
            verify=url.startswith("https:"),
            # A proxy of the environment is the way to other machines.
            trust_env=host not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, query: Parameters | None = None) -> Answered:
        return self.ask("GET", path, query)

    def post(self, path: str, body: object = None, *, seconds: float | None = None) -> Answered:
        return self.ask("POST", path, body={} if body is None else body, seconds=seconds)

    def put(self, path: str, body: object) -> Answered:
        return self.ask("PUT", path, body=body)

    def delete(self, path: str, query: Parameters | None = None) -> Answered:
        return self.ask("DELETE", path, query)

    def ask(
        self,
        method: str,
        path: str,
        query: Parameters | None = None,
        *,
        body: object = None,
        seconds: float | None = None,
    ) -> Answered:
        """One question and its whole answer.

        `seconds`: how long to wait for it, when that is longer than for most.

        Raises:
            ServerRefused: the server refused.
            Unreachable: there is no answer, or not that of a Spooled server.
        """
        with self.stream(method, path, query, body=body, seconds=seconds) as response:
            return whole(response)

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        query: Parameters | None = None,
        *,
        body: object = None,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer that goes on, from its head. Raises: as `ask`, also while it is read."""
        more: dict[str, Any] = {"headers": dict(headers or {})}
        if seconds is not None:
            more["timeout"] = httpx.Timeout(seconds, connect=CONNECT_SECONDS_MAX)
        with _arguments_are_text():
            if body is not None:
                more["content"] = msgspec.json.encode(body)
                more["headers"]["Content-Type"] = "application/json"
            said = {name: value for name, value in (query or {}).items() if value is not None}
            parameters = httpx.QueryParams(said)
            str(parameters).encode()
        try:
            with self._http.stream(method, path, params=parameters, **more) as response:
                self._note_time(response.headers.get("date", ""))
                if not response.is_success:
                    raise refusal(self.url, whole(response))
                yield response
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url} cannot be reached: {_reason(error)}") from None

    def things(
        self, path: str, query: Parameters, limit: int | None, *, is_frozen: bool = False
    ) -> Iterator[Raw]:
        """The things of a list in their order, page by page as they are taken; at most `limit`.

        A thing that moved to the next page because of new ones before it is given once.
        `is_frozen` is for lists of jobs with the newest first: those that are created after the
        first page are left out, so the list ends however many come.
        """
        asked, offset, before = dict(query), 0, set[bytes]()
        while limit is None or offset < limit:
            size = THINGS_AT_ONCE if limit is None else min(THINGS_AT_ONCE, limit - offset)
            answer = self._page(path, {**asked, "limit": size, "offset": offset})
            page = answer.read(list[Raw])[: None if limit is None else limit - offset]
            here = {bytes(each) for each in page}
            if here <= before:
                return  # none, or the same again: this list has no pages
            for each in page:
                if bytes(each) not in before:
                    yield each
            offset, before = offset + len(page), here
            if is_frozen and asked.get("created_before") is None:
                asked["created_before"] = _just_after(page[0])
            if answer.headers.get("x-has-more", str(len(page) >= size).lower()) != "true":
                return

    def _page(self, path: str, query: Parameters) -> Answered:
        """A long list may come to the limit of requests; it is waited for."""
        for _ in range(PAGE_TRIES - 1):
            try:
                return self.get(path, query)
            except ServerRefused as error:
                if error.status != 429 or not 0 < (error.retry_seconds or 0) <= PAGE_WAIT_SECONDS:
                    raise
                time.sleep(error.retry_seconds or 0)
        return self.get(path, query)

    def _note_time(self, date: str) -> None:
        # To the second. Relative times are shown by it, so a wrong clock here does not matter.
        with suppress(ValueError):
            self.now_ms = int(parsedate_to_datetime(date).timestamp() * 1000)


class _Created(Struct):
    created_at: datetime


def _just_after(raw: Raw) -> str | None:
    """The millisecond after a job was created; None when it does not say when that was."""
    try:
        created_at = msgspec.json.decode(raw, type=_Created).created_at
        return format_ms(int(created_at.timestamp() * 1000) + 1)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None


def _checked_host(url: str) -> str:
    """The host of the address. Raises click.BadParameter when it is none of a server."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_good = is_good and not (parts.query or parts.fragment) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        is_good = False
    if not is_good:
        raise click.BadParameter(
            f"{message_of(url.rpartition('@')[2])} is no http or https address", param_hint="--url"
        )
    if parts.username or parts.password:
        raise click.BadParameter(
            "the address has a name or a password in it; an API key goes into --api-key-file",
            param_hint="--url",
        )
    return parts.hostname or ""


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS_MAX:g} s"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time; it may have been done all the same"
    if isinstance(error, httpx.ConnectError):
        return message_of(str(error).partition("] ")[2] or str(error))
    return f"{message_of(str(error))}; it may have been done all the same"
