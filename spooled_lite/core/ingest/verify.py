"""Is an incoming webhook from the sender it claims? Every comparison takes the same time whatever
is sent: it reveals neither how much of a secret is right nor how long the secret is."""

import hashlib
import hmac
from typing import Final, Literal

from spooled_lite.core.ingest.records import Receiver
from spooled_lite.errors import SecretMissing
from spooled_lite.outbound.signatures import verify_github, verify_stripe

Signing = Literal["github", "stripe"]

SECRET_SETTINGS: Final[dict[Signing, str]] = {
    "github": "github_webhook_secret",
    "stripe": "stripe_webhook_secret",
}
PROVIDER_NAMES: Final[dict[Signing, str]] = {"github": "GitHub", "stripe": "Stripe"}


def is_token_of(receiver: Receiver, shown: bytes) -> bool:
    """Whether this is the webhook token of the organization. Without a token nothing is."""
    if not receiver.webhook_token:
        return False
    wanted = receiver.webhook_token.encode("utf-8")
    digests = (hashlib.sha256(each).digest() for each in (shown, wanted))
    return hmac.compare_digest(*digests)


def secret_for(
    receiver: Receiver, provider: Signing, server_secret: str | None, *, chars_min: int
) -> str:
    """The secret that signs webhooks of this provider: the organization's own, else the server's.

    An own secret that is too short is refused instead of replaced by the server's, which the
    organization did not choose to trust.

    Raises:
        SecretMissing: there is none, or it has fewer than `chars_min` characters.

    Contract: schedules-workflows-webhooks, sections 4.4 and 4.5.
    """
    secret = receiver.secrets[SECRET_SETTINGS[provider]] or server_secret
    if not secret or len(secret) < chars_min:
        raise SecretMissing(
            f"No usable secret for webhooks of {PROVIDER_NAMES[provider]} is configured"
        )
    return secret


def is_signed(
    provider: Signing, secret: str, signature: str | None, body: bytes, *, now_ms: int
) -> bool:
    """Whether the signature fits exactly these bytes and, for Stripe, is not too old."""
    if provider == "github":
        return verify_github(secret, signature, body)
    return verify_stripe(secret, signature, body, now_ms)
