"""Makes messages of claimed jobs, without the jobs that a client could not read."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.bodies import body_bytes
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.settle import fail_unread
from spooled_lite.core.steps.envelope import payload_given
from spooled_lite.core.steps.given import GivenToWorker
from spooled_lite.wire.bodies import claimed_in_full
from spooled_lite.wire.given import given_to_workers
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import job_bytes
from spooled_lite.wire.grpc.json_structs import TooDeep

# Every client accepts messages of 4 MiB; some room is left for what is around the jobs.
MESSAGES_BYTES_MAX: Final = 4 * 1024 * 1024 - 1024


class HandedOut(Struct, frozen=True):
    messages: list[bytes]
    left: Sequence[JobRow]  # jobs for which there was no room


async def handed_out(call: Call, claimed: Sequence[JobRow]) -> HandedOut:
    """Jobs that were claimed just now, as many as one message can hold, at least one.

    A job whose payload is nested too deep for clients has failed its attempt. A job whose payload
    is damaged becomes a dead letter. Neither is in the answer. When this function fails, its
    caller gives the jobs back.

    Contract: grpc, section 4; amendment 3.
    """
    found = await claimed_in_full(call, claimed)
    left: Sequence[JobRow] = ()
    if any(job["phase"] is not None for job in found):
        given = await given_to_workers(call.reads, found, copies=1)
        found, left = list(map(_with_payload, found, given)), found[len(given) :]
    size_bytes = sum(map(body_bytes, found))
    handed, unread = await call.off_loop(size_bytes, _converted, found, call.org_id)
    if unread:
        await call.write(fail_unread, unread)
    return HandedOut(handed.messages, [*handed.left, *left]) if left else handed


def _with_payload(job: JobRow, given: GivenToWorker | None) -> JobRow:
    """The row of a job with what its worker is given as its payload."""
    if given is None or given.of_document is None:
        return job
    return {**job, "payload": payload_given(job, given)}


def _converted(jobs: Sequence[JobRow], org_id: str) -> tuple[HandedOut, list[tuple[JobRow, str]]]:
    """The messages, and the jobs that clients cannot read with the reason."""
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
