"""Every statement about notifications."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.passes import OfSizeRow, SizedRow
from spooled_lite.storage.statement import Statement, Value


class NotificationRow(TypedDict):
    """A whole row of `notifications`."""

    id: int
    org: int
    identity: str
    topic: str
    message: str | None
    collapse_key: str | None
    created_at_ms: int
    expires_at_ms: int | None
    seen_at_ms: int | None


class OldNotificationRow(OfSizeRow):
    """One that is about to be deleted."""

    id: int
    is_unseen: int


class UnseenRow(TypedDict):
    """One that was not seen; `is_live`: it has not expired."""

    id: int
    is_live: int


class UnseenCountRow(TypedDict):
    slug: str
    counted: int
    found: int


INSERT: Final = """
INSERT INTO notifications (org, identity, topic, message, collapse_key, created_at_ms,
                           expires_at_ms)
VALUES (:org, :identity, :topic, :message, :collapse_key, :now_ms, :expires_at_ms)
"""

# Unique index notifications_of_key: at most one row.
COLLAPSE: Final = """
UPDATE notifications SET seen_at_ms = :now_ms
 WHERE org = :org AND identity = :identity AND collapse_key = :collapse_key
   AND seen_at_ms IS NULL
"""

# Index notifications_unseen.
UNSEEN: Final = Statement(
    NotificationRow,
    """
SELECT * FROM notifications
 WHERE org = :org AND identity = :identity AND id > :after AND seen_at_ms IS NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY id LIMIT :limit
""",
)

# Index notifications_seen, the newest first.
SEEN: Final = Statement(
    NotificationRow,
    """
SELECT * FROM notifications
 WHERE org = :org AND identity = :identity AND id < :before AND seen_at_ms IS NOT NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY id DESC LIMIT :limit
""",
)

# The newest number that was given, whether its row is still there or not.
NEWEST: Final = Value(int, "SELECT seq FROM sqlite_sequence WHERE name = 'notifications'")

# Index notifications_unseen, with those that have expired and are not deleted yet.
FIRST_UP_TO: Final = Statement(
    UnseenRow,
    """
SELECT id, expires_at_ms IS NULL OR expires_at_ms > :now_ms AS is_live FROM notifications
 WHERE org = :org AND identity = :identity AND id <= :until AND seen_at_ms IS NULL
 ORDER BY id LIMIT :limit
""",
)

# The primary key, once for each id.
MARK_ALL: Final = """
UPDATE notifications SET seen_at_ms = :now_ms WHERE id IN (SELECT value FROM json_each(:ids))
"""

# The primary key, once for each id.
MARK: Final = """
UPDATE notifications SET seen_at_ms = :now_ms
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND org = :org AND identity = :identity AND seen_at_ms IS NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
"""

# Index notifications_by_expiry.
EXPIRED: Final = Statement(
    OldNotificationRow,
    """
SELECT id, seen_at_ms IS NULL AS is_unseen,
       coalesce(length(CAST(message AS BLOB)), 0) AS size_bytes
  FROM notifications
 WHERE org = :org AND expires_at_ms IS NOT NULL AND expires_at_ms <= :now_ms
 ORDER BY expires_at_ms LIMIT :limit
""",
)

# Index notifications_by_sight.
SEEN_BEFORE: Final = Statement(
    OldNotificationRow,
    """
SELECT id, 0 AS is_unseen,
       coalesce(length(CAST(message AS BLOB)), 0) AS size_bytes
  FROM notifications
 WHERE org = :org AND seen_at_ms IS NOT NULL AND seen_at_ms < :before_ms
 ORDER BY seen_at_ms LIMIT :limit
""",
)

DELETE: Final = "DELETE FROM notifications WHERE id IN (SELECT value FROM json_each(:seqs))"

# Index notifications_by_expiry.
OF_ORG: Final = Statement(
    SizedRow,
    """
SELECT id AS seq, coalesce(length(CAST(message AS BLOB)), 0) AS size_bytes
  FROM notifications WHERE org = :org ORDER BY expires_at_ms LIMIT :limit
""",
)

# -- for metrics, checks and imports ---------------------------------------------------------------

# The index notifications_unseen from one end to the other.
WRONG_COUNTS: Final = Statement(
    UnseenCountRow,
    """
SELECT slug, coalesce(value, 0) AS counted, coalesce(waiting.found, 0) AS found
  FROM organizations
  LEFT JOIN (SELECT org AS of_org, count(*) AS found FROM notifications
              WHERE seen_at_ms IS NULL GROUP BY org) AS waiting
         ON waiting.of_org = organizations.seq
  LEFT JOIN usage_counters ON usage_counters.org = organizations.seq AND period = ''
                          AND usage_counters.name = 'notifications_unseen'
 WHERE deleted_at_ms IS NULL AND coalesce(value, 0) <> coalesce(waiting.found, 0)
""",
)

RECOUNT: Final = """
INSERT INTO usage_counters (org, period, name, value)
SELECT :org, '', 'notifications_unseen', count(*) FROM notifications
 WHERE org = :org AND seen_at_ms IS NULL
HAVING count(*) > 0 OR EXISTS (
       SELECT 1 FROM usage_counters
        WHERE org = :org AND period = '' AND name = 'notifications_unseen')
    ON CONFLICT (org, period, name) DO UPDATE SET value = excluded.value
"""

# What was given by a file that is not there any more is passed over: readers may know its numbers.
SKIP_NUMBERS: Final = """
UPDATE sqlite_sequence SET seq = seq + :skipped WHERE name = 'notifications'
"""
BEGIN_NUMBERS: Final = """
INSERT INTO sqlite_sequence (name, seq)
SELECT 'notifications', 0 WHERE NOT EXISTS
       (SELECT 1 FROM sqlite_sequence WHERE name = 'notifications')
"""

# The primary key of usage_counters, once for each organization.
UNSEEN_NOW: Final = Value(
    int,
    """
SELECT coalesce(sum(value), 0)
  FROM organizations CROSS JOIN usage_counters ON org = organizations.seq
 WHERE deleted_at_ms IS NULL AND period = '' AND usage_counters.name = 'notifications_unseen'
""",
)
