"""The link with which the person who started the server on this machine signs in once."""

import base64
import hashlib
import hmac
from typing import Final

from spooled_lite.config import Settings
from spooled_lite.wire.listen import is_loopback

CODE_BYTES: Final = 32
LINK_MS: Final = 10 * 60 * 1000
SIGN_IN: Final = "#/sign-in?code="  # behind `#`, since browsers do not send that part


class SignInLink:
    """At most one code, kept as a hash in memory. Use it from one event loop.

    It ends by the server's clock, as tokens do: a machine that slept has a link that is too old.
    A clock that is set back to before the code was made ends it as well, so that no code gets more
    than its ten minutes again.
    """

    def __init__(self, settings: Settings) -> None:
        self.is_offered = settings.environment == "development" and is_loopback(settings.host)
        self._hash: bytes | None = None
        self._org_id = ""
        self._made_at_ms = 0

    def make(self, org_id: str, secret: bytes, now_ms: int) -> str:
        """A new code for an organization; an earlier code becomes invalid."""
        assert self.is_offered, "other people may reach this server"
        assert len(secret) == CODE_BYTES, "it must not be guessed"
        code = base64.urlsafe_b64encode(secret).rstrip(b"=")
        self._hash, self._org_id = hashlib.sha256(code).digest(), org_id
        self._made_at_ms = now_ms
        return code.decode("ascii")

    def is_waiting(self, now_ms: int) -> bool:
        """Whether there is a code that has been neither used nor replaced and has not expired."""
        return self._hash is not None and 0 <= now_ms - self._made_at_ms < LINK_MS

    def take(self, code: str, now_ms: int) -> str | None:
        """Use up a code. Returns the id of its organization; None when the code is not valid."""
        shown = hashlib.sha256(code.encode()).digest()
        if (
            self._hash is None
            or not hmac.compare_digest(shown, self._hash)
            or not self.is_waiting(now_ms)
        ):
            return None
        self._hash = None
        return self._org_id
