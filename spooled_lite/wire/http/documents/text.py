"""The OpenAPI document of this version as text: of its routes, and what is said of them."""

from functools import cache

import msgspec

from spooled_lite.wire.http.documents.described.table import DESCRIBED
from spooled_lite.wire.http.documents.openapi import document
from spooled_lite.wire.http.routes import ROUTES


@cache
def document_text() -> bytes:
    """The document as JSON, made at the first call, which takes 0.1 s."""
    return msgspec.json.encode(document(ROUTES, DESCRIBED))
