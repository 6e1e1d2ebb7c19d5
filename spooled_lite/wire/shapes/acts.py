"""The recorded acts of callers, as they are listed."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.acts.statements import ToldActRow
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import AN_ID

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
At = Annotated[str, a_time("When it was done")]
ActorId = Annotated[str, about("The id of the key it was done with", AN_ID)]
ActorName = Annotated[str, about("The name that the key had then", "Worker")]
What = Annotated[str, about("What was done, such as `pause`, `retry`, `purge`, `change` or `revoke`", "pause")]
KindOfSubject = Annotated[str, about("What it was done to: `job`, `queue`, `task`, `worker`, `schedule`, `workflow`, `webhook`, `binding`, `key` or `organization`", "queue")]
SubjectOfAct = Annotated[str, about("The name or id of that thing; empty when it was done to several", "emails")]
NameOfSubject = Annotated[str, about("The name that thing had then, if it has a name beside its id", "Nightly report")]
SubjectExists = Annotated[bool, about("Whether that thing still exists; true for several", True)]
CountOfAct = Annotated[int, a_count("How many things it was done to", 1)]
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
