"""Which errors are the same: the first line without what differs from one attempt to the next."""

import hashlib
import re
from functools import lru_cache
from typing import Final

TITLE_CHARS_MAX: Final = 500
KEPT_TITLES: Final = 1_024  # titles in memory, so that a storm of one error costs little
OTHERS: Final = 0  # the key of all errors of a queue that has too many different ones
OTHERS_TITLE: Final = "Other errors"

# UUIDs, quoted text, long hexadecimal numbers, numbers.
_DIFFERING: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|\"[^\"]*\"|'[^']*'|`[^`]*`"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b"
    r"|[0-9]+(?:[.,][0-9]+)*"
)


def title_of(error: str) -> str:
    """`HTTP ? from ?` of "HTTP 503 from 'api-1'"."""
    return _DIFFERING.sub("?", error.lstrip()[:TITLE_CHARS_MAX].partition("\n")[0].rstrip())


def error_key(error: str) -> int:
    """64 bits that errors with one title have in common."""
    return _key_of(error.lstrip()[:TITLE_CHARS_MAX])


@lru_cache(maxsize=KEPT_TITLES)
def _key_of(beginning: str) -> int:
    digest = hashlib.blake2b(title_of(beginning).encode("utf-8", "replace"), digest_size=8)
    key = int.from_bytes(digest.digest(), signed=True)
    return key if key != OTHERS else 1


def shown_key(key: int) -> str:
    """16 hexadecimal digits: no client loses any of them."""
    return f"{key & (2**64 - 1):016x}"


def key_shown(text: str) -> int | None:
    """The key that is shown so; None: no key is."""
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        return None
    key = int(text, 16)
    return key if key < 2**63 else key - 2**64
