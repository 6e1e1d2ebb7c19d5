"""Every statement about what is left of a deleted organization."""

from typing import Final

from spooled_lite.core.answers import statements as answer_statements
from spooled_lite.core.inbox import statements as inbox_statements
from spooled_lite.core.jobs.passes import SizedRow
from spooled_lite.storage.statement import Statement

# Deleted in this order: runs before their schedules, whose deletion would delete all runs at once;
# events that are owed before deliveries, so that none are made from them; both before webhooks.
TABLES_OF_ORG: Final = (
    "schedule_runs",
    "schedules",
    "workflows",
    "owed_events",
    "deliveries",
    "webhooks",
    "inbound_log",
    "acts",
    "kept_answers",
    "notifications",
    "renderers",
    "in_process_workers",
    "workers",
    "tasks",
    "flows",
    "step_guards",
    "flow_documents",
    "bindings",
    "binding_changes",
    "named_leases",
    "breakers",
    "api_keys",
    "event_log",
    "usage_counters",
    "queue_counters",
    "minute_histograms",
    "hours",
)

# For the tables whose rows may be large: see `delete_first`.
LARGE_OF_ORG: Final = {
    "schedules": Statement(
        SizedRow,
        """
SELECT seq, length(payload_template) AS size_bytes FROM schedules
 WHERE org = :org ORDER BY created_at_ms, seq LIMIT :limit
""",
    ),
    "workflows": Statement(
        SizedRow,
        """
SELECT seq, coalesce((SELECT length(metadata) FROM workflow_metadata WHERE workflow = seq), 0)
            + coalesce((SELECT sum(length(body)) FROM workflow_bodies
                         WHERE workflow = workflows.seq), 0) AS size_bytes
  FROM workflows WHERE org = :org ORDER BY created_at_ms, seq LIMIT :limit
""",
    ),
    "owed_events": Statement(
        SizedRow,
        """
SELECT seq, length(data) AS size_bytes FROM owed_events
 WHERE org = :org ORDER BY seq LIMIT :limit
""",
    ),
    "deliveries": Statement(
        SizedRow,
        """
SELECT seq, length(body) AS size_bytes FROM deliveries
 WHERE org = :org ORDER BY created_at_ms LIMIT :limit
""",
    ),
    "flow_documents": Statement(
        SizedRow,
        """
SELECT seq, length(body) AS size_bytes FROM flow_documents
 WHERE org = :org ORDER BY digest LIMIT :limit
""",
    ),
    "kept_answers": Statement(
        SizedRow,
        """
SELECT seq, length(body) AS size_bytes FROM kept_answers
 WHERE org = :org ORDER BY key LIMIT :limit
""",
    ),
    "notifications": inbox_statements.OF_ORG,
}

DELETE_LARGE: Final = {
    **{
        table: f"DELETE FROM {table} WHERE seq IN (SELECT value FROM json_each(:seqs))"
        for table in ("schedules", "workflows", "owed_events", "deliveries", "flow_documents")
    },
    "kept_answers": answer_statements.FORGET,
    "notifications": inbox_statements.DELETE,
}

# By the index that begins with the organization, a pass at a time. Jobs, their history and their
# dependencies go with their queues. The newest row of the event log stays, for its number.
DELETE_OF_ORG: Final = {
    "confirmation_codes": """
DELETE FROM confirmation_codes WHERE org IN (
       SELECT org FROM confirmation_codes WHERE org = :org LIMIT :limit)
""",
    "schedule_runs": """
DELETE FROM schedule_runs WHERE seq IN (
       SELECT seq FROM schedule_runs WHERE org = :org ORDER BY started_at_ms LIMIT :limit)
""",
    "webhooks": """
DELETE FROM webhooks WHERE seq IN (
       SELECT seq FROM webhooks WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "inbound_log": """
DELETE FROM inbound_log WHERE seq IN (
       SELECT seq FROM inbound_log WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "acts": """
DELETE FROM acts WHERE seq IN (
       SELECT seq FROM acts WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "in_process_workers": """
DELETE FROM in_process_workers WHERE org = :org AND worker_id IN (
       SELECT worker_id FROM in_process_workers WHERE org = :org LIMIT :limit)
""",
    "workers": """
DELETE FROM workers WHERE seq IN (
       SELECT seq FROM workers WHERE org = :org ORDER BY last_heartbeat_ms LIMIT :limit)
""",
    "named_leases": """
DELETE FROM named_leases WHERE seq IN (
       SELECT seq FROM named_leases WHERE org = :org ORDER BY lease_id LIMIT :limit)
""",
    "tasks": """
DELETE FROM tasks WHERE seq IN (
       SELECT seq FROM tasks WHERE org = :org ORDER BY name LIMIT :limit)
""",
    "flows": """
DELETE FROM flows WHERE seq IN (
       SELECT seq FROM flows WHERE org = :org ORDER BY name LIMIT :limit)
""",
    "bindings": """
DELETE FROM bindings WHERE seq IN (
       SELECT seq FROM bindings WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "binding_changes": """
DELETE FROM binding_changes WHERE org IN (
       SELECT org FROM binding_changes WHERE org = :org LIMIT :limit)
""",
    "renderers": """
DELETE FROM renderers WHERE seq IN (
       SELECT seq FROM renderers WHERE org = :org ORDER BY name LIMIT :limit)
""",
    "step_guards": """
DELETE FROM step_guards WHERE seq IN (SELECT seq FROM step_guards WHERE org = :org LIMIT :limit)
""",
    "breakers": """
DELETE FROM breakers WHERE seq IN (SELECT seq FROM breakers WHERE org = :org LIMIT :limit)
""",
    "api_keys": """
DELETE FROM api_keys WHERE seq IN (
       SELECT seq FROM api_keys WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "event_log": """
DELETE FROM event_log WHERE seq IN (
       SELECT seq FROM event_log
        WHERE org = :org AND seq < (SELECT max(seq) FROM event_log)
        ORDER BY seq LIMIT :limit)
""",
    "usage_counters": """
DELETE FROM usage_counters WHERE org = :org AND (period, name) IN (
       SELECT period, name FROM usage_counters WHERE org = :org
        ORDER BY period, name LIMIT :limit)
""",
    # The counters of the organization, whose key is its number with a minus.
    "queue_counters": """
DELETE FROM queue_counters WHERE queue = -:org AND (minute, name) IN (
       SELECT minute, name FROM queue_counters WHERE queue = -:org
        ORDER BY minute, name LIMIT :limit)
""",
    "minute_histograms": """
DELETE FROM minute_histograms WHERE key = -:org AND (minute, kind, bucket) IN (
       SELECT minute, kind, bucket FROM minute_histograms WHERE key = -:org
        ORDER BY minute, kind, bucket LIMIT :limit)
""",
    "hours": """
DELETE FROM hours WHERE key = -:org AND hour IN (
       SELECT hour FROM hours WHERE key = -:org ORDER BY hour LIMIT :limit)
""",
}

# What DELETE_OF_ORG leaves of the log, if anything: its number must not be used again.
EMPTY_NEWEST_EVENT: Final = """
UPDATE event_log
   SET org = :no_org, type = '', queue_name = NULL, subject_id = NULL, body = x''
 WHERE seq = (SELECT max(seq) FROM event_log) AND org = :org
"""
