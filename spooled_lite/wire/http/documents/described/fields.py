"""Every field by its name; `Type.name` where a field means something else in one type."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    time,
)
from spooled_lite.wire.http.documents.described.platform_fields import PLATFORM

ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"
ORG: Final = "11e7a5c0-8f0e-4d5c-9a57-3c1f0f6a1e22"

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
COMMON: Final = {
    "id": Field("The id", ID),
    "organization_id": Field("The organization everything of a key belongs to", ORG),
    "created_at": time("When it was created"),
    "updated_at": time("When it changed last"),
    "success": Field("Always true: a refusal is an error", True),
    "total": count("All of them together", 1),
}

JOBS: Final = {
    "expires_at": time("The job is cancelled if it still waits at this time", "2026-10-02T09:00:00.000Z"),
}

QUEUES: Final = {
    "completed_jobs_24h": count("Completed in the last 24 hours"),
    "failed_jobs_24h": count("Failed or dead in the last 24 hours"),
    "active_workers": count("Healthy workers of the queue", 1),
    "pending": count("Jobs that wait to be claimed", 1),
    "processing": count("Jobs under a lease"),
}
# fmt: on

FIELDS: Final[Mapping[str, Field]] = {
    **COMMON,
    **JOBS,
    **QUEUES,
    **PLATFORM,
}
