"""Answers of calls with a key of their own, given again to who repeats such a call.

The answer is kept by the operation that it answers: a crash leaves both or neither. What is
refused keeps nothing, because nothing of it was done. Contract: amendments, G1.
"""

from collections.abc import Callable
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.core.answers import statements
from spooled_lite.core.jobs.passes import delete_first
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import AccessDenied, Conflict, PayloadTooLarge
from spooled_lite.storage.counters import DAY_MS
from spooled_lite.storage.transaction import Reading, Tx

P = ParamSpec("P")
T = TypeVar("T")

KEPT_MS: Final = DAY_MS
# Twice the payload that a server takes unless it is told otherwise: only the answer to a schedule
# repeats a payload, the others are lists of ids.
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024


class KeyedCall(Struct, frozen=True):
    """A call that names a key, to be known again by it within its organization."""

    org: int
    key: str
    digest: bytes  # of its method, path, query and body
    scope: Scope  # the queues of its caller


class KeptAnswer(Struct, frozen=True):
    status: int
    body: bytes
    is_repeated: bool = False  # the call was made before, and nothing was done now


def find_answer(tx: Reading, call: KeyedCall) -> KeptAnswer | None:
    """The answer to this call, when it was made before.

    Raises:
        AccessDenied: that was by a key with queues that this caller may not use. The call might
            have been refused to it, so its answer is not shown either.
        Conflict: another call has named this key.
    """
    named = {"org": call.org, "key": call.key, "after_ms": tx.now_ms - KEPT_MS}
    found = tx.row(statements.BY_KEY, named)
    if found is None:
        return None
    if not call.scope.covers(Scope(msgspec.json.decode(found["queues"], type=list[str]))):
        raise AccessDenied("This `Idempotency-Key` was used by an API key with other queues")
    if found["digest"] != call.digest:
        raise Conflict("This `Idempotency-Key` was used for another call")
    return KeptAnswer(found["status"], found["body"], is_repeated=True)


class KeepingAnswer(Generic[P, T]):
    """An operation that is done once and whose answer is kept. It gives that answer, and beside it
    the result of the operation when it was done now. It runs in the lane of that operation."""

    def __init__(
        self,
        call: KeyedCall,
        operation: Callable[Concatenate[Tx, P], T],
        answer: Callable[[T], KeptAnswer],
    ) -> None:
        """`answer` makes the answer of a result, on the writing thread."""
        self.__wrapped__ = getattr(operation, "__wrapped__", operation)
        self._call = call
        self._operation = operation
        self._answer = answer

    def __call__(self, tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> tuple[KeptAnswer, T | None]:
        """Raises: as `find_answer` and the operation, and PayloadTooLarge."""
        kept = find_answer(tx, self._call)
        if kept is not None:
            return kept, None
        result = self._operation(tx, *args, **kwargs)
        answer = self._answer(result)
        _keep(tx, self._call, answer)
        return answer, result


def _keep(tx: Tx, call: KeyedCall, answer: KeptAnswer) -> None:
    if len(answer.body) > ANSWER_BYTES_MAX:
        raise PayloadTooLarge(
            f"The answer has {len(answer.body)} bytes, and at most {ANSWER_BYTES_MAX} are kept for"
            " an `Idempotency-Key`: make the call without one, or a smaller one"
        )
    tx.execute(
        statements.KEEP,
        {
            "org": call.org,
            "key": call.key,
            "digest": call.digest,
            "queues": msgspec.json.encode(call.scope.entries),
            "status": answer.status,
            "body": answer.body,
            "now_ms": tx.now_ms,
        },
    )


def forget_old_answers(tx: Tx) -> int:
    """Returns how many rows were deleted. They were answered as unknown before."""
    until_ms = tx.now_ms - KEPT_MS
    return delete_first(tx, statements.OLD, statements.FORGET, {"until_ms": until_ms})
