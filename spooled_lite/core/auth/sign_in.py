"""Sign in with a code from a mail, and show who is signed in. Contract: platform, 7.4 and 7.6.

An address signs in only to organizations where it was confirmed: see `confirm`. Until then it is
treated as unknown.
"""

from typing import Final

from msgspec import Struct

from spooled_lite.core.auth import statements
from spooled_lite.core.auth.codes import Tried, start_code, try_code
from spooled_lite.core.auth.columns import AccountRow, SignedInRow, SubjectRow
from spooled_lite.core.auth.records import Subject
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import NewKey, queues_of
from spooled_lite.core.keys.verify import is_in_process
from spooled_lite.errors import AccessDenied, Unauthorized
from spooled_lite.storage.transaction import Reading, Tx

ACCOUNTS_MAX: Final = 100  # organizations of one address that are shown
KEY_NAME: Final = "Email Sign-In"


class Verified(Struct, frozen=True):
    """The outcome of a code. Right without a subject: the address has no account, may sign up."""

    tried: Tried
    subject: Subject | None = None
    organization_ids: tuple[str, ...] = ()


def start(tx: Tx, email: str, secret: bytes, *, may_register: bool) -> str | None:
    """The code to mail to an address. Returns and raises as `start_code`."""
    return start_code(tx, email, secret, may_sign_in=bool(_accounts(tx, email)) or may_register)


def verify(
    tx: Tx, email: str, code: str, secret: bytes, *, may_register: bool, is_live: bool
) -> Verified:
    """Try a code, and sign in to the newest organization of the address.

    Raises:
        AccessDenied: all its organizations are suspended, or it has none and cannot register one.
            The code stays good.
    """
    tried = try_code(tx, email, code, secret)
    if tried != "right":
        return Verified(tried)
    accounts = _accounts(tx, email)
    if not accounts:
        if not may_register:
            raise AccessDenied("Registration is closed")
        return Verified(tried)
    active = next((each for each in accounts if each["is_active"]), None)
    if active is None:
        raise AccessDenied("This organization is suspended")
    return Verified(
        tried,
        _owner(tx, active, is_live=is_live),
        tuple(each["id"] for each in accounts),
    )


def has_account(tx: Reading, email: str) -> bool:
    """Whether the address can sign in to an organization."""
    return bool(_accounts(tx, email))


def get_signed_in(tx: Reading, key: int) -> SignedInRow:
    """A key with its organization, for GET /auth/me.

    Raises:
        Unauthorized: the organization has just been deleted.
    """
    find = statements.IN_PROCESS_AND_ORG if is_in_process(key) else statements.KEY_AND_ORG
    row = tx.row(find, {"key": key})
    if row is None:
        raise Unauthorized
    return row


def _accounts(tx: Reading, email: str) -> list[AccountRow]:
    return tx.rows(statements.ACCOUNTS, {"email": email, "limit": ACCOUNTS_MAX})


def _owner(tx: Tx, organization: AccountRow, *, is_live: bool) -> Subject:
    """The oldest key without limits; one is created when there is none.

    Tokens stand for a key, so revoking the key also ends sessions that began by mail.
    """
    row: SubjectRow | KeyRow | None
    row = tx.row(statements.OWNER_KEY, {"org": organization["seq"], "now_ms": tx.now_ms})
    if row is None:
        new_key = NewKey(name=KEY_NAME, queues=("*",))
        row = issue(tx, organization["seq"], new_key, is_live=is_live).row
    return Subject(
        org_id=organization["id"],
        key_id=row["id"],
        secret_id=row["secret_id"],
        queues=queues_of(row["queues"]),
    )
