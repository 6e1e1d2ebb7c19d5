"""Things to test with: each takes what matters to the test and chooses the rest."""

from typing import Any

from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.keys.records import NewKey
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.core.orgs.records import NewOrganization


def an_org(**overrides: Any) -> NewOrganization:
    return NewOrganization(**{"name": "Acme", "slug": "acme", "tier": "enterprise", **overrides})


def a_key(**overrides: Any) -> NewKey:
    return NewKey(**{"name": "a key", **overrides})


def a_job(**overrides: Any) -> NewJob:
    return NewJob(**{"queue_name": "emails", "payload": b"{}", **overrides})


def a_claim(**overrides: Any) -> Claim:
    asked = {"queue_name": "emails", "worker_id": "w-1", "limit": 1, "lease_ms": 30_000}
    return Claim(**{**asked, **overrides})
