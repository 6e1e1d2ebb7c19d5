"""Things to test with: each takes what matters to the test and chooses the rest."""

from typing import Any

from spooled_lite.core.keys.records import NewKey
from spooled_lite.core.orgs.records import NewOrganization


def an_org(**overrides: Any) -> NewOrganization:
    return NewOrganization(**{"name": "Acme", "slug": "acme", "tier": "enterprise", **overrides})


def a_key(**overrides: Any) -> NewKey:
    return NewKey(**{"name": "a key", **overrides})
