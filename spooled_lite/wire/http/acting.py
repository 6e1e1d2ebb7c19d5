"""Acts of callers, recorded in the same commit: who did what to which thing, and why."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from spooled_lite.core.acts.record import ActKind, NewAct, Recorded
from spooled_lite.storage.transaction import Operation
from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.once import Once

P = ParamSpec("P")
T = TypeVar("T")


def one(result: object) -> int:
    """The count of an act that changes one thing, as most do."""
    return 1


class Acting:
    """One act of a call. It may take several writes: they share one row, which adds them up."""

    def __init__(
        self,
        call: Call,
        kind: ActKind,
        act: str,
        subject: str = "",
        *,
        reason: str | None = None,
        count: Callable[[Any], int] = one,
        made: Callable[[Any], str] | None = None,
    ) -> None:
        """`count` takes the result of a write and says how much was done; 0 is not recorded.
        `made` takes it and gives the id of what was made, which is then the subject."""
        assert call.caller is not None, "the routes of acts require a caller"
        self.call = call
        self._act = NewAct(
            org=call.org, key=call.caller.key, kind=kind, act=act, subject=subject, reason=reason
        )
        self._count = count
        self._made = made
        self._seq = 0

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Call.write`."""
        self._seq, result = await self.call.write(self._recorded(operation), *args, **kwargs)
        return result

    async def write_once(
        self,
        answer: Callable[[T], Reply],
        operation: Operation[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Reply:
        """As `Once.write`: a repeat is no act."""
        once = Once[tuple[int, T]](self.call, lambda told: answer(told[1]))
        return await once.write(self._recorded(operation), *args, **kwargs)

    async def write_while_valid(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `Call.write_while_valid`."""
        writing = self.call.write_while_valid(self._recorded(operation), *args, **kwargs)
        self._seq, result = await writing
        return result

    def _recorded(self, operation: Operation[P, T]) -> Recorded[P, T]:
        return Recorded(self._act, operation, count=self._count, seq=self._seq, made=self._made)
