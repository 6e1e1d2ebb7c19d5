"""Every statement about the documents of flows and workflows."""

from typing import Final

from spooled_lite.storage.statement import Value

# Index flow_documents_by_digest.
BY_DIGEST: Final = Value(
    int, "SELECT seq FROM flow_documents WHERE org = :org AND digest = :digest"
)

INSERT: Final = """
INSERT INTO flow_documents (id, org, digest, body, created_at_ms)
VALUES (:id, :org, :digest, :body, :now_ms)
"""

DIGEST: Final = Value(bytes, "SELECT digest FROM flow_documents WHERE seq = :seq")

BODY: Final = Value(bytes, "SELECT body FROM flow_documents WHERE seq = :seq")
