"""The columns of a line of the log of incoming webhooks, with what each of them holds."""

from typing import Literal, TypedDict

Provider = Literal["github", "stripe", "custom"]
IngestStatus = Literal["created", "duplicate"]


class InboundRow(TypedDict):
    """A line of `inbound_log` as it is listed."""

    id: str
    provider: Provider
    event_type: str
    matched_queue: str | None
    job_id: str | None
    status: IngestStatus | None
    created_at_ms: int  # milliseconds since the epoch
