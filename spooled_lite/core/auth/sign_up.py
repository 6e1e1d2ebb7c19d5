"""Create an organization for an address that was confirmed by a code. Contract: platform, 7.6."""

from typing import Final

from spooled_lite.core.auth.records import SignupClaims
from spooled_lite.core.auth.revoke import is_revoked, revoke_tokens
from spooled_lite.core.keys.onboard import Onboarded, onboard
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.errors import BadRequest
from spooled_lite.storage.transaction import Tx

BAD_TOKEN: Final = "The sign-up token is wrong, used or expired"


def complete_signup(
    tx: Tx, claims: SignupClaims, organization: NewOrganization, *, is_live: bool
) -> Onboarded:
    """Create the organization, as registration does, and use up the token.

    Raises:
        BadRequest: the token was used.
        Conflict: the slug is taken; the token stays valid.
    """
    if is_revoked(tx, claims.jti):
        raise BadRequest(BAD_TOKEN)
    made = onboard(tx, organization, is_live=is_live)
    revoke_tokens(tx, made.row["seq"], [claims])
    return made
