"""StreamJobs: one job at a time; the next comes once this one is settled or its lease is lost."""

import asyncio
import logging
from typing import Any, Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim, is_held
from spooled_lite.errors import SpooledError, Unavailable
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import claim_of
from spooled_lite.wire.grpc.hand_out import handed_out
from spooled_lite.wire.grpc.streams import DELIVERIES_MAX, Ending, GrpcStreams, stopping
from spooled_lite.wire.waiting.claims import claim_when_there_is, give_back

logger = logging.getLogger(__name__)

TROUBLE_PAUSE_SECONDS: Final = 1.0


class Deliveries:
    """Serves all StreamJobs streams of a server."""

    def __init__(self, streams: GrpcStreams) -> None:
        self._streams = streams

    async def stream_jobs(self, call: Call, request: Any) -> None:
        """Hand out jobs until the client leaves; never ends by itself. Contract: grpc, 6.1.

        When the client leaves, a job that it has received stays leased to it. A job that it has
        not received goes back at once.

        Raises:
            TooManyStreams, Unavailable, Unauthorized, AccessDenied.
        """
        wanted = claim_of(request, limit=1)
        call.scope.check(wanted.queue_name)
        stream = _Delivery(call, wanted)
        with self._streams.opened("StreamJobs", stream, count_max=DELIVERIES_MAX):
            await stream.run()


class _Delivery:
    """One stream."""

    def __init__(self, call: Call, wanted: Claim) -> None:
        self.call = call
        self._wanted = wanted
        self._ending = Ending()

    def check(self) -> None:
        self.call.scope.check(self._wanted.queue_name)

    def end(self, reason: SpooledError) -> None:
        self._ending.end(reason)

    async def run(self) -> None:
        await self._ending.until_done(self.call.context, self._deliver)

    async def _deliver(self) -> None:
        call = self.call
        call.notes.queue, call.notes.jobs = self._wanted.queue_name, 0
        while True:
            job = await self._next()
            if not await self._write(job):
                continue
            call.notes.jobs += 1
            await until_lost(call, job)

    async def _next(self) -> JobRow:
        """The next job, however long that takes."""
        call = self.call
        while True:
            try:
                claimed = await claim_when_there_is(
                    call.db, call.services.waiting, call.claimer, self._wanted
                )
            except Unavailable as error:
                # The storage recovers by itself, and the stream goes on then.
                call.services.counted.log(
                    logger,
                    logging.WARNING,
                    f"streams of jobs, {error.reason}",
                    "a stream of jobs continues after: %s",
                    error,
                )
                await asyncio.sleep(TROUBLE_PAUSE_SECONDS)
                continue
            if not claimed:
                raise stopping()
            return claimed[0]

    async def _write(self, job: JobRow) -> bool:
        """Send the job. False: its payload cannot be read, and the job is no longer leased."""
        call = self.call
        try:
            for message in (await handed_out(call, [job])).messages:
                await call.context.write(message)
                return True
        except BaseException:
            give_back(call.db, call.claimer, [job])
            raise
        return False


async def until_lost(call: Call, job: JobRow) -> None:
    """Return when the job no longer has this lease, whichever way it was settled or lost."""
    with call.services.hints.of(call.org, [job["id"]], ends_only=False) as hint:
        while await call.reads.point(is_held, job["seq"], job["lease_id"]):
            await asyncio.wait({hint.woken})
            hint.renew()
