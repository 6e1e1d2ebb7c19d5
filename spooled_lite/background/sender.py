"""Making one webhook call: its headers, its signature, and its body in the right format."""

import logging
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.core.webhooks.formats import formatted
from spooled_lite.core.webhooks.records import Attempt, Outgoing
from spooled_lite.errors import Unavailable
from spooled_lite.outbound.http_client import REQUEST_FAILED, Poster, ReceiverAnswer
from spooled_lite.outbound.signatures import sign
from spooled_lite.spans import Tracer

logger = logging.getLogger(__name__)

USER_AGENT: Final = "Spooled-Webhook/1.0"
SECONDS_MAX: Final = 30.0
TEST_SECONDS_MAX: Final = 10.0
HTTP_FAILURE: Final = 400
BY_HAND_MAX: Final = 32  # calls at once that a request waits for, besides those of the courier


class Sender:
    """Makes the calls. Whatever goes wrong, at the receiver or here, is a failed attempt: attempts
    come to an end, while a delivery that was merely put off would be tried for ever."""

    def __init__(self, client: Poster, clock: Clock, tracer: Tracer | None = None) -> None:
        self._client = client
        self._clock = clock
        self._tracer = tracer
        self._by_hand = 0

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms()

    async def send(self, call: Outgoing, *, total_seconds: float = SECONDS_MAX) -> Attempt:
        """Make one call. Contract: schedules-workflows-webhooks, section 3.4."""
        try:
            return _attempt(await self._post(call, total_seconds))
        except Exception:
            logger.exception("calling a webhook failed unexpectedly")
            return Attempt(error=REQUEST_FAILED)

    async def send_by_hand(self, call: Outgoing, *, total_seconds: float) -> Attempt:
        """The same for a request that waits for the result.

        Raises:
            Unavailable: BY_HAND_MAX of them are under way.
        """
        if self._by_hand >= BY_HAND_MAX:
            raise Unavailable("overloaded", "Too many webhook calls are in progress; try again")
        self._by_hand += 1
        try:
            return await self.send(call, total_seconds=total_seconds)
        finally:
            self._by_hand -= 1

    async def close(self) -> None:
        """End the calls under way."""
        await self._client.close()

    async def _post(self, call: Outgoing, total_seconds: float) -> ReceiverAnswer:
        timestamp = self._clock.now_ms() // 1000
        body = formatted(call.format, call.body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-Spooled-Event": call.event,
            "X-Spooled-Timestamp": str(timestamp),
            "X-Spooled-Delivery-Attempt": str(call.attempt),
            "X-Spooled-Delivery-ID": call.id,
            "X-Spooled-Delivery": call.id,
        }
        if call.secret:
            headers["X-Spooled-Signature"] = sign(call.secret, timestamp, body)
        if self._tracer is not None:
            return await self._traced(self._tracer, call, body, headers, total_seconds)
        return await self._client.post(call.url, body, headers, total_seconds=total_seconds)

    async def _traced(
        self,
        tracer: Tracer,
        call: Outgoing,
        body: bytes,
        headers: dict[str, str],
        total_seconds: float,
    ) -> ReceiverAnswer:
        """Make the call as a span of its own, which the receiver can go on with."""
        span = tracer.call_out()
        headers["traceparent"] = span.traceparent
        about: dict[str, str | int] = {
            "http.request.method": "POST",
            "spooled.event": call.event,
            "spooled.attempt": call.attempt,
            "spooled.delivery": call.id,
        }
        status = None
        try:
            answer = await self._client.post(call.url, body, headers, total_seconds=total_seconds)
            status = answer.status_code
            return answer
        finally:
            if status is not None:
                about["http.response.status_code"] = status
            is_failure = status is None or status >= HTTP_FAILURE
            span.end("webhook call", about, is_failure=is_failure)


def _attempt(answer: ReceiverAnswer) -> Attempt:
    return Attempt(
        status_code=answer.status_code,
        response_body=None if answer.status_code is None else answer.body,
        error=answer.error,
        duration_ms=answer.duration_ms,
        retry_after_seconds=answer.retry_after_seconds,
    )
