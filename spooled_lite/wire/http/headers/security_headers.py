"""Headers of every answer that restrict browsers. Contract: platform, section 1.2."""

from typing import Final

_ALWAYS: Final = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"permissions-policy", b"accelerometer=(), camera=(), geolocation=(), microphone=()"),
)
# For answers of the API, which load nothing; pages have policies of their own.
API_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload")


def security_headers(
    *, enable_hsts: bool, policy: bytes = API_POLICY
) -> tuple[tuple[bytes, bytes], ...]:
    headers = (*_ALWAYS, (b"content-security-policy", policy))
    return (*headers, _HSTS) if enable_hsts else headers
