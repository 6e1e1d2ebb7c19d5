"""SQL of sign-in. Codes are kept hashed, tokens by their id alone."""

from typing import Final

SECRET: Final = "SELECT value FROM server_state WHERE name = 'token_secret'"

KEEP_SECRET: Final = "INSERT INTO server_state (name, value) VALUES ('token_secret', :value)"

# -- tokens --------------------------------------------------------------------------------------

REVOKE: Final = """
INSERT INTO revoked_tokens (id, expires_at_ms) VALUES (:id, :expires_at_ms)
ON CONFLICT DO NOTHING
RETURNING id, expires_at_ms
"""

IS_REVOKED: Final = "SELECT id FROM revoked_tokens WHERE id = :id"

# By revoked_tokens_by_expiry.
FORGET_REVOKED: Final = """
DELETE FROM revoked_tokens
 WHERE id IN (SELECT id FROM revoked_tokens
               WHERE expires_at_ms <= :now_ms
               ORDER BY expires_at_ms
               LIMIT :limit)
"""

# -- who is signed in ----------------------------------------------------------------------------

# By the primary keys of both.
KEY_AND_ORG: Final = """
SELECT api_keys.id, api_keys.name, queues, permissions, api_keys.created_at_ms,
       api_keys.updated_at_ms, expires_at_ms,
       organizations.id AS org_id, organizations.name AS org_name, slug, plan_tier, billing_email
  FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
 WHERE api_keys.seq = :key
"""

# The newest first, by organizations_by_email. Suspended ones are among them.
ACCOUNTS: Final = """
SELECT seq, id, is_active FROM organizations
 WHERE billing_email IS NOT NULL AND lower(billing_email) = :email
   AND deleted_at_ms IS NULL AND plan_tier <> 'deleted'
 ORDER BY created_at_ms DESC
 LIMIT :limit
"""

# The oldest key that opens everything, by api_keys_of_org.
OWNER_KEY: Final = """
SELECT id, queues, secret_id FROM api_keys
 WHERE org = :org AND is_active = 1 AND permissions IS NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
   AND (queues = '[]' OR EXISTS (SELECT 1 FROM json_each(queues) WHERE value = '*'))
 ORDER BY created_at_ms
 LIMIT 1
"""

# -- codes ---------------------------------------------------------------------------------------

STORE_CODE: Final = """
INSERT INTO sign_in_codes (email, code_hash, tries_left, expires_at_ms)
VALUES (:email, :code_hash, :tries, :expires_at_ms)
ON CONFLICT (email) DO UPDATE
   SET code_hash = excluded.code_hash,
       tries_left = iif(expires_at_ms <= :now_ms, excluded.tries_left, tries_left),
       expires_at_ms = excluded.expires_at_ms
 WHERE expires_at_ms <= :now_ms OR (tries_left > 0 AND expires_at_ms <= :resend_from_ms)
RETURNING email
"""

CODE: Final = """
SELECT code_hash, tries_left, expires_at_ms FROM sign_in_codes WHERE email = :email
"""

COUNT_TRY: Final = """
UPDATE sign_in_codes SET tries_left = tries_left - 1 WHERE email = :email AND tries_left > 0
"""

USE_CODE: Final = "DELETE FROM sign_in_codes WHERE email = :email"

# By sign_in_codes_by_expiry.
FORGET_CODES: Final = """
DELETE FROM sign_in_codes
 WHERE email IN (SELECT email FROM sign_in_codes
                  WHERE expires_at_ms <= :over_ms
                  ORDER BY expires_at_ms
                  LIMIT :limit)
"""
