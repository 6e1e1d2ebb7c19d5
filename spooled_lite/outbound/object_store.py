"""Backups in a bucket of S3, or of a service that speaks like it. Only this module knows obstore.

Nothing that the library says is passed on as it is: the answers of services name keys.
"""

import asyncio
import builtins
import io
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

import obstore
from msgspec import Struct
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from spooled_lite.outbound.stores import (
    TEXT_BYTES_MAX,
    AlreadyStored,
    NotStored,
    Stored,
    StoreTrouble,
)

T = TypeVar("T")

TRIES: Final = 5  # of every request
FIRST_WAIT_SECONDS: Final = 0.5  # between two tries; then twice as long each time
WAIT_SECONDS_MAX: Final = 10
CONNECT_SECONDS: Final = 5
# Of one request. A part of 8 MiB passes in it at 70 KiB a second.
REQUEST_SECONDS: Final = 120
# Of all tries of a request. What was signed is good for five minutes.
TRIES_SECONDS: Final = 240
PART_BYTES: Final = 8 * 2**20  # of an upload; two of them are in memory
PARTS_MAX: Final = 9_000  # S3 takes 10,000
PARTS_AT_ONCE: Final = 2
READ_BYTES: Final = 4 * 2**20  # asked for at once of a file that is read
NAMES_AT_ONCE: Final = 1_000  # a page of a list of S3
NAMES_MAX: Final = 1_000_000  # of a list: a week of an archive has up to 600,000 windows
LOOK_SECONDS: Final = 0.1  # how late a stop may be seen
PIECE_BYTES: Final = 2**20  # of a file that is sent; a stop is looked for between two of them
# How long a stop waits for the service to forget the parts of an upload that it ends.
FORGET_SECONDS: Final = 2.0

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_NO_KEYS: Final = "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_REFUSED: Final = (PermissionDeniedError, UnauthenticatedError)


class BucketTerms(Struct, frozen=True):
    """How a service is found and asked. What is None the library takes from the AWS variables."""

    endpoint: str | None = None
    region: str | None = None
    first_wait_seconds: float = FIRST_WAIT_SECONDS
    request_seconds: float = REQUEST_SECONDS
    part_bytes: int = PART_BYTES


class Bucket:
    """A store in a bucket, below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        terms: BucketTerms,
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_stopping` ends every wait, from whichever thread it is set.

        Raises:
            StoreTrouble: the terms or the AWS variables cannot be used.
        """
        self._where = f"s3://{bucket}/{prefix}".rstrip("/")
        self._is_stopping = is_stopping
        self._terms = terms
        self._is_conditional = True  # until the service says that it knows no conditions
        # One at a time: not every service knows how to delete many.
        given: dict[str, Any] = {
            "endpoint": terms.endpoint,
            "region": terms.region,
            "disable_bulk_delete": True,
        }
        with self._told(""):
            self._s3 = S3Store(
                bucket,
                prefix=prefix or None,
                client_options=_client_options(terms),
                retry_config={
                    "max_retries": TRIES - 1,
                    "backoff": {
                        "init_backoff": timedelta(seconds=terms.first_wait_seconds),
                        "max_backoff": timedelta(seconds=WAIT_SECONDS_MAX),
                        "base": 2,
                    },
                    "retry_timeout": timedelta(seconds=TRIES_SECONDS),
                },
                **{name: value for name, value in given.items() if value is not None},
            )

    @property
    def where(self) -> str:
        return self._where

    def list(self, prefix: str = "") -> builtins.list[Stored]:
        async def pages() -> builtins.list[Stored]:
            found = []
            # Names come in their order, and the library knows prefixes of whole folders only.
            async for page in obstore.list(
                self._s3, offset=prefix or None, chunk_size=NAMES_AT_ONCE
            ):
                # What is in a folder below is none of ours.
                found += [
                    Stored(each["path"], each["size"])
                    for each in page
                    if each["path"].startswith(prefix)
                ]
                if len(found) > NAMES_MAX:
                    raise StoreTrouble(f"{self._where}: there are more than {NAMES_MAX} names here")
                if page and page[-1]["path"] > prefix and not page[-1]["path"].startswith(prefix):
                    break
            return sorted(each for each in found if "/" not in each.name)

        return self._done("", pages)

    def read(self, name: str) -> bytes:
        async def text() -> bytes:
            found = await obstore.get_async(self._s3, name)
            if found.meta["size"] > TEXT_BYTES_MAX:
                raise StoreTrouble(f"{self._named(name)}: longer than {TEXT_BYTES_MAX} bytes")
            return bytes(await found.bytes_async())

        return self._done(name, text)

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """The file is asked for piece by piece, so that none has to arrive in one go."""
        meta = self._done(name, lambda: obstore.head_async(self._s3, name))

        def piece(start: int, end: int) -> bytes:
            async def fetch() -> bytes:
                found = await obstore.get_async(
                    self._s3, name, options={"range": (start, end), "if_match": meta["e_tag"]}
                )
                return bytes(await found.bytes_async())

            got = self._done(name, fetch)
            if len(got) != end - start:
                raise StoreTrouble(f"{self._named(name)}: {len(got)} of {end - start} bytes came")
            return got

        with _Download(meta["size"], piece) as raw:
            yield cast(BinaryIO, io.BufferedReader(raw))

    def put(self, name: str, source: Path) -> None:
        """Send a file, in parts if it is long. S3 shows none of them before it has all.

        A long one is only looked for before: parts know no condition.
        """
        size = source.stat().st_size
        if size <= self._terms.part_bytes:
            return self.create(name, source.read_bytes())
        self._check_is_new(name)
        part_bytes = max(self._terms.part_bytes, -(-size // PARTS_MAX))
        self._done(
            name,
            lambda: obstore.put_async(
                self._s3,
                name,
                self._pieces(name, source),
                use_multipart=True,
                chunk_size=part_bytes,
                max_concurrency=PARTS_AT_ONCE,
            ),
            stop_seconds=FORGET_SECONDS,
        )
        return None

    def _pieces(self, name: str, source: Path) -> Iterator[bytes]:
        """The file. An error that comes from here has the library drop the parts that were sent."""
        with open(source, "rb") as file:
            while piece := file.read(PIECE_BYTES):
                self._check_not_stopping(name)
                yield piece

    def create(self, name: str, text: bytes) -> None:
        """Look first, since there are services that take no notice of the condition."""
        self._check_is_new(name)
        if self._is_conditional:
            try:
                self._done(name, lambda: obstore.put_async(self._s3, name, text, mode="create"))
                return
            except _NoConditions:
                self._is_conditional = False
        self._done(name, lambda: obstore.put_async(self._s3, name, text))

    def delete(self, name: str) -> None:
        with suppress(NotStored):
            self._done(name, lambda: obstore.delete_async(self._s3, name))

    def _check_is_new(self, name: str) -> None:
        try:
            self._done(name, lambda: obstore.head_async(self._s3, name))
        except NotStored:
            return
        raise AlreadyStored(f"{self._named(name)} is there already")

    def _named(self, name: str) -> str:
        return f"{self._where}/{name}" if name else self._where

    def _check_not_stopping(self, name: str) -> None:
        if self._is_stopping():
            raise StoreTrouble(f"{self._named(name)}: given up, since the server stops")

    def _done(self, name: str, ask: Callable[[], Awaitable[T]], *, stop_seconds: float = 0.0) -> T:
        """Ask, and wait for the answer, on a loop of its own: so a stop can end the wait.

        `stop_seconds`: how long a stop lets the request end by itself.
        """
        with self._told(name):
            return asyncio.run(self._until_stopped(name, ask, stop_seconds))

    async def _until_stopped(
        self, name: str, ask: Callable[[], Awaitable[T]], stop_seconds: float
    ) -> T:
        asking = asyncio.ensure_future(self._tried(ask))
        try:
            while not asking.done():
                if self._is_stopping():
                    await asyncio.wait({asking}, timeout=stop_seconds)
                    if asking.done():
                        break
                    self._check_not_stopping(name)
                await asyncio.wait({asking}, timeout=LOOK_SECONDS)
            return asking.result()
        finally:
            asking.cancel()

    async def _tried(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again when the service refuses: keys that are new are not known everywhere at once.
        The library does so for what is broken or slow."""
        wait = self._terms.first_wait_seconds
        for _ in range(TRIES - 1):
            try:
                return await ask()
            except _REFUSED:
                await asyncio.sleep(min(wait, WAIT_SECONDS_MAX))
                wait *= 2
        return await ask()

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Errors in our words. Those of the library are no cause of them: a log would show it."""
        named = self._named(name)
        try:
            yield
        except (AlreadyExistsError, PreconditionError) as error:
            if isinstance(error, AlreadyExistsError):
                raise AlreadyStored(f"{named} is there already") from None
            raise StoreTrouble(f"{named}: changed while it was read") from None
        except FileNotFoundError as error:
            if _code_of(error) == "NoSuchBucket":
                raise StoreTrouble(f"{self._where}: there is no such bucket") from None
            raise NotStored(f"{named}: there is nothing of this name") from None
        except (BaseError, OSError, ValueError) as error:
            if "status code: 501" in str(error):
                raise _NoConditions(f"{named}: the service does not know this request") from None
            if _code_of(error) == "NoSuchBucket":
                raise StoreTrouble(f"{self._where}: there is no such bucket") from None
            raise StoreTrouble(f"{named}: {_said(error)}") from None


class _NoConditions(StoreTrouble):
    """The service does not know the request as it was asked."""


class _Download(io.RawIOBase):
    """Asks for whole pieces, however little is read at a time."""

    def __init__(self, size: int, piece: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._piece = piece
        self._at = 0
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._held:
            end = min(self._at + READ_BYTES, self._size)
            if end == self._at:
                return 0
            self._held = memoryview(self._piece(self._at, end))
            self._at = end
        given = self._held[: len(into)]
        into[: len(given)] = given
        self._held = self._held[len(given) :]
        return len(given)


def _client_options(terms: BucketTerms) -> Any:
    options: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=terms.request_seconds),
    }
    # Without TLS only where an address says so: one that was given, or one of the AWS variables.
    if terms.endpoint is None or terms.endpoint.startswith("http://"):
        options["allow_http"] = True
    return options


def _code_of(error: Exception) -> str | None:
    found = _CODE.search(str(error))
    return found[1] if found else None


def _said(error: Exception) -> str:
    text = str(error)
    if status := _STATUS.search(text):
        said = " ".join(each for each in (status[1], _code_of(error)) if each)
        if isinstance(error, _REFUSED):
            return f"the service refused the request ({said}): check the AWS credentials"
        return f"the service answered {said}"
    for sign, said in (
        ("MissingAccessKeyId", _NO_KEYS),
        ("MissingSecretAccessKey", _NO_KEYS),
        ("redential", _NO_KEYS),
        ("kind: Timeout", "the service did not answer in time"),
        ("kind: Connect", "the service cannot be reached"),
        ("kind: Interrupted", "the connection broke off"),
    ):
        if sign in text:
            return said
    return "the service could not be asked: check the address, the region and the AWS variables"
