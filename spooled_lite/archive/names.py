"""What the files of an archive are called: each name says of which file, which chain, which number.

A chain is an unbroken row of windows of one file. Bases are copies of the file at the end of a
window; they are backups, and a link says which.
"""

import re
from typing import Final

from msgspec import Struct

CHAIN_PREFIX: Final = "chain-"
BASE_PREFIX: Final = "base-"
WINDOW_PREFIX: Final = "window-"
_FILE: Final = r"(?P<file>[0-9a-f-]{36})-(?P<chain>[0-9]{6})"
_CHAIN: Final = re.compile(rf"{CHAIN_PREFIX}{_FILE}\.json")
_BASE: Final = re.compile(rf"{BASE_PREFIX}{_FILE}-(?P<number>[0-9]{{9}})\.json")
_WINDOW: Final = re.compile(rf"{WINDOW_PREFIX}{_FILE}-(?P<number>[0-9]{{9}})\.pages")


class ChainName(Struct, frozen=True, order=True):
    """A chain of a file. Chains are counted from 1, whoever began them."""

    file_id: str
    chain: int

    @property
    def of_chain(self) -> str:
        return f"{CHAIN_PREFIX}{self._text}.json"

    def of_base(self, number: int) -> str:
        """`number`: of the window that ends where the base was made; 0: the chain begins there."""
        return f"{BASE_PREFIX}{self._text}-{number:09}.json"

    def of_window(self, number: int) -> str:
        return f"{WINDOW_PREFIX}{self._text}-{number:09}.pages"

    @property
    def windows(self) -> str:
        """What the names of all its windows begin with."""
        return f"{WINDOW_PREFIX}{self._text}-"

    @property
    def next(self) -> "ChainName":
        return ChainName(self.file_id, self.chain + 1)

    @property
    def _text(self) -> str:
        return f"{self.file_id}-{self.chain:06}"


def chain_of(name: str) -> ChainName | None:
    """None: this is the name of something else."""
    found = _CHAIN.fullmatch(name)
    return None if found is None else ChainName(found["file"], int(found["chain"]))


def base_of(name: str) -> tuple[ChainName, int] | None:
    return _numbered(_BASE, name)


def window_of(name: str) -> tuple[ChainName, int] | None:
    return _numbered(_WINDOW, name)


def _numbered(pattern: re.Pattern[str], name: str) -> tuple[ChainName, int] | None:
    found = pattern.fullmatch(name)
    if found is None:
        return None
    return ChainName(found["file"], int(found["chain"])), int(found["number"])
