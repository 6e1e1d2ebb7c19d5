"""SQL of the link that signs in."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class GoodKeyRow(TypedDict):
    id: str
    secret_id: str
    queues: str
    permissions: str | None


# Index api_keys_of_org, in its order.
GOOD_KEYS: Final = Statement(
    GoodKeyRow,
    """
SELECT api_keys.id, secret_id, queues, permissions
  FROM organizations CROSS JOIN api_keys ON api_keys.org = organizations.seq
 WHERE organizations.id = :org_id AND organizations.is_active = 1 AND plan_tier <> 'deleted'
   AND organizations.deleted_at_ms IS NULL
   AND api_keys.is_active = 1 AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY api_keys.created_at_ms LIMIT :limit
""",
)
