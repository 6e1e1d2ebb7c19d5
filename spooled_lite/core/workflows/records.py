"""The commands that core is given about workflows, and their bounds."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.jobs.columns import NewJob

WORKFLOW_STATUSES: Final = ("pending", "running", "completed", "failed", "cancelled")
ENDED: Final = frozenset({"completed", "failed", "cancelled"})  # the others go on

STEPS_MAX: Final = 1_000
PARENTS_MAX: Final = 100  # of one job: whenever one of them changes, all are looked at
DOCUMENT_BYTES_MAX: Final = 1024 * 1024  # it is decoded when steps of a run end
NAME_CHARACTERS_MAX: Final = 255
KEY_CHARACTERS_MAX: Final = 100

Mode = Literal["all", "any"]
Condition = Literal["success", "completion", "failure"]


class NewStep(Struct, frozen=True, kw_only=True):
    """One job of a new workflow, and what it waits for."""

    key: str
    job: NewJob
    depends_on: Sequence[str] = ()  # keys of other steps
    mode: Mode = "all"
    condition: Condition = "success"


class NewWorkflow(Struct, frozen=True, kw_only=True):
    """What core is asked to store: one name per thing."""

    name: str
    steps: Sequence[NewStep]
    description: str | None = None
    metadata: bytes | None = None


class RunOptions(Struct, frozen=True, kw_only=True):
    """What one run of a document is given beside it. JSON is as it is stored."""

    flow_name: str | None = None  # None: it is no run of a flow
    input: bytes | None = None  # None: none was given
    headers: bytes | None = None  # a JSON object
    priority: int = 0  # of every step that has none of its own
    concurrency_key: str | None = None
    visible_at_ms: int | None = None  # of the steps that begin with the run
    delay_ms: int | None = None  # from the moment it is stored
    expires_at_ms: int | None = None
    expires_in_ms: int | None = None  # from the moment it is stored
