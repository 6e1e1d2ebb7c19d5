"""Strikes calls of webhooks as the rules say."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from spooled_lite.outbound.answers import reason_of, retry_after_seconds, shown
from spooled_lite.outbound.http_client import REQUEST_FAILED, ReceiverAnswer
from spooled_lite.storage.readers import Readers
from spooled_lite.testing import statements
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.deliveries import Sent
from spooled_lite.testing.faults.answers import bytes_of
from spooled_lite.testing.faults.facts import is_within
from spooled_lite.testing.faults.pauses import pause
from spooled_lite.testing.faults.rules import Faults
from spooled_lite.testing.faults.shapes import AnsweringReceiver, Do, On

EVENT: Final = "X-Spooled-Event"
WHAT: Final = "delivery"

Make = Callable[[], Awaitable[ReceiverAnswer]]


class DeliveryStrikes:
    """Used on the event loop's thread."""

    def __init__(self, faults: Faults, clock: VirtualClock) -> None:
        self._faults = faults
        self._clock = clock

    async def around(self, sent: Sent, readers: Readers, make: Make) -> ReceiverAnswer:
        """What comes of one attempt; `make` makes the call."""
        if not self._faults:
            return await make()
        strike = await self._faults.strike(WHAT, DeliveryFacts(sent, readers).hold)
        if strike is None:
            return await make()
        await pause(self._faults, strike.before_ms)
        answer = await self._done(sent, strike.do, make)
        await pause(self._faults, strike.after_ms)
        return answer

    async def _done(self, sent: Sent, do: Do | None, make: Make) -> ReceiverAnswer:
        if do is None:
            return await make()
        if do.lose:
            return ReceiverAnswer(status_code=200, reason=reason_of(200), duration_ms=0)
        if do.deliver_twice:
            await make()
            return await make()
        if isinstance(do.receiver, AnsweringReceiver):
            if sent.is_for_inbox:
                await make()  # it has the call, and answers it like this
            return await self._answered(do.receiver, sent.total_seconds)
        waited_seconds = sent.total_seconds if do.receiver == "timeout" else 0
        return _failed(waited_seconds)  # nobody waits for that in earnest

    async def _answered(self, receiver: AnsweringReceiver, seconds_max: float) -> ReceiverAnswer:
        latency_ms = receiver.latency_ms or 0
        if latency_ms >= seconds_max * 1000:
            return _failed(seconds_max)
        await pause(self._faults, latency_ms)
        status, headers = receiver.status, receiver.headers or {}
        told = {name.lower(): value for name, value in headers.items()}
        reason = reason_of(status)
        return ReceiverAnswer(
            status_code=status,
            reason=reason,
            body=shown(bytes_of(receiver.body, is_plain=True)),
            retry_after_seconds=retry_after_seconds(
                told.get("retry-after"), told.get("date"), self._clock.now_ms()
            ),
            error=None if 200 <= status < 300 else f"HTTP {status} {reason}".rstrip(),
            duration_ms=latency_ms,
        )


def _failed(waited_seconds: float) -> ReceiverAnswer:
    return ReceiverAnswer(error=REQUEST_FAILED, duration_ms=round(waited_seconds * 1000))


class DeliveryFacts:
    """What is known of an attempt before the call is made."""

    def __init__(self, sent: Sent, readers: Readers) -> None:
        self._sent = sent
        self._readers = readers
        self._headers = {name.lower(): value for name, value in sent.headers.items()}

    async def hold(self, on: On) -> bool:
        wanted, call = on.delivery, self._sent.call
        if wanted is None:
            return False
        return (
            (wanted.event is None or wanted.event == self._headers.get(EVENT.lower()))
            and (wanted.url is None or wanted.url == call.url)
            and (on.job_id is None or on.job_id == self._sent.job_id)
            and all(self._headers.get(name.lower()) == each for name, each in _named(on.headers))
            and (on.body is None or is_within(on.body, self._body()))
            and (on.queue is None or on.queue == await self._queue())
        )

    def _body(self) -> Any:
        return msgspec.json.decode(self._sent.body)

    async def _queue(self) -> object:
        call, job_id = self._sent.call, self._sent.job_id
        if job_id is not None:
            wanted = {"org": call.org, "id": job_id}
            return await self._readers.read(lambda tx: tx.value(statements.QUEUE_OF_JOB, wanted))
        body = self._body()
        data = body.get("data") if isinstance(body, dict) else None
        return data.get("queue_name") if isinstance(data, dict) else None


def _named(headers: dict[str, str] | None) -> list[tuple[str, str]]:
    return list((headers or {}).items())
