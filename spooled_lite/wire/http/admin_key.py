"""Who may administer the server: whoever shows its admin key. Contract: platform, section 11."""

import hashlib
import hmac
from typing import Final

from spooled_lite.errors import (
    AdminNotConfigured,
    InvalidAdminHeader,
    InvalidAdminKey,
    MissingAdminKey,
    SpooledError,
)
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.middleware.rate_limit import client_address

_HEADER: Final = b"x-admin-key"
_PRINTABLE: Final = frozenset((*range(0x20, 0x7F), 0x09))


def check_admin_key(call: Call) -> None:
    """Let the call through if it shows the admin key.

    Raises:
        AdminNotConfigured: the server has none.
        MissingAdminKey, InvalidAdminHeader, InvalidAdminKey: what is wrong with the one shown.
        RateLimited: too many failures from this address lately; the right key is let in all the
            same, so that nobody can lock the owner out.
    """
    refused = _refusal(call)
    if refused is not None:
        _note_failure(call)
        raise refused


def has_admin_key(call: Call) -> bool:
    """Whether the call shows the admin key, where something else may open the door as well.

    A wrong one counts as a failure, none does not: trying keys here is no cheaper than elsewhere.

    Raises:
        RateLimited: as `check_admin_key`.
    """
    if _HEADER not in call.headers:
        return False
    if _refusal(call) is None:
        return True
    _note_failure(call)
    return False


def _refusal(call: Call) -> SpooledError | None:
    wanted, shown = call.settings.admin_key, call.headers.get(_HEADER)
    if wanted is None:
        return AdminNotConfigured()
    if shown is None:
        return MissingAdminKey()
    if not _PRINTABLE.issuperset(shown):
        return InvalidAdminHeader()
    return None if _is_same(shown, wanted.encode("utf-8")) else InvalidAdminKey()


def _note_failure(call: Call) -> None:
    failures, address, now_ms = call.services.admin_failures, client_address(call), call.now_ms
    failures.check(address, now_ms)
    failures.fail(address, now_ms)


def _is_same(shown: bytes, wanted: bytes) -> bool:
    """In a time that tells neither how much of it is right nor how long it should be."""
    digests = (hashlib.sha256(each).digest() for each in (shown, wanted))
    return hmac.compare_digest(*digests)
