"""Large payloads and results, read by the reading threads when an answer shows them."""

from asyncio import Future
from collections.abc import Sequence
from typing import Final, ParamSpec, Protocol, TypeVar

from spooled_lite.core.jobs.bodies import (
    PAGE_BYTES_MAX,
    all_whole,
    body_bytes,
    is_whole,
    tracebacks,
    whole,
    whole_while_room,
)
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.following import following
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.follow import may_be_followed
from spooled_lite.core.lifecycle.settle import give_up
from spooled_lite.errors import BodyDamaged, NotFound
from spooled_lite.storage.readers import Reads
from spooled_lite.storage.transaction import Operation

# Up to this size they are read on the event loop, which takes less time than starting a thread.
READ_ON_LOOP_BYTES_MAX: Final = 65_536

# Beside the bodies of a page: most are some KiB.
TRACEBACKS_BYTES_MAX: Final = 1024 * 1024

P = ParamSpec("P")
T = TypeVar("T")
J = TypeVar("J", bound=JobRow)


class Claiming(Protocol):
    """What this module needs of a call that claims jobs."""

    def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @property
    def reads(self) -> Reads: ...


async def in_full(reads: Reads, row: J) -> J:
    """A job with its payload and result.

    Raises:
        BodyDamaged: one of the two is not what was stored.
        NotFound: the job was deleted meanwhile.
    """
    if is_whole(row):
        return row
    is_small = body_bytes(row) <= READ_ON_LOOP_BYTES_MAX
    found = await (reads.point if is_small else reads.read)(whole, row)
    if found is None:
        raise NotFound.thing("Job")
    return found


async def claimed_in_full(call: Claiming, jobs: Sequence[J]) -> Sequence[J]:
    """Jobs that were claimed just now, with their payloads.

    A job whose payload is damaged is left out and becomes a dead letter at once, even if it has
    retries left. When the read as a whole fails, the caller of this function gives the jobs back.
    """
    if all(map(is_whole, jobs)):
        return jobs
    is_small = sum(map(body_bytes, jobs)) <= READ_ON_LOOP_BYTES_MAX
    found = await (call.reads.point if is_small else call.reads.read)(all_whole, jobs)
    for job, each in zip(jobs, found, strict=True):
        if isinstance(each, BodyDamaged):
            await call.write(give_up, [job], each.message)
    return [each for each in found if each is not None and not isinstance(each, BodyDamaged)]


async def page_in_full(reads: Reads, jobs: Sequence[J]) -> Sequence[J]:
    """Jobs of a list, with their payloads and results while the answer has room for them.

    Bodies that do not fit are left out, and so are damaged ones. The answer marks what was left
    out; `in_full` of the one job gives it, or says why it cannot. See docs/decisions/0013.
    """
    if all(map(is_whole, jobs)):
        return jobs
    return await reads.read(whole_while_room, jobs, PAGE_BYTES_MAX)


async def tracebacks_in_full(reads: Reads, jobs: Sequence[JobRow]) -> dict[str, str]:
    """The tracebacks of jobs by their ids, while the answer has room for them.

    Where one was damaged in the file, it has marks in place of what is no text.
    """
    with_one = [job for job in jobs if job["traceback_bytes"] is not None]
    if not with_one:
        return {}
    read = reads.point if len(with_one) == 1 else reads.read
    found = await read(tracebacks, with_one, TRACEBACKS_BYTES_MAX)
    return {job_id: body.decode("utf-8", "replace") for job_id, body in found.items()}


async def following_of(reads: Reads, row: JobRow, scope: Scope) -> JobRow | None:
    """The job that follows the last failure of this one: most cannot have one, and read nothing."""
    if not may_be_followed(row):
        return None
    return await reads.point(following, row["org"], row["id"], scope)
