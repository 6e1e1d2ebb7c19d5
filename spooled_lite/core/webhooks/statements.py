"""Every statement about webhooks and their deliveries."""

from typing import Final

from spooled_lite.core.jobs.passes import SizedRow
from spooled_lite.core.webhooks.columns import (
    AttemptedRow,
    ClearedRow,
    DeliveryRow,
    DeliveryStatusRow,
    DuePositionRow,
    DueRow,
    FailedWebhookRow,
    FirstOwedRow,
    JobDeliveryStatusRow,
    OutgoingRow,
    OwedEventRow,
    StillThereRow,
    SubscribedRow,
    WebhookRow,
)
from spooled_lite.storage.statement import Statement, Value

# -- subscriptions ---------------------------------------------------------------------------

INSERT: Final = Statement(
    WebhookRow,
    """
INSERT INTO webhooks (id, org, name, url, events, topics, secret, format, enabled,
                      created_at_ms, updated_at_ms)
VALUES (:id, :org, :name, :url, :events, :topics, :secret, :format, :enabled, :now_ms, :now_ms)
RETURNING *
""",
)

BY_ID: Final = Statement(
    WebhookRow,
    "SELECT * FROM webhooks WHERE id = :id AND org = :org AND deleted_at_ms IS NULL",
)

# Index webhooks_of_org.
NEWEST: Final = Statement(
    WebhookRow,
    """
SELECT * FROM webhooks WHERE org = :org AND deleted_at_ms IS NULL
 ORDER BY created_at_ms DESC, seq DESC LIMIT :limit
""",
)

COUNT: Final = Value(
    int,
    "SELECT count(*) FROM webhooks WHERE org = :org AND deleted_at_ms IS NULL",
)

# Index webhooks_of_org, which for nearly every organization is empty or short.
SUBSCRIBED: Final = Statement(
    SubscribedRow,
    """
SELECT webhooks.seq, webhooks.id, webhooks.events, webhooks.topics, organizations.id AS org_id
  FROM webhooks CROSS JOIN organizations ON organizations.seq = webhooks.org
 WHERE webhooks.org = :org AND webhooks.enabled = 1 AND webhooks.deleted_at_ms IS NULL
 ORDER BY webhooks.created_at_ms, webhooks.seq
""",
)

TOPICS_OF_OTHERS: Final = Value(
    str,
    """
SELECT topics FROM webhooks
 WHERE org = :org AND seq <> :webhook AND topics IS NOT NULL AND deleted_at_ms IS NULL
""",
)

# All columns that a caller can set; the operation passes the present values of the others.
CHANGE: Final = Statement(
    WebhookRow,
    """
UPDATE webhooks
   SET name = :name, url = :url, events = :events, topics = :topics, secret = :secret,
       format = :format, enabled = :enabled, failure_count = :failure_count,
       last_status = :last_status, updated_at_ms = :now_ms
 WHERE seq = :webhook
RETURNING *
""",
)

# For a webhook that is switched off: drops the deliveries that were created until now, and none
# that are created later, once it is on again.
DROP_WHAT_IS_OWED: Final = """
UPDATE webhooks SET drop_to = coalesce((SELECT max(seq) FROM deliveries), 0) WHERE seq = :webhook
"""

MARK_DELETED: Final = """
UPDATE webhooks
   SET deleted_at_ms = :now_ms, updated_at_ms = :now_ms, enabled = 0, secret = NULL, drop_to = 0
 WHERE seq = :webhook
"""

# -- owing -----------------------------------------------------------------------------------

# A completion webhook has its own address and secret.
OWE_COMPLETION: Final = """
INSERT INTO deliveries (id, org, job_id, event, endpoint, url, secret, status, next_attempt_at_ms,
                        created_at_ms, body)
VALUES (:id, :org, :job_id, :event, :endpoint, :url, :secret, 'pending', :now_ms, :now_ms, :body)
"""

OWE: Final = """
INSERT INTO deliveries (id, org, webhook, job_id, event, endpoint, status, next_attempt_at_ms,
                        created_at_ms, body)
VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)
"""

# For a webhook that was switched off before the delivery was written: it is stored as failed.
OWE_NO_MORE: Final = """
INSERT INTO deliveries (id, org, webhook, job_id, event, endpoint, status, error, created_at_ms,
                        body)
VALUES (?, ?, ?, ?, ?, ?, 'failed', ?, ?, ?)
"""

OWE_LATER: Final = """
INSERT INTO owed_events (org, event, job_id, at_ms, data, webhooks)
VALUES (:org, :event, :job_id, :at_ms, :data, :webhooks)
"""

# The first row of the table.
FIRST_OWED_EVENT: Final = Statement(
    OwedEventRow,
    """
SELECT owed_events.*, organizations.id AS org_id,
       organizations.deleted_at_ms AS org_deleted_at_ms
  FROM owed_events CROSS JOIN organizations ON organizations.seq = owed_events.org
 ORDER BY owed_events.seq LIMIT 1
""",
)

# In the order of the array, without deleted webhooks, which get no more deliveries.
STILL_THERE: Final = Statement(
    StillThereRow,
    """
SELECT webhooks.seq, webhooks.id, webhooks.enabled
  FROM json_each(:webhooks) CROSS JOIN webhooks ON webhooks.seq = json_each.value
 WHERE webhooks.deleted_at_ms IS NULL
""",
)

COUNT_WRITTEN: Final = "UPDATE owed_events SET written = written + :count WHERE seq = :seq"

FORGET_OWED_EVENT: Final = "DELETE FROM owed_events WHERE seq = :seq"

# -- holding ---------------------------------------------------------------------------------

# Milliseconds, as text.
HELD_SINCE: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'webhooks_held'")

# Held already: since that time.
HOLD: Final = """
INSERT INTO server_state (name, value)
VALUES ('webhooks_held', :since_ms) ON CONFLICT DO NOTHING
"""

RESUME: Final = "DELETE FROM server_state WHERE name = 'webhooks_held'"

# -- sending ---------------------------------------------------------------------------------

# Index deliveries_due: the first delivery of the next endpoint, so an endpoint with very many costs
# no more than another. `last_call_ms` is how long the last call of the webhook took. A completion
# webhook has no row in `webhooks`: there it is the duration of the last attempt of this delivery.
NEXT_ENDPOINT: Final = Statement(
    FirstOwedRow,
    """
SELECT deliveries.org, deliveries.endpoint, deliveries.next_attempt_at_ms,
       webhooks.drop_to IS NOT NULL AS is_cleared,
       coalesce(webhooks.last_call_ms, deliveries.duration_ms) AS last_call_ms
  FROM deliveries LEFT JOIN webhooks ON webhooks.seq = deliveries.webhook
 WHERE deliveries.status = 'pending' AND deliveries.endpoint > :after
 ORDER BY deliveries.endpoint, deliveries.next_attempt_at_ms, deliveries.seq LIMIT 1
""",
)

# Index deliveries_due.
FIRST_OF_ENDPOINT: Final = Statement(
    DueRow,
    """
SELECT seq, next_attempt_at_ms FROM deliveries
 WHERE status = 'pending' AND endpoint = :endpoint
 ORDER BY next_attempt_at_ms, seq LIMIT :limit
""",
)

# A delivery, with the address, secret and format that its webhook has now.
OWED: Final = Statement(
    OutgoingRow,
    """
SELECT deliveries.seq, deliveries.id, deliveries.org, deliveries.webhook, deliveries.event,
       deliveries.endpoint, deliveries.attempts, deliveries.status, deliveries.body,
       (deliveries.seq <= webhooks.drop_to OR webhooks.deleted_at_ms IS NOT NULL) AS is_dropped,
       coalesce(webhooks.url, deliveries.url) AS url,
       coalesce(webhooks.secret, deliveries.secret) AS secret,
       coalesce(webhooks.format, 'json') AS format
  FROM deliveries LEFT JOIN webhooks ON webhooks.seq = deliveries.webhook
 WHERE deliveries.seq = :seq
""",
)

# -- after the clock was set back ------------------------------------------------------------

# Index deliveries_due, from where the last pass ended on.
OWED_AFTER: Final = Statement(
    DuePositionRow,
    """
SELECT endpoint, next_attempt_at_ms, seq FROM deliveries
 WHERE status = 'pending'
   AND (endpoint, next_attempt_at_ms, seq) > (:endpoint, :next_attempt_at_ms, :seq)
 ORDER BY endpoint, next_attempt_at_ms, seq LIMIT :limit
""",
)

TRY_NOW: Final = """
UPDATE deliveries SET next_attempt_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:seqs)) AND status = 'pending'
"""

# -- recording -------------------------------------------------------------------------------

_ATTEMPTED: Final = """
UPDATE deliveries
   SET status = :status, attempts = attempts + 1, next_attempt_at_ms = :next_attempt_at_ms,
       status_code = :status_code, response_body = :response_body, error = :error,
       duration_ms = :duration_ms, delivered_at_ms = :delivered_at_ms
 WHERE seq = :seq"""

# The number of attempts is compared, so that each attempt is recorded once, and not after another
# attempt has decided the delivery. A failure is not recorded when the delivery was given up
# meanwhile; a success is recorded even then, since it did arrive.
RECORD: Final = Statement(
    AttemptedRow,
    _ATTEMPTED
    + """
   AND attempts = :attempts
   AND CASE :status
       WHEN 'success' THEN status <> 'success'
       ELSE status = 'pending'
            AND NOT EXISTS (SELECT 1 FROM webhooks
                             WHERE webhooks.seq = deliveries.webhook
                               AND (drop_to >= deliveries.seq OR deleted_at_ms IS NOT NULL))
       END
RETURNING webhook, attempts
""",
)

RECORD_RETRY: Final = Statement(AttemptedRow, _ATTEMPTED + " RETURNING webhook, attempts")

ATTEMPTED: Final = """
UPDATE webhooks SET last_triggered_at_ms = :now_ms, last_call_ms = :duration_ms
 WHERE seq = :webhook
"""

# Once a webhook is off, only a retry by hand changes its counts and its last status.
SUCCEEDED: Final = """
UPDATE webhooks
   SET failure_count = 0, last_status = 'success', last_triggered_at_ms = :now_ms,
       last_call_ms = :duration_ms
 WHERE seq = :webhook AND (enabled = 1 OR :is_by_hand)
"""

FAILED: Final = Statement(
    FailedWebhookRow,
    """
UPDATE webhooks
   SET failure_count = failure_count + :more, last_status = 'failed',
       last_triggered_at_ms = :now_ms, last_call_ms = :duration_ms
 WHERE seq = :webhook AND (enabled = 1 OR :is_by_hand)
RETURNING org, failure_count, enabled
""",
)

SWITCH_OFF: Final = """
UPDATE webhooks SET enabled = 0, last_status = 'auto_disabled', updated_at_ms = :now_ms
 WHERE seq = :webhook
"""

# -- reading ---------------------------------------------------------------------------------

# Index deliveries_of_webhook. Older deliveries than these cannot be read at all.
NEWEST_DELIVERIES: Final = Statement(
    DeliveryStatusRow,
    """
SELECT seq, status FROM deliveries WHERE webhook = :webhook
 ORDER BY created_at_ms DESC, seq DESC LIMIT :limit
""",
)

# Index deliveries_of_job: in the order in which they were written down. Those of a webhook that is
# being deleted are hidden, as the webhook is.
NEWEST_DELIVERIES_OF_JOB: Final = Statement(
    JobDeliveryStatusRow,
    """
SELECT deliveries.seq, deliveries.status, webhooks.id AS webhook_id
  FROM deliveries LEFT JOIN webhooks ON webhooks.seq = deliveries.webhook
 WHERE deliveries.job_id = :job_id AND deliveries.org = :org AND webhooks.deleted_at_ms IS NULL
 ORDER BY deliveries.seq DESC LIMIT :limit
""",
)

DELIVERY: Final = Value(
    str,
    "SELECT status FROM deliveries WHERE seq = :seq",
)

SHOWN_DELIVERY: Final = Statement(
    DeliveryRow,
    """
SELECT seq, id, event, status, status_code, response_body, error, attempts, duration_ms,
       created_at_ms, delivered_at_ms, NULL AS body, length(body) AS size_bytes
  FROM deliveries WHERE seq = :seq
""",
)

BODY: Final = Value(bytes, "SELECT body FROM deliveries WHERE seq = :seq")

FIND_DELIVERY: Final = Value(
    int,
    "SELECT seq FROM deliveries WHERE id = :id AND webhook = :webhook",
)

# Index deliveries_of_job. Those of webhooks are sent again by their webhook.
FIND_COMPLETION_DELIVERY: Final = Value(
    int,
    """
SELECT seq FROM deliveries
 WHERE job_id = :job_id AND org = :org AND id = :id AND webhook IS NULL
""",
)

# -- clearing --------------------------------------------------------------------------------

# Index webhooks_to_clear.
NEXT_TO_CLEAR: Final = Statement(
    ClearedRow,
    """
SELECT seq, drop_to, deleted_at_ms FROM webhooks WHERE drop_to IS NOT NULL ORDER BY seq LIMIT 1
""",
)

# Index deliveries_due.
TO_DROP: Final = Statement(
    SizedRow,
    """
SELECT seq, length(body) AS size_bytes FROM deliveries
 WHERE status = 'pending' AND endpoint = :endpoint AND seq <= :drop_to
 ORDER BY next_attempt_at_ms, seq LIMIT :limit
""",
)

DROP: Final = """
UPDATE deliveries
   SET status = 'failed', next_attempt_at_ms = NULL, error = coalesce(error, :error)
 WHERE seq IN (SELECT value FROM json_each(:seqs))
"""

DROPPED: Final = "UPDATE webhooks SET drop_to = NULL WHERE seq = :webhook"

# Index deliveries_of_webhook.
OF_WEBHOOK: Final = Statement(
    SizedRow,
    """
SELECT seq, length(body) AS size_bytes FROM deliveries WHERE webhook = :webhook
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

DELETE_DELIVERIES: Final = """
DELETE FROM deliveries WHERE seq IN (SELECT value FROM json_each(:seqs))
"""

DELETE: Final = "DELETE FROM webhooks WHERE seq = :webhook"

COUNT_ENABLED: Final = Value(
    int,
    "SELECT count(*) FROM webhooks WHERE org = :org AND enabled = 1 AND deleted_at_ms IS NULL",
)
