"""SQL of API keys. The hash is written and looked up, never read."""

from typing import Final

# By the unique index of key_hash.
FIND_BY_HASH: Final = """
SELECT api_keys.seq, api_keys.id, api_keys.org, queues, permissions, rate_limit,
       api_keys.is_active, expires_at_ms, last_used_ms,
       organizations.id AS org_id, plan_tier, custom_limits,
       organizations.is_active AS org_is_active,
       organizations.deleted_at_ms AS org_deleted_at_ms
  FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
 WHERE key_hash = :key_hash
"""

INSERT: Final = """
INSERT INTO api_keys (id, org, name, key_prefix, key_hash, queues, permissions, rate_limit,
                      created_at_ms, updated_at_ms, expires_at_ms)
VALUES (:id, :org, :name, :key_prefix, :key_hash, :queues, :permissions, :rate_limit,
        :now_ms, :now_ms, :expires_at_ms)
RETURNING seq, id, org, name, key_prefix, queues, permissions, rate_limit, is_active,
          created_at_ms, updated_at_ms, last_used_ms, expires_at_ms
"""

# A key that works already is left as it is.
REVIVE: Final = """
UPDATE api_keys
   SET is_active = 1, expires_at_ms = NULL, updated_at_ms = :now_ms
 WHERE key_hash = :key_hash
   AND (is_active = 0 OR expires_at_ms IS NOT NULL)
RETURNING seq, id, org, name, key_prefix, queues, permissions, rate_limit, is_active,
          created_at_ms, updated_at_ms, last_used_ms, expires_at_ms
"""

# Newest first, by api_keys_of_org.
LIST: Final = """
SELECT seq, id, org, name, key_prefix, queues, permissions, rate_limit, is_active,
       created_at_ms, updated_at_ms, last_used_ms, expires_at_ms
  FROM api_keys
 WHERE org = :org
 ORDER BY created_at_ms DESC, seq DESC
 LIMIT :limit
"""

REVOKE: Final = """
UPDATE api_keys
   SET is_active = 0, updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND is_active = 1
RETURNING seq, id, org, name, key_prefix, queues, permissions, rate_limit, is_active,
          created_at_ms, updated_at_ms, last_used_ms, expires_at_ms
"""

EXISTS: Final = "SELECT seq FROM api_keys WHERE id = :id AND org = :org"

NOTE_USE: Final = """
UPDATE api_keys
   SET last_used_ms = :now_ms
 WHERE seq = :key AND (last_used_ms IS NULL OR last_used_ms <= :not_after_ms)
"""

STILL_VALID: Final = """
SELECT queues FROM api_keys
 WHERE seq = :key AND is_active = 1 AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
"""
