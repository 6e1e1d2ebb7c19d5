"""SQL of sign-in. Codes are stored as a hash, revoked tokens only by their id."""

from typing import Final

from spooled_lite.core.auth.columns import (
    AccountRow,
    CodeRow,
    ConfirmationRow,
    RevokedRow,
    SignedInRow,
    SubjectRow,
    ToConfirmRow,
)
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement, Value

SECRET: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'token_secret'")

KEEP_SECRET: Final = "INSERT INTO server_state (name, value) VALUES ('token_secret', :value)"

# -- tokens --------------------------------------------------------------------------------------

REVOKE: Final = Statement(
    RevokedRow,
    """
INSERT INTO revoked_tokens (id, expires_at_ms) VALUES (:id, :expires_at_ms)
ON CONFLICT DO NOTHING
RETURNING id, expires_at_ms
""",
)

IS_REVOKED: Final = Value(str, "SELECT id FROM revoked_tokens WHERE id = :id")

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
KEY_AND_ORG: Final = Statement(
    SignedInRow,
    """
SELECT api_keys.id, api_keys.name, queues, permissions, api_keys.created_at_ms,
       api_keys.updated_at_ms, expires_at_ms,
       organizations.id AS org_id, organizations.name AS org_name, slug, plan_tier, billing_email
  FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
 WHERE api_keys.seq = :key
""",
)

# The same of the key of the process, of which there is no row.
IN_PROCESS_AND_ORG: Final = Statement(
    SignedInRow,
    """
SELECT 'in-process' AS id, 'in-process' AS name, '[]' AS queues, NULL AS permissions,
       created_at_ms, updated_at_ms, NULL AS expires_at_ms,
       id AS org_id, name AS org_name, slug, plan_tier, billing_email
  FROM organizations WHERE seq = -:key
""",
)

# The newest first, by organizations_by_email: where the address was confirmed, including suspended
# organizations.
ACCOUNTS: Final = Statement(
    AccountRow,
    """
SELECT seq, id, is_active FROM organizations
 WHERE billing_email_verified_at_ms IS NOT NULL AND lower(billing_email) = :email
   AND deleted_at_ms IS NULL AND plan_tier <> 'deleted'
 ORDER BY created_at_ms DESC
 LIMIT :limit
""",
)

# The oldest key without limits, by api_keys_of_org.
OWNER_KEY: Final = Statement(
    SubjectRow,
    """
SELECT id, queues, secret_id FROM api_keys
 WHERE org = :org AND is_active = 1 AND permissions IS NULL
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
   AND (queues = '[]' OR EXISTS (SELECT 1 FROM json_each(queues) WHERE value = '*'))
 ORDER BY created_at_ms
 LIMIT 1
""",
)

# -- codes ---------------------------------------------------------------------------------------

STORE_CODE: Final = Value(
    str,
    """
INSERT INTO sign_in_codes (email, code_hash, tries_left, expires_at_ms)
VALUES (:email, :code_hash, :tries, :expires_at_ms)
ON CONFLICT (email) DO UPDATE
   SET code_hash = excluded.code_hash,
       tries_left = iif(expires_at_ms <= :now_ms, excluded.tries_left, tries_left),
       expires_at_ms = excluded.expires_at_ms
 WHERE expires_at_ms <= :now_ms OR (tries_left > 0 AND expires_at_ms <= :resend_from_ms)
RETURNING email
""",
)

CODE: Final = Statement(
    CodeRow,
    """
SELECT code_hash, tries_left, expires_at_ms FROM sign_in_codes WHERE email = :email
""",
)

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

# -- confirming the address of an organization ---------------------------------------------------

# By primary key; nothing when there is no address, or it was confirmed.
TO_CONFIRM: Final = Statement(
    ToConfirmRow,
    """
SELECT slug, billing_email, billing_email_asked_at_ms FROM organizations
 WHERE seq = :org AND billing_email IS NOT NULL AND billing_email_verified_at_ms IS NULL
   AND deleted_at_ms IS NULL
""",
)

# Other codes for the same address are found by confirmation_codes_by_email.
STORE_CONFIRMATION: Final = Value(
    int,
    """
INSERT INTO confirmation_codes (org, email, code_hash, tries_left, sent_at_ms, expires_at_ms)
SELECT :org, :email, :code_hash, :tries, :now_ms, :expires_at_ms
 WHERE NOT EXISTS (SELECT 1 FROM confirmation_codes
                    WHERE email = :email AND sent_at_ms > :resend_from_ms
                      AND sent_at_ms <= :now_ms)
ON CONFLICT (org) DO UPDATE
   SET email = excluded.email, code_hash = excluded.code_hash, tries_left = excluded.tries_left,
       sent_at_ms = excluded.sent_at_ms, expires_at_ms = excluded.expires_at_ms
RETURNING org
""",
)

NOTE_ASKED: Final = """
UPDATE organizations SET billing_email_asked_at_ms = :now_ms WHERE seq = :org
"""

# By the primary keys of both. A code for an address that has changed since is not valid.
CONFIRMATION: Final = Statement(
    ConfirmationRow,
    """
SELECT email, code_hash, tries_left, expires_at_ms
  FROM confirmation_codes JOIN organizations ON organizations.seq = confirmation_codes.org
 WHERE org = :org AND lower(billing_email) = email
""",
)

COUNT_CONFIRMATION_TRY: Final = """
UPDATE confirmation_codes SET tries_left = tries_left - 1 WHERE org = :org AND tries_left > 0
"""

USE_CONFIRMATION: Final = "DELETE FROM confirmation_codes WHERE org = :org"

VERIFY_ADDRESS: Final = Statement(
    OrgRow,
    """
UPDATE organizations
   SET billing_email_verified_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE seq = :org
RETURNING *
""",
)

# By confirmation_codes_by_expiry.
FORGET_CONFIRMATIONS: Final = """
DELETE FROM confirmation_codes
 WHERE org IN (SELECT org FROM confirmation_codes
                WHERE expires_at_ms <= :over_ms
                ORDER BY expires_at_ms
                LIMIT :limit)
"""
