"""The JSON of an error in an answer over HTTP, from the application and from the server alike."""

from typing import Any

from spooled_lite.errors import SpooledError


def envelope(error: SpooledError) -> dict[str, Any]:
    """Contract: platform, section 3.1."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "error": error.error,
    }
    if error.details:
        body["details"] = error.details
    body.update(error.extra)
    return body
