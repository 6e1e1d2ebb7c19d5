"""The file of `--ready-file`, which exists only while the server accepts connections."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec


class CannotUseReadyFile(Exception):
    """The file cannot be used. The message names it and the reason. Nothing was started."""


class CannotWriteReadyFile(Exception):
    """The file cannot be written, although the check before the start passed."""


class ReadyFile:
    """Tells programs the server's addresses and keys, so only its owner may read it."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._written: os.stat_result | None = None

    def prepare(self) -> None:
        """Remove the file of an earlier run, so that programs wait for the new one.

        Raises:
            CannotUseReadyFile: the file could not be written later.
        """
        folder = self._path.parent
        try:
            if not folder.is_dir():
                raise NotADirectoryError(None, "the folder does not exist")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(None, "the folder is not writable")
            if self._path.is_dir():
                raise IsADirectoryError(None, "this is a folder")
            self._path.unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotUseReadyFile(f"{self._path}: {reason}") from None

    def write(self, about: Mapping[str, Any]) -> None:
        """Write the file, as a whole or not at all.

        Raises:
            CannotWriteReadyFile: the disk is full or the folder was removed, for example.
        """
        partial = Path(f"{self._path}.{os.getpid()}.partial")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(about) + b"\n")
                file.flush()
                os.fsync(file.fileno())  # or a power cut may leave an empty file of this name
            partial.replace(self._path)
            self._written = self._path.stat()
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise CannotWriteReadyFile(
                f"the ready file {self._path} cannot be written: {error.strerror}"
            ) from error

    def remove(self) -> None:
        """Remove the file, unless another server has replaced the one that this process wrote."""
        with contextlib.suppress(OSError):
            if self._written is not None and os.path.samestat(self._path.stat(), self._written):
                self._path.unlink()


@contextmanager
def ready_file_at(path: str | None) -> Iterator[ReadyFile | None]:
    """The ready file of one run of the server, removed at its end; None without a path.

    Raises:
        CannotUseReadyFile: as `prepare`.
    """
    if path is None:
        yield None
        return
    file = ReadyFile(path)
    file.prepare()
    try:
        yield file
    finally:
        file.remove()
