"""Calls with the header `Idempotency-Key`: done once, however often they are made.

A row of the route table with `Trait.ONCE` has its answers kept (`run_once`); its handler writes
through `Once`. Where a call has no such header, both add nothing. Contract: amendments, G1.
"""

import hashlib
from collections.abc import Callable
from typing import Final, Generic, ParamSpec, TypeVar

import msgspec
from starlette.types import Message, Receive

from spooled_lite.core.answers.keep import (
    KeepingAnswer,
    KeptAnswer,
    KeyedCall,
    find_answer,
)
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Operation
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.dispatch import Handler

P = ParamSpec("P")
T = TypeVar("T")

KEY_CHARS_MAX: Final = 255
IDEMPOTENCY_KEY: Final = b"idempotency-key"
REPLAYED: Final[Header] = (b"idempotency-replayed", b"true")
DIGEST_BYTES: Final = 16  # two calls of an organization with one key do not agree in it by chance


def key_of_header(call: Call) -> str | None:
    """None: there is no such header, or it is empty. Raises RuleBroken: it is too long."""
    if IDEMPOTENCY_KEY not in call.headers:
        return None
    key = call.header("idempotency-key")
    if key is not None and len(key) > KEY_CHARS_MAX:
        raise RuleBroken.of(
            "idempotency_key",
            f"Header `Idempotency-Key` is longer than {KEY_CHARS_MAX} characters",
            "length",
        )
    return key or None


async def run_once(handler: Handler, call: Call) -> Reply:
    """The kept answer when this call was made before, else that of its handler.

    Raises: as the handler, `key_of_header`, `Call.raw_body` and `find_answer`.
    """
    key = key_of_header(call)
    if key is None:
        return await handler(call)
    body = await call.raw_body()
    await call.check_still_admitted()
    digest = await call.off_loop(_digest, call, body)
    call.keyed = KeyedCall(call.org, key, digest, call.scope)
    # Looked for here as well as in the transaction: what was true of the body then, such as a time
    # to come, need not be true any more, and a repeat does not wait for the writing thread.
    kept = await call.reads.point(find_answer, call.keyed)
    if kept is not None:
        return _reply(call, kept)
    call.receive = _from_the_start(body, call.receive)
    return await handler(call)


class Once(Generic[T]):
    """The one write of a handler, and the answer made of its result.

    With the header `Idempotency-Key` the answer is made and kept in the transaction of the write;
    without, it is made after the commit.
    """

    def __init__(
        self,
        call: Call,
        answer: Callable[[T], Reply],
        *,
        then: Callable[[T], None] | None = None,
    ) -> None:
        """`answer` may run on the writing thread. `then` is told of what was done, once it is
        committed, and not of a repeat."""
        self._call = call
        self._answer = answer
        self._then = then

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> Reply:
        """As `Call.write`; raises as `KeepingAnswer`, too."""
        call = self._call
        if call.keyed is None:
            result = await call.write(operation, *args, **kwargs)
            if self._then is not None:
                self._then(result)
            return self._answer(result)
        keeping = KeepingAnswer(call.keyed, operation, self._kept)
        answer, done = await call.write(keeping, *args, **kwargs)
        if self._then is not None and done is not None:
            self._then(done)
        return _reply(call, answer)

    def _kept(self, result: T) -> KeptAnswer:
        answer = self._answer(result)
        assert not answer.headers, "only status and body are kept"
        return KeptAnswer(answer.status, answer.body)


def _reply(call: Call, answer: KeptAnswer) -> Reply:
    if not answer.is_repeated:
        return Reply(answer.status, answer.body)
    call.services.metrics.count("spooled_answers_repeated_total")
    return Reply(answer.status, answer.body, (REPLAYED,))


def _digest(call: Call, body: bytes) -> bytes:
    """Of all that says what this call asks for."""
    asked = msgspec.json.encode((call.method, call.notes.route, call.parameters, call.query))
    return hashlib.sha256(asked + b"\n" + body).digest()[:DIGEST_BYTES]


def _from_the_start(body: bytes, receive: Receive) -> Receive:
    """What a body was read from, as if it had not been read."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
