"""Who did what, as it is told."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.acts.statements import ToldActRow
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
At = Annotated[str, a_time("When")]
ActorId = Annotated[str, about("The id of the key it was done with", AN_ID)]
ActorName = Annotated[str, about("The name that the key had then", "Worker")]
What = Annotated[str, about("What was done, such as `pause`, `retry`, `purge`, `change` or `revoke`", "pause")]
KindOfSubject = Annotated[str, about("To what: `job`, `queue`, `worker`, `schedule`, `workflow`, `webhook`, `key` or `organization`", "queue")]
SubjectOfAct = Annotated[str, about("To which one, its name or id; empty: to several", "emails")]
NameOfSubject = Annotated[str, about("What that one was called then, where it has a name beside its id", "Nightly report")]
SubjectExists = Annotated[bool, about("Whether it is still there; true of several", True)]
CountOfAct = Annotated[int, a_count("To how many", 1)]
WhyDone = Annotated[str, about("The reason that was given", "warehouse is down")]
# fmt: on


class ActView(Struct, frozen=True, kw_only=True):
    """A row of GET /acts."""

    at: At
    key_id: ActorId
    key_name: ActorName
    act: What
    kind: KindOfSubject
    subject: SubjectOfAct
    subject_name: NameOfSubject | None
    subject_exists: SubjectExists
    count: CountOfAct
    reason: WhyDone | None

    @classmethod
    def of(cls, row: ToldActRow) -> Self:
        return cls(
            at=format_ms(row["created_at_ms"]),
            key_id=row["key_id"],
            key_name=row["key_name"],
            act=row["act"],
            kind=row["kind"],
            subject=row["subject"],
            subject_name=row["subject_name"],
            subject_exists=row["subject"] == "" or bool(row["subject_exists"]),
            count=row["count"],
            reason=row["reason"],
        )
