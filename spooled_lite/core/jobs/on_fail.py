"""The job that follows when all attempts of a run or a job have failed: what it is made with."""

from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.policy import Backoff


class OnFail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is None has its default where the job is made. Contract: catbird-capabilities, T23."""

    queue_name: str | None = None
    max_retries: int | None = None
    timeout_ms: int | None = None  # 0: an attempt may take any time
    backoff: Backoff | None = None


_ON_FAIL: Final = msgspec.json.Decoder(OnFail)


def stored_on_fail(value: OnFail | None) -> bytes | None:
    """As a column holds it: also one that names nothing is one."""
    return None if value is None else msgspec.json.encode(value)


def read_on_fail(stored: bytes) -> OnFail:
    return _ON_FAIL.decode(stored)
