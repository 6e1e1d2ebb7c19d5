"""Complete, fail and renew over gRPC, as single calls and in the stream of ProcessJobs.

The same acts over REST are in wire/http/resources/attempts.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.lifecycle import renew as leases
from spooled_lite.core.lifecycle import settle
from spooled_lite.errors import Conflict, LeaseExpired, NotFound
from spooled_lite.storage.transaction import PreparedStep
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.convert import (
    claimant_of,
    error_of,
    fail_response,
    job_id_of,
    lease_ms_of,
    may_retry,
    renew_response,
    result_of,
)
from spooled_lite.wire.grpc.descriptors import spooled_class

COMPLETED: Final[bytes] = spooled_class("CompleteResponse")(success=True).SerializeToString()
NOT_RENEWED: Final[bytes] = renew_response(None).SerializeToString()


class Command(Struct, frozen=True):
    """A decoded request: the job, its worker and lease, and the arguments of the act."""

    job_id: str
    claimant: Claimant
    more: tuple[Any, ...]  # the further arguments of this act


class Settlement(Struct, frozen=True):
    """How one of the three acts is decoded, run and answered. Contract: grpc, 5.3 to 5.6."""

    field: int  # the number of its response in ProcessResponse
    read: Callable[[Any], Command]  # raises RuleBroken, PayloadTooLarge
    step: Callable[[Call, Command], PreparedStep]  # gives the operation and its arguments
    say: Callable[[Any], bytes]  # makes the response from the result of the operation

    def submit(self, call: Call, command: Command) -> asyncio.Future[Any]:
        operation, arguments = self.step(call, command)
        return call.write(operation, *arguments)

    async def answer(self, command: Command, outcome: Awaitable[Any]) -> bytes:
        """The response, once the outcome is committed.

        Raises:
            NotFound, LeaseExpired, Conflict: as `settle.complete`.
        """
        try:
            return self.say(await outcome)
        except (NotFound, LeaseExpired, Conflict):
            if self is RENEW and not command.claimant.lease_id:
                return NOT_RENEWED  # a request without a lease is answered without the reason
            raise


def _read_complete(request: Any) -> Command:
    return Command(job_id_of(request), claimant_of(request), (result_of(request),))


def _complete(call: Call, said: Command) -> PreparedStep:
    return settle.complete, (call.org, said.job_id, said.claimant, *said.more, call.scope)


def _read_fail(request: Any) -> Command:
    more = (error_of(request), may_retry(request))
    return Command(job_id_of(request), claimant_of(request), more)


def _fail(call: Call, said: Command) -> PreparedStep:
    error, retries = said.more
    return settle.fail, (call.org, said.job_id, said.claimant, error, call.scope, retries)


def _read_renew(request: Any) -> Command:
    more = (lease_ms_of(request.extension_secs),)
    return Command(job_id_of(request), claimant_of(request), more)


def _renew(call: Call, said: Command) -> PreparedStep:
    return leases.renew, (call.org, said.job_id, said.claimant, *said.more, call.scope)


def _serialized(render: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    return lambda result: bytes(render(result).SerializeToString())


COMPLETE: Final = Settlement(2, _read_complete, _complete, lambda _: COMPLETED)
FAIL: Final = Settlement(3, _read_fail, _fail, _serialized(fail_response))
RENEW: Final = Settlement(
    4, _read_renew, _renew, _serialized(lambda renewal: renew_response(leases.end_of(renewal)))
)
# The acts by their names in the `oneof` of ProcessRequest.
SETTLEMENTS: Final[Mapping[str, Settlement]] = {
    "complete": COMPLETE,
    "fail": FAIL,
    "renew_lease": RENEW,
}
