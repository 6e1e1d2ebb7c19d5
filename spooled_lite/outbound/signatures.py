"""HMAC signatures of webhooks: ours, and those of GitHub and Stripe. In constant time."""

import hmac
import re
from typing import Final

PREFIX: Final = "sha256="
STRIPE_AGE_SECONDS_MAX: Final = 300
STRIPE_AHEAD_SECONDS_MAX: Final = 60  # the clocks of two machines differ
HEADER_CHARS_MAX: Final = 4096  # a real one has about a hundred; a longer one only costs time

_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of X-Spooled-Signature. `timestamp` is that of X-Spooled-Timestamp, in seconds.

    Contract: schedules-workflows-webhooks, section 3.4.
    """
    return PREFIX + _hex(secret, b"%d." % timestamp + body)


def verify_github(secret: str, header: str | None, body: bytes) -> bool:
    """Whether X-Hub-Signature-256 is the signature of `body`. False for any other text.

    Contract: schedules-workflows-webhooks, section 4.4.
    """
    if not secret or header is None or len(header) > HEADER_CHARS_MAX:
        return False
    return header.startswith(PREFIX) and _equal(header.removeprefix(PREFIX), _hex(secret, body))


def sign_stripe(secret: str, timestamp: int, body: bytes) -> str:
    """The header Stripe-Signature of an event that was sent at this time, in seconds."""
    return f"t={timestamp},v1={_hex(secret, b'%d.' % timestamp + body)}"


def verify_stripe(secret: str, header: str | None, body: bytes, now_ms: int) -> bool:
    """Whether one of the signatures in Stripe-Signature is that of `body`, and is recent.

    False for any other text.

    Contract: schedules-workflows-webhooks, section 4.5.
    """
    if not secret or header is None or len(header) > HEADER_CHARS_MAX:
        return False
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    # With two times it would be unclear which of them was signed.
    if len(times) != 1 or _SECONDS.fullmatch(times[0]) is None:
        return False
    age_ms = now_ms - int(times[0]) * 1000
    if not -STRIPE_AHEAD_SECONDS_MAX * 1000 <= age_ms <= STRIPE_AGE_SECONDS_MAX * 1000:
        return False
    expected = _hex(secret, times[0].encode() + b"." + body)
    # All are compared, so that the time taken does not reveal which one fits.
    matches = [_equal(value, expected) for name, _, value in pairs if name == "v1"]
    return any(matches)


def _hex(secret: str, message: bytes) -> str:
    return hmac.new(_bytes(secret), message, "sha256").hexdigest()


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def _bytes(text: str) -> bytes:
    # A header may hold anything, and must not cause an exception.
    return text.encode("utf-8", "surrogatepass")
