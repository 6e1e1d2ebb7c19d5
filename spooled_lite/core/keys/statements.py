"""SQL of API keys. The hash is written and looked up, never read."""

from typing import Final

from spooled_lite.core.keys.columns import (
    KEY_COLUMNS,
    CredentialRow,
    KeyRow,
    KeysUsedRow,
    MemberRow,
)
from spooled_lite.storage.statement import Statement, Value

_CREDENTIAL: Final = """
       api_keys.seq, api_keys.id, api_keys.org, queues, permissions, rate_limit,
       api_keys.is_active, expires_at_ms, last_used_ms, secret_id,
       organizations.id AS org_id, plan_tier, custom_limits,
       organizations.is_active AS org_is_active,
       organizations.deleted_at_ms AS org_deleted_at_ms
  FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
"""

# By the unique index of key_hash.
FIND_BY_HASH: Final = Statement(CredentialRow, f"SELECT {_CREDENTIAL} WHERE key_hash = :key_hash")

# By the unique index of the id.
FIND_BY_ID: Final = Statement(CredentialRow, f"SELECT {_CREDENTIAL} WHERE api_keys.id = :id")

# What the key of the process may do in an organization; its number is that with a minus, which no
# stored key has. By the primary key.
FIND_IN_PROCESS: Final = Statement(
    CredentialRow,
    """
SELECT -seq AS seq, 'in-process' AS id, seq AS org, '[]' AS queues, NULL AS permissions,
       NULL AS rate_limit, 1 AS is_active, NULL AS expires_at_ms, NULL AS last_used_ms,
       '' AS secret_id, id AS org_id, plan_tier, custom_limits, is_active AS org_is_active,
       deleted_at_ms AS org_deleted_at_ms
  FROM organizations WHERE seq = :org
""",
)

IN_PROCESS_STILL_VALID: Final = Value(
    str,
    """
SELECT '[]' FROM organizations
 WHERE seq = -:key AND is_active = 1 AND deleted_at_ms IS NULL AND plan_tier <> 'deleted'
""",
)

INSERT: Final = Statement(
    KeyRow,
    f"""
INSERT INTO api_keys (id, org, name, key_prefix, key_hash, queues, permissions, rate_limit,
                      created_at_ms, updated_at_ms, expires_at_ms, secret_id)
VALUES (:id, :org, :name, :key_prefix, :key_hash, :queues, :permissions, :rate_limit,
        :now_ms, :now_ms, :expires_at_ms, :secret_id)
RETURNING {KEY_COLUMNS}
""",
)

# Newest first, by api_keys_of_org.
LIST: Final = Statement(
    KeyRow,
    f"""
SELECT {KEY_COLUMNS}
  FROM api_keys
 WHERE org = :org
 ORDER BY created_at_ms DESC, seq DESC
 LIMIT :limit
""",
)

REVOKE: Final = Statement(
    KeyRow,
    f"""
UPDATE api_keys
   SET is_active = 0, is_off_with_org = 0, updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND (is_active = 1 OR is_off_with_org = 1)
RETURNING {KEY_COLUMNS}
""",
)

FIND: Final = Statement(
    KeyRow,
    f"""
SELECT {KEY_COLUMNS}
  FROM api_keys
 WHERE id = :id AND org = :org
""",
)

# Every column that a caller can change; the operation passes the present value of the others.
UPDATE: Final = Statement(
    KeyRow,
    f"""
UPDATE api_keys
   SET name = :name, queues = :queues, permissions = :permissions, rate_limit = :rate_limit,
       is_active = :is_active, is_off_with_org = 0, updated_at_ms = :now_ms
 WHERE seq = :key
RETURNING {KEY_COLUMNS}
""",
)

# The old secret is forgotten with its hash.
REPLACE_SECRET: Final = Statement(
    KeyRow,
    f"""
UPDATE api_keys
   SET key_hash = :key_hash, key_prefix = :key_prefix, secret_id = :secret_id,
       updated_at_ms = :now_ms
 WHERE seq = :key
RETURNING {KEY_COLUMNS}
""",
)

# Index api_keys_of_org, as the two that follow.
OLDEST_ACTIVE: Final = Statement(
    MemberRow,
    """
SELECT id, name, queues, created_at_ms FROM api_keys
 WHERE org = :org AND is_active = 1
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

COUNT_USED: Final = Statement(
    KeysUsedRow,
    """
SELECT count(*) AS count, count(last_used_ms) AS used FROM api_keys WHERE org = :org
""",
)

# -- the bootstrap key -----------------------------------------------------------------------

# Frees the secret of a key whose organization is being deleted, unless the key was revoked.
FORGET_OF_DELETED: Final = """
DELETE FROM api_keys
 WHERE key_hash = :key_hash AND is_active = 1
   AND (SELECT deleted_at_ms FROM organizations WHERE seq = api_keys.org) IS NOT NULL
"""

# The key that had this secret at an earlier start. A key that was deleted with its organization
# counts only if it had been revoked before.
FORMER_BOOTSTRAP: Final = Value(
    str,
    """
SELECT key_id FROM bootstrap_keys
 WHERE key_hash = :key_hash
   AND (is_taken_back OR EXISTS (SELECT 1 FROM api_keys WHERE id = bootstrap_keys.key_id))
""",
)

NOTE_BOOTSTRAP: Final = """
INSERT INTO bootstrap_keys (key_hash, key_id) VALUES (:key_hash, :key_id)
ON CONFLICT (key_hash) DO UPDATE SET key_id = excluded.key_id
"""

LAST_BOOTSTRAP: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'bootstrap_key'")

NOTE_LAST_BOOTSTRAP: Final = """
INSERT INTO server_state (name, value) VALUES ('bootstrap_key', :key_hash)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""

# -- use -------------------------------------------------------------------------------------

NOTE_USE: Final = """
UPDATE api_keys
   SET last_used_ms = :now_ms
 WHERE seq = :key AND (last_used_ms IS NULL OR last_used_ms <= :not_after_ms)
"""

STILL_VALID: Final = Value(
    str,
    """
SELECT queues FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
 WHERE api_keys.seq = :key AND secret_id = :secret_id AND api_keys.is_active = 1
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
   AND organizations.is_active = 1 AND deleted_at_ms IS NULL AND plan_tier <> 'deleted'
""",
)

# Index api_keys_of_org, as the next one: keys are switched off and on with their organization.
SWITCH_OFF_WITH_ORG: Final = """
UPDATE api_keys SET is_active = 0, is_off_with_org = 1, updated_at_ms = :now_ms
 WHERE org = :org AND is_active = 1
"""

SWITCH_ON_WITH_ORG: Final = """
UPDATE api_keys SET is_active = 1, is_off_with_org = 0, updated_at_ms = :now_ms
 WHERE org = :org AND is_off_with_org = 1
"""

COUNT_ACTIVE: Final = Value(int, "SELECT count(*) FROM api_keys WHERE org = :org AND is_active = 1")
