"""Every statement about the limits of steps."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class GuardRow(TypedDict):
    """The limits of a step, as they are kept."""

    seq: int
    step_key: str
    queue_name: str
    item_queue_name: str
    circuit_breaker: bytes | None
    max_concurrency: int | None


_COLUMNS: Final = "seq, step_key, queue_name, item_queue_name, circuit_breaker, max_concurrency"
# Indexes step_guards_of_flow and step_guards_of_document.
OF_FLOW: Final = Statement(
    GuardRow,
    f"""
SELECT {_COLUMNS} FROM step_guards
 WHERE org = :org AND flow_name = :flow_name AND step_key = :step_key
""",
)
ALL_OF_FLOW: Final = Statement(
    GuardRow,
    f"SELECT {_COLUMNS} FROM step_guards WHERE org = :org AND flow_name = :flow_name",
)
OF_DOCUMENT: Final = Statement(
    GuardRow,
    f"SELECT {_COLUMNS} FROM step_guards WHERE document = :document AND step_key = :step_key",
)
ADD_GUARD: Final = """
INSERT INTO step_guards (org, flow_name, document, step_key, queue_name, item_queue_name,
                         circuit_breaker, max_concurrency)
VALUES (:org, :flow_name, :document, :step_key, :queue_name, :item_queue_name,
        :circuit_breaker, :max_concurrency)
"""
REPLACE_GUARD: Final = """
UPDATE step_guards
   SET queue_name = :queue_name, item_queue_name = :item_queue_name,
       circuit_breaker = :circuit_breaker, max_concurrency = :max_concurrency
 WHERE seq = :seq
"""
DELETE_GUARD: Final = "DELETE FROM step_guards WHERE seq = :seq"

# Index breakers_of_org. Their steps went with documents that nothing names any more.
FORGET_BREAKERS: Final = """
DELETE FROM breakers
 WHERE org = :org AND scope = 'step'
   AND NOT EXISTS (SELECT 1 FROM step_guards WHERE step_guards.seq = breakers.target)
"""
