"""SQL of the log of incoming webhooks."""

from typing import Final

ADD: Final = """
INSERT INTO inbound_log (id, org, provider, event_type, matched_queue, job_id, status,
                         created_at_ms)
VALUES (:id, :org, :provider, :event_type, :matched_queue, :job_id, :status, :now_ms)
"""

# The conditions of a filter follow, then the order: `log.LISTS`. It walks along the index
# inbound_log_newest or that of the filter, inbound_log_of_queue or inbound_log_duplicates.
LIST: Final = """
SELECT id, provider, event_type, matched_queue, job_id, status, created_at_ms FROM inbound_log
 WHERE org = :org"""

# Index inbound_log_newest.
DELETE_OLD: Final = """
DELETE FROM inbound_log WHERE seq IN (
       SELECT seq FROM inbound_log
        WHERE org = :org AND created_at_ms < :created_before_ms
        ORDER BY created_at_ms LIMIT :limit)
"""
