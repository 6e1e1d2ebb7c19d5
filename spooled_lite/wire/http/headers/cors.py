"""CORS: which origins a browser lets call this server. Contract: platform, section 1.3."""

from typing import Final

from spooled_lite.config import Settings
from spooled_lite.wire.header import Header

_METHODS: Final = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS: Final = (
    b"Authorization, Content-Type, X-API-Key, X-Request-Id, X-Admin-Key, X-Organization-Id,"
    b" X-API-Version, X-Webhook-Token, Idempotency-Key, Last-Event-ID"
)
_EXPOSED: Final = (
    b"X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset,"
    b" X-RateLimit-Scope, Retry-After, X-Has-More, X-API-Version, X-Wire-Cursor,"
    b" Idempotency-Replayed"
)
_EXPOSE: Final = (b"access-control-expose-headers", _EXPOSED)
_MAX_AGE: Final = (b"access-control-max-age", b"3600")


class Cors:
    """Which origins may call: outside production all; in production those listed, or all when
    none is listed."""

    def __init__(self, settings: Settings) -> None:
        self._is_production = settings.environment == "production"
        self._origins = frozenset(each.encode() for each in settings.cors_allowed_origins)

    def headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """The CORS headers of an answer to a request with this Origin header."""
        if not self._is_production:
            if origin is None:
                return ()
            return ((b"access-control-allow-origin", b"*"), _EXPOSE)
        if origin is None or (self._origins and origin not in self._origins):
            return ((b"vary", b"Origin"),)
        return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"), _EXPOSE)

    def early_headers(self, origin: bytes | None) -> tuple[Header, ...]:
        """As `headers`, for a request whose Origin header may not have been read yet."""
        if origin is None and not self._origins:
            return ((b"access-control-allow-origin", b"*"), _EXPOSE)
        return self.headers(origin)

    def preflight(self, asked_for: bytes | None) -> tuple[Header, ...]:
        """Further headers for a preflight. `asked_for` names the headers the script will send."""
        allowed = _REQUEST_HEADERS
        if not self._is_production and asked_for:
            # `*` would not cover Authorization, so the requested names are repeated.
            allowed = asked_for
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", allowed),
            _MAX_AGE,
        )
