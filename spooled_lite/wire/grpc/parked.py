"""The dequeues of a stream that found no job and wait for one; each is answered once."""

from collections.abc import Callable
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.errors import SpooledError
from spooled_lite.storage.backlog import Request
from spooled_lite.wire.grpc.call import Call
from spooled_lite.wire.grpc.errors import TooManyStreams, told
from spooled_lite.wire.waiting.claims import leave_line, stand_in_line

PARKED_MAX: Final = 100  # dequeues of one stream, for different queues or workers

ParkedKey = tuple[str, str]


class Parked:
    """The waiting dequeues of one stream.

    `arrived` is called with the jobs of a dequeue, `refused` when it is ended by an error.
    """

    def __init__(
        self,
        call: Call,
        *,
        arrived: Callable[[Claim, list[JobRow]], None],
        refused: Callable[[SpooledError], None],
    ) -> None:
        self._call = call
        self._arrived = arrived
        self._refused = refused
        self._requests: dict[ParkedKey, Request] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def park(self, wanted: Claim) -> None:
        """Let a dequeue wait. It replaces one that waits for the same queue and worker.

        Raises:
            TooManyStreams: PARKED_MAX dequeues wait already.
        """
        place = (wanted.queue_name, wanted.worker_id)
        self._drop(place)
        if len(self._requests) >= PARKED_MAX:
            raise TooManyStreams(f"At most {PARKED_MAX} dequeues may wait on one stream")
        call = self._call
        request = stand_in_line(call.db, call.services.waiting, call.claimer, wanted)
        self._requests[place] = request
        request.taker.add_done_callback(lambda _: self._take(place, wanted, request))

    def drop_all(self) -> None:
        """End all waiting dequeues; jobs that were just claimed for them go back."""
        for place in tuple(self._requests):
            self._drop(place)

    def _drop(self, place: ParkedKey) -> None:
        request = self._requests.pop(place, None)
        if request is not None:
            leave_line(self._call.db, self._call.services.waiting, self._call.claimer, request)

    def _take(self, place: ParkedKey, wanted: Claim, request: Request) -> None:
        if self._requests.get(place) is not request:
            return  # it was dropped, and the jobs it had found go back
        del self._requests[place]
        error = request.taker.exception()
        if error is not None:
            self._refused(told(error))
        elif request.taker.result():  # empty when the server stops
            self._arrived(wanted, request.taker.result())
