"""What browsers are told with every answer. Contract: platform, section 1.2."""

from typing import Final

_ALWAYS: Final = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"permissions-policy", b"accelerometer=(), camera=(), geolocation=(), microphone=()"),
)
_NO_CONTENT_OF_ITS_OWN: Final = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'",
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload")


def security_headers(*, enable_hsts: bool) -> tuple[tuple[bytes, bytes], ...]:
    """For answers of the API; pages bring a content policy of their own."""
    headers = (*_ALWAYS, _NO_CONTENT_OF_ITS_OWN)
    return (*headers, _HSTS) if enable_hsts else headers
