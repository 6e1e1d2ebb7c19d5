"""What a new file gets before the first request: an organization and a key."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.keys.bootstrap import ensure_key
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.onboard import INITIAL_KEY
from spooled_lite.core.orgs.create import create, find_first
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.storage.transaction import Tx

DEFAULT_ORGANIZATION: Final = NewOrganization(name="default", slug="default", tier="enterprise")


class Entry(Struct, frozen=True):
    organization: int
    organization_id: str
    # None: it was made at an earlier start and cannot be shown again, or it is not accepted.
    key: str | None
    warnings: tuple[str, ...] = ()


def first_start(tx: Tx, *, bootstrap_key: str | None, is_live: bool) -> Entry:
    """Run at every start. A file without an organization gets one with a first key.

    With a bootstrap key in the settings, that is the key, unless it was revoked.

    Contract: platform, section 15.
    """
    found = find_first(tx)
    organization = found or create(tx, DEFAULT_ORGANIZATION)
    org_id, org = organization["id"], organization["seq"]
    if bootstrap_key is not None:
        ensured = ensure_key(tx, org, bootstrap_key)
        return Entry(org, org_id, bootstrap_key if ensured.is_good else None, ensured.warnings)
    key = None if found else issue(tx, org, INITIAL_KEY, is_live=is_live).secret
    return Entry(org, org_id, key)
