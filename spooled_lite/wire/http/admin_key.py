"""Who may administer the server: whoever shows its admin key. Contract: platform, section 11."""

import hashlib
import hmac
from typing import Final

from spooled_lite.errors import (
    AdminNotConfigured,
    InvalidAdminHeader,
    InvalidAdminKey,
    MissingAdminKey,
    RateLimited,
    SpooledError,
)
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.rates.rate_limit import client_address

_HEADER: Final = b"x-admin-key"
_PRINTABLE: Final = frozenset((*range(0x20, 0x7F), 0x09))


async def check_admin_key(call: Call) -> None:
    """Let the call through if it shows the admin key.

    After too many failures of an address nothing that comes from it is compared until the minute
    is over: the right key among thousands of guesses is refused like the others. A wrong key waits
    for its answer, behind the other wrong ones of its address.

    Raises:
        RateLimited: too many failures from this address lately.
        AdminNotConfigured: the server has none.
        MissingAdminKey, InvalidAdminHeader, InvalidAdminKey: what is wrong with the one shown.
    """
    failures, address = call.services.admin_failures, client_address(call)
    failures.check(address, call.now_ms)
    refused = _refusal(call)
    if refused is None:
        return
    failures.fail(address, call.now_ms)
    if isinstance(refused, InvalidAdminKey):
        await failures.wait_turn(address)
    raise refused


async def has_admin_key(call: Call) -> bool:
    """Whether the call shows the admin key, where something else may open the door as well.

    A wrong one counts as a failure, none does not: trying keys here is no cheaper than elsewhere.

    Raises:
        RateLimited: as `check_admin_key`.
    """
    if _HEADER not in call.headers:
        return False
    try:
        await check_admin_key(call)
    except RateLimited:
        raise
    except SpooledError:
        return False
    return True


def _refusal(call: Call) -> SpooledError | None:
    wanted, shown = call.settings.admin_key, call.headers.get(_HEADER)
    if wanted is None:
        return AdminNotConfigured()
    if shown is None:
        return MissingAdminKey()
    if not _PRINTABLE.issuperset(shown):
        return InvalidAdminHeader()
    return None if _is_same(shown, wanted.encode("utf-8")) else InvalidAdminKey()


def _is_same(shown: bytes, wanted: bytes) -> bool:
    """In a time that tells neither how much of it is right nor how long it should be."""
    digests = (hashlib.sha256(each).digest() for each in (shown, wanted))
    return hmac.compare_digest(*digests)
