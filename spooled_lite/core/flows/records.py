"""The commands that core is given about flows, and their bounds."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.workflows.document import FlowDocument

FLOWS_MAX: Final = 10_000  # of an organization, as of tasks: lists are paged


class FlowDefinition(Struct, frozen=True, kw_only=True):
    """Everything that is said of a flow but its name."""

    document: FlowDocument
    description: str | None = None
    retention_ms: int | None = None
