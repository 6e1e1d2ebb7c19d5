"""The OpenAPI document of a world. Imported when somebody reads it."""

from functools import cache

import msgspec

from spooled_lite.testing.described import DESCRIBED_TOO
from spooled_lite.testing.routes import TEST_ROUTES
from spooled_lite.wire.http.documents.described.table import DESCRIBED
from spooled_lite.wire.http.documents.openapi import document
from spooled_lite.wire.http.routes import ROUTES


@cache
def document_of_tests() -> bytes:
    """With the routes of test mode."""
    return msgspec.json.encode(document((*ROUTES, *TEST_ROUTES), {**DESCRIBED, **DESCRIBED_TOO}))
