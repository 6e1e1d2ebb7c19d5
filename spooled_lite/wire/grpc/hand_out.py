"""Claimed jobs as messages: what a client cannot read is not handed to it, and spoils no others."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.bodies import body_bytes
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.settle import fail_unread
from spooled_lite.wire.bodies import claimed_in_full
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import job_bytes
from spooled_lite.wire.grpc.json_structs import TooDeep

# What every client takes, less some room for what stands around it.
MESSAGES_BYTES_MAX: Final = 4 * 1024 * 1024 - 1024


class HandedOut(Struct, frozen=True):
    messages: list[bytes]
    left: Sequence[JobRow]  # jobs that no longer fit


async def handed_out(call: Call, claimed: Sequence[JobRow]) -> HandedOut:
    """Jobs that were claimed just now, as many as a client takes, at least one.

    One that is nested deeper than clients read has failed its attempt, and one that is damaged is
    a dead letter; neither is in the answer. When this fails, the caller gives the jobs back.

    Contract: grpc, section 4; amendment 3.
    """
    found = await claimed_in_full(call, claimed)
    size_bytes = sum(map(body_bytes, found))
    handed, unread = await call.off_loop(size_bytes, _converted, found, call.org_id)
    if unread:
        await call.write(fail_unread, call.org, unread)
    return handed


def _converted(jobs: Sequence[JobRow], org_id: str) -> tuple[HandedOut, list[tuple[JobRow, str]]]:
    """The second: those that cannot be read, and why."""
    messages: list[bytes] = []
    unread: list[tuple[JobRow, str]] = []
    size_bytes = 0
    for position, job in enumerate(jobs):
        try:
            message = job_bytes(job, org_id)
        except TooDeep as error:
            unread.append((job, error.message))
            continue
        size_bytes += len(message)
        if messages and size_bytes > MESSAGES_BYTES_MAX:
            return HandedOut(messages, jobs[position:]), unread
        messages.append(message)
    return HandedOut(messages, ()), unread
