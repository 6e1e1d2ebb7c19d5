"""The routes of maintenance."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.resources import maintenance
from spooled_lite.wire.shapes.maintenance import GarbageReport, MigrationView

MAINTENANCE: Final[Mapping[Handler, Doc]] = {
    maintenance.collect_garbage: Doc(
        summary="Remove what is over, now",
        about="Queues, messages and runs that have expired, workers that have been silent for a "
        "week, runs that their task keeps no longer. The server does all of this by itself; this "
        "is for those who want to see it done. Of the organization, or with the admin key of all. "
        f"One call makes at most {maintenance.PASSES_MAX} short passes.",
        answer=GarbageReport,
    ),
    maintenance.migrations: Doc(
        summary="List the migrations of the schema", answer=list[MigrationView]
    ),
}
