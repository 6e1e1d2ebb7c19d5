"""Writing down an act inside the operation that does it: it is there exactly when the act is.

What producers and workers do all day (create, claim, settle, renew, heartbeat) is no act, and pays
nothing for this.
"""

from collections.abc import Callable
from typing import Any, Concatenate, Final, Generic, Literal, ParamSpec, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.core.acts import statements
from spooled_lite.core.acts.statements import ActorRow
from spooled_lite.core.keys.verify import is_in_process
from spooled_lite.events import Event
from spooled_lite.storage.transaction import Tx

P = ParamSpec("P")
T = TypeVar("T")

SUBJECT_CHARS_MAX: Final = 255  # of what a caller names in a path
REASON_CHARS_MAX: Final = 500

ActKind = Literal[
    "job", "queue", "task", "flow", "worker", "schedule", "workflow", "webhook", "binding",
    "renderer", "key", "organization",
]  # fmt: skip
# Events whose row in the history of a job says by whom.
_TELL_BY_WHOM: Final = frozenset({"job.cancelled", "job.retried"})


class NewAct(Struct, frozen=True, kw_only=True):
    """What a caller does. `act` is a verb; `subject` the name or id of one thing, "" of many."""

    org: int
    key: int
    kind: ActKind
    act: str
    subject: str = ""
    reason: str | None = None


class Recorded(Generic[P, T]):
    """An operation that writes down who did it. It gives the row of that beside its result; 0 when
    nothing was done. It runs in the lane of the operation it is made of."""

    def __init__(
        self,
        act: NewAct,
        operation: Callable[Concatenate[Tx, P], T],
        *,
        count: Callable[[Any], int],
        seq: int,
        made: Callable[[Any], str] | None = None,
    ) -> None:
        """`count`: how much its result says was done. `seq`: the row of a pass before this one.
        `made`: the id of the subject, where the result has it first."""
        self.__wrapped__ = operation
        self._act = act
        self._count = count
        self._seq = seq
        self._made = made

    def __call__(self, tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> tuple[int, T]:
        name = self._name_of(tx, self._act.subject)  # a deleted thing has none afterwards
        before = len(tx.events)
        result = self.__wrapped__(tx, *args, **kwargs)
        count = self._count(result)
        if not count:
            return self._seq, result
        subject = self._act.subject
        if self._made is not None:
            subject = self._made(result)
            name = self._name_of(tx, subject)
        actor = self._write_down(tx, count, subject, name)
        if actor is None:
            return 0, result
        tx.events[before:] = [_told_by(each, actor) for each in tx.events[before:]]
        return actor["seq"], result

    def _name_of(self, tx: Tx, subject: str) -> str | None:
        named = statements.NAMES.get(self._act.kind)
        if named is None or not subject or self._seq:
            return None
        return tx.value(named, {"subject": subject, "org": self._act.org})

    def _write_down(self, tx: Tx, count: int, subject: str, name: str | None) -> ActorRow | None:
        if self._seq:
            return tx.row(statements.ADD_TO, {"seq": self._seq, "count": count})
        act = self._act
        return tx.row(
            statements.ADD_IN_PROCESS if is_in_process(act.key) else statements.ADD,
            {
                "org": act.org,
                "key": act.key,
                "kind": act.kind,
                "act": act.act,
                "subject": subject[:SUBJECT_CHARS_MAX],
                "subject_name": None if name is None else name[:SUBJECT_CHARS_MAX],
                "reason": None if act.reason is None else act.reason[:REASON_CHARS_MAX],
                "count": count,
                "now_ms": tx.now_ms,
            },
        )


def _told_by(event: Event, actor: ActorRow) -> Event:
    if event.type not in _TELL_BY_WHOM:
        return event
    by = {"by": actor["key_name"], "by_key_id": actor["key_id"]}
    return msgspec.structs.replace(event, facts={**event.facts, **by})
