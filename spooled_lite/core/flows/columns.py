"""What a row of `flows` holds."""

from typing import TypedDict


class FlowRow(TypedDict):
    """A whole row. Times are milliseconds since the epoch."""

    seq: int
    org: int
    name: str
    description: str | None
    document: int
    retention_ms: int | None  # None: as long as other workflows are kept
    revision: int
    created_at_ms: int
    updated_at_ms: int
    deleted_at_ms: int | None  # its runs are being deleted


class ListedFlowRow(FlowRow):
    document_bytes: int
