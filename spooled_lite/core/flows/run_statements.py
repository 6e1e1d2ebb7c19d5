"""Every statement about running a flow."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class RunBasisRow(TypedDict):
    document: int


# Index flows_by_name.
DOCUMENT: Final = Statement(
    RunBasisRow,
    "SELECT document FROM flows WHERE org = :org AND name = :name AND deleted_at_ms IS NULL",
)
