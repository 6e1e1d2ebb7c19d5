"""SQL of the answers that are kept for who repeats a call."""

from typing import Final

from spooled_lite.core.answers.columns import KeptAnswerRow
from spooled_lite.core.jobs.passes import SizedRow
from spooled_lite.storage.statement import Statement

# By kept_answers_by_key. One that is too old is none, whether it is still there or not.
BY_KEY: Final = Statement(
    KeptAnswerRow,
    """
SELECT digest, queues, status, body FROM kept_answers
 WHERE org = :org AND key = :key AND created_at_ms > :after_ms
""",
)

# In place of one that is too old, if there is one.
KEEP: Final = """
INSERT INTO kept_answers (org, key, digest, queues, status, body, created_at_ms)
VALUES (:org, :key, :digest, :queues, :status, :body, :now_ms)
ON CONFLICT (org, key) DO UPDATE
   SET digest = excluded.digest, queues = excluded.queues, status = excluded.status,
       body = excluded.body, created_at_ms = excluded.created_at_ms
"""

# By kept_answers_oldest.
OLD: Final = Statement(
    SizedRow,
    """
SELECT seq, length(body) AS size_bytes FROM kept_answers
 WHERE created_at_ms <= :until_ms ORDER BY created_at_ms LIMIT :limit
""",
)

FORGET: Final = "DELETE FROM kept_answers WHERE seq IN (SELECT value FROM json_each(:seqs))"
