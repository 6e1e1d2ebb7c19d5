"""SQL of organizations."""

from typing import Final

INSERT: Final = """
INSERT INTO organizations (id, name, slug, plan_tier, billing_email, created_at_ms, updated_at_ms)
VALUES (:id, :name, :slug, :plan_tier, :billing_email, :now_ms, :now_ms)
RETURNING *
"""

# The oldest that is not deleted, by primary key.
FIRST: Final = """
SELECT * FROM organizations WHERE deleted_at_ms IS NULL ORDER BY seq LIMIT 1
"""

# By the unique indexes of id and slug. An id wins over a slug that looks like it.
BY_NAME: Final = """
SELECT * FROM organizations
 WHERE (id = :name OR slug = :name) AND deleted_at_ms IS NULL
 ORDER BY id = :name DESC
 LIMIT 1
"""
