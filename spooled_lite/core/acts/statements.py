"""SQL of the acts of callers."""

from collections.abc import Mapping
from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class ActRow(TypedDict):
    """A row of `acts`."""

    seq: int
    org: int
    key_id: str
    key_name: str  # as it was then
    act: str
    kind: str
    subject: str
    count: int
    reason: str | None
    created_at_ms: int  # milliseconds since the epoch


class ActorRow(TypedDict):
    """Who acted, and the row that says so."""

    seq: int
    key_id: str
    key_name: str


ADD: Final = Statement(
    ActorRow,
    """
INSERT INTO acts (org, key_id, key_name, act, kind, subject, count, reason, created_at_ms)
SELECT :org, id, name, :act, :kind, :subject, :count, :reason, :now_ms
  FROM api_keys WHERE seq = :key
RETURNING seq, key_id, key_name
""",
)

# A further pass of the same act.
ADD_TO: Final = Statement(
    ActorRow,
    "UPDATE acts SET count = count + :count WHERE seq = :seq RETURNING seq, key_id, key_name",
)

_CONDITIONS: Final = {
    "subject": " AND subject = :subject",
    "key": " AND key_id = :key",
    "since_ms": " AND created_at_ms >= :since_ms",
}
# Every set of conditions that a filter can have, in this order. Each walks along acts_of_subject,
# acts_of_key or acts_newest.
_SETS: Final = tuple(
    (*subject, *key, *since)
    for subject in ((), ("subject",))
    for key in ((), ("key",))
    for since in ((), ("since_ms",))
)
LISTS: Final[Mapping[tuple[str, ...], Statement[ActRow]]] = {
    names: Statement(
        ActRow,
        "SELECT * FROM acts WHERE org = :org"
        + "".join(_CONDITIONS[name] for name in names)
        + " ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
    )
    for names in _SETS
}

# Index acts_newest.
DELETE_OLD: Final = """
DELETE FROM acts WHERE seq IN (
       SELECT seq FROM acts WHERE org = :org AND created_at_ms < :created_before_ms
        ORDER BY created_at_ms LIMIT :limit)
"""

# Index acts_newest, the newest of which stay.
DELETE_BEYOND: Final = """
DELETE FROM acts WHERE seq IN (
       SELECT seq FROM acts WHERE org = :org
        ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :kept)
"""
