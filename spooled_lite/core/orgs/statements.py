"""SQL of organizations."""

from typing import Final

from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement, Value

INSERT: Final = Statement(
    OrgRow,
    """
INSERT INTO organizations (id, name, slug, plan_tier, billing_email,
                           billing_email_verified_at_ms, settings, custom_limits,
                           webhook_token, webhook_token_created_at_ms, github_webhook_secret,
                           stripe_webhook_secret, created_at_ms, updated_at_ms)
VALUES (:id, :name, :slug, :plan_tier, :billing_email, :billing_email_verified_at_ms,
        :settings, :custom_limits,
        :webhook_token, :now_ms, :github_webhook_secret, :stripe_webhook_secret, :now_ms, :now_ms)
RETURNING *
""",
)

# The oldest that is not deleted, by primary key.
FIRST: Final = Statement(
    OrgRow,
    """
SELECT * FROM organizations WHERE deleted_at_ms IS NULL ORDER BY seq LIMIT 1
""",
)

# By the unique indexes of id and slug. An id wins over a slug that looks like it.
BY_NAME: Final = Statement(
    OrgRow,
    """
SELECT * FROM organizations
 WHERE (id = :name OR slug = :name) AND deleted_at_ms IS NULL
 ORDER BY id = :name DESC
 LIMIT 1
""",
)

BY_ID: Final = Statement(
    OrgRow, "SELECT * FROM organizations WHERE id = :id AND deleted_at_ms IS NULL"
)

BY_SEQ: Final = Statement(
    OrgRow, "SELECT * FROM organizations WHERE seq = :org AND deleted_at_ms IS NULL"
)

# Not suspended, and neither closed nor deleted.
IS_OPEN: Final = "deleted_at_ms IS NULL AND is_active = 1 AND plan_tier <> 'deleted'"

OPEN_BY_SEQ: Final = Statement(
    OrgRow, "SELECT * FROM organizations WHERE seq = :org AND " + IS_OPEN
)

# Index organizations_by_slug.
SLUG_TAKEN: Final = Value(
    int,
    """
SELECT 1 FROM organizations WHERE slug = :slug AND deleted_at_ms IS NULL
""",
)

# Every column that can change; the operation passes the present value of the others.
UPDATE: Final = Statement(
    OrgRow,
    """
UPDATE organizations
   SET name = :name, plan_tier = :plan_tier, billing_email = :billing_email,
       billing_email_verified_at_ms = :billing_email_verified_at_ms,
       billing_email_asked_at_ms = :billing_email_asked_at_ms,
       description = :description, logo_url = :logo_url, settings = :settings,
       custom_limits = :custom_limits, webhook_token = :webhook_token,
       webhook_token_created_at_ms = :webhook_token_created_at_ms,
       github_webhook_secret = :github_webhook_secret,
       stripe_webhook_secret = :stripe_webhook_secret,
       stripe_customer_id = :stripe_customer_id,
       stripe_subscription_id = :stripe_subscription_id,
       stripe_subscription_status = :stripe_subscription_status,
       is_active = :is_active, updated_at_ms = :now_ms
 WHERE seq = :org AND deleted_at_ms IS NULL
RETURNING *
""",
)

# -- removing one ----------------------------------------------------------------------------

MARK_DELETED: Final = Statement(
    OrgRow,
    """
UPDATE organizations SET deleted_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE seq = :org AND deleted_at_ms IS NULL
RETURNING *
""",
)

# Index organizations_deleted, also in the statements that follow: deleted organizations that may
# still have rows, and those that have had none for a while.
NEXT_TO_EMPTY: Final = Value(
    int,
    """
SELECT seq FROM organizations WHERE deleted_at_ms IS NOT NULL AND emptied_at_ms IS NULL
 ORDER BY seq LIMIT 1
""",
)

NEXT_TO_DELETE: Final = Value(
    int,
    """
SELECT seq FROM organizations WHERE deleted_at_ms IS NOT NULL AND emptied_at_ms <= :before_ms
 ORDER BY emptied_at_ms, seq LIMIT 1
""",
)

FIRST_EMPTIED: Final = Value(
    int,
    """
SELECT min(emptied_at_ms) AS at_ms FROM organizations
 WHERE deleted_at_ms IS NOT NULL AND emptied_at_ms IS NOT NULL
""",
)

MARK_EMPTIED: Final = "UPDATE organizations SET emptied_at_ms = :now_ms WHERE seq = :org"

DELETE: Final = "DELETE FROM organizations WHERE seq = :org"
