"""An act of a caller that is written down with what it does: who did what to which, and why."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from spooled_lite.core.acts.record import ActKind, NewAct, Recorded
from spooled_lite.storage.transaction import Operation
from spooled_lite.wire.http.call import Call

P = ParamSpec("P")
T = TypeVar("T")


def one(result: object) -> int:
    """What most acts do: one thing."""
    return 1


class Acting:
    """One act of a call, over as many writes as it takes: they share its row, which counts them."""

    def __init__(
        self,
        call: Call,
        kind: ActKind,
        act: str,
        subject: str = "",
        *,
        reason: str | None = None,
        count: Callable[[Any], int] = one,
    ) -> None:
        """`count`: how much the result of a write says was done; 0 is not written down."""
        assert call.caller is not None, "the table of routes lets nobody else in"
        self.call = call
        self._act = NewAct(
            org=call.org, key=call.caller.key, kind=kind, act=act, subject=subject, reason=reason
        )
        self._count = count
        self._seq = 0

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `Call.write`."""
        self._seq, result = await self.call.write(self._recorded(operation), *args, **kwargs)
        return result

    async def write_while_valid(
        self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `Call.write_while_valid`."""
        writing = self.call.write_while_valid(self._recorded(operation), *args, **kwargs)
        self._seq, result = await writing
        return result

    def _recorded(self, operation: Operation[P, T]) -> Recorded[P, T]:
        return Recorded(self._act, operation, count=self._count, seq=self._seq)
