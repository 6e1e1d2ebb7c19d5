"""SQL of the acts of callers."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class ActRow(TypedDict):
    """A row of `acts`."""

    seq: int
    org: int
    key_id: str
    key_name: str  # as it was then
    act: str
    kind: str
    subject: str
    subject_name: str | None  # as it was then
    count: int
    reason: str | None
    created_at_ms: int  # milliseconds since the epoch


class ToldActRow(ActRow):
    subject_exists: int


class ActorRow(TypedDict):
    """The key that acted, and the number of the row."""

    seq: int
    key_id: str
    key_name: str


ADD: Final = Statement(
    ActorRow,
    """
INSERT INTO acts (org, key_id, key_name, act, kind, subject, subject_name, count, reason,
                  created_at_ms)
SELECT :org, id, name, :act, :kind, :subject, :subject_name, :count, :reason, :now_ms
  FROM api_keys WHERE seq = :key
RETURNING seq, key_id, key_name
""",
)

# Of the key of the process, which has no row.
ADD_IN_PROCESS: Final = Statement(
    ActorRow,
    """
INSERT INTO acts (org, key_id, key_name, act, kind, subject, subject_name, count, reason,
                  created_at_ms)
VALUES (:org, 'in-process', 'in-process', :act, :kind, :subject, :subject_name, :count, :reason,
        :now_ms)
RETURNING seq, key_id, key_name
""",
)

# For an act that takes several writes: adds to the row of the first one.
ADD_TO: Final = Statement(
    ActorRow,
    "UPDATE acts SET count = count + :count WHERE seq = :seq RETURNING seq, key_id, key_name",
)

# The name of a thing, for each kind of thing that has a name beside its id.
NAMES: Final[Mapping[str, Value[str]]] = {
    "worker": Value(str, "SELECT hostname FROM workers WHERE id = :subject AND org = :org"),
    "schedule": Value(str, "SELECT name FROM schedules WHERE id = :subject AND org = :org"),
    "workflow": Value(str, "SELECT name FROM workflows WHERE id = :subject AND org = :org"),
    "webhook": Value(str, "SELECT name FROM webhooks WHERE id = :subject AND org = :org"),
    "binding": Value(str, "SELECT pattern FROM bindings WHERE id = :subject AND org = :org"),
    "key": Value(str, "SELECT name FROM api_keys WHERE id = :subject AND org = :org"),
    "organization": Value(str, "SELECT name FROM organizations WHERE id = :subject AND seq = :org"),
}

# Looked up only for the rows of a page. Deleted things whose rows are still stored do not exist.
_EXISTS: Final = """
       CASE kind
       WHEN 'job' THEN EXISTS (
            SELECT 1 FROM jobs JOIN queues ON queues.seq = jobs.queue
             WHERE jobs.id = acts.subject AND jobs.org = acts.org AND deleted_at_ms IS NULL)
       WHEN 'queue' THEN EXISTS (
            SELECT 1 FROM queues
             WHERE org = acts.org AND queue_name = acts.subject AND deleted_at_ms IS NULL)
       WHEN 'task' THEN EXISTS (
            SELECT 1 FROM tasks
             WHERE org = acts.org AND name = acts.subject AND deleted_at_ms IS NULL)
       WHEN 'flow' THEN EXISTS (
            SELECT 1 FROM flows
             WHERE org = acts.org AND name = acts.subject AND deleted_at_ms IS NULL)
       WHEN 'worker' THEN EXISTS (
            SELECT 1 FROM workers WHERE id = acts.subject AND org = acts.org)
       WHEN 'schedule' THEN EXISTS (
            SELECT 1 FROM schedules
             WHERE id = acts.subject AND org = acts.org AND deleted_at_ms IS NULL)
       WHEN 'workflow' THEN EXISTS (
            SELECT 1 FROM workflows WHERE id = acts.subject AND org = acts.org)
       WHEN 'webhook' THEN EXISTS (
            SELECT 1 FROM webhooks
             WHERE id = acts.subject AND org = acts.org AND deleted_at_ms IS NULL)
       WHEN 'binding' THEN EXISTS (
            SELECT 1 FROM bindings WHERE id = acts.subject AND org = acts.org)
       WHEN 'renderer' THEN EXISTS (
            SELECT 1 FROM renderers WHERE org = acts.org AND name = acts.subject)
       WHEN 'key' THEN EXISTS (
            SELECT 1 FROM api_keys
             WHERE id = acts.subject AND org = acts.org AND is_active = 1)
       ELSE 1 END AS subject_exists"""

_CONDITIONS: Final = {
    "subject": " AND subject = :subject",
    "key": " AND key_id = :key",
    "since_ms": " AND created_at_ms >= :since_ms",
    "kind": " AND kind = :kind",
    "act": " AND act = :act",
}
# Every set of conditions that a filter can have, in this order. Each walks along acts_of_subject,
# acts_of_key or acts_newest.
FILTERS: Final = tuple(_CONDITIONS)
_SETS: Final = tuple(
    names for count in range(len(FILTERS) + 1) for names in combinations(FILTERS, count)
)
LISTS: Final[Mapping[tuple[str, ...], Statement[ToldActRow]]] = {
    names: Statement(
        ToldActRow,
        "SELECT *,"
        + _EXISTS
        + " FROM acts WHERE org = :org"
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
