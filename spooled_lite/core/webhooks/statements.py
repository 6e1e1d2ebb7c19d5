"""Every statement about owed webhook calls."""

from typing import Final

OWE: Final = """
INSERT INTO deliveries (id, org, job_id, event, url, secret, status, next_attempt_at_ms,
                        created_at_ms, body)
VALUES (:id, :org, :job_id, :event, :url, :secret, 'pending', :now_ms, :now_ms, :body)
"""
