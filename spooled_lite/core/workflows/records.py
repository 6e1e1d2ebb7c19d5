"""The commands that core is given about workflows, and their bounds."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.core.jobs.columns import NewJob

WORKFLOW_STATUSES: Final = ("pending", "running", "completed", "failed", "cancelled")
ENDED: Final = frozenset({"completed", "failed", "cancelled"})  # the others go on

STEPS_MAX: Final = 1_000
PARENTS_MAX: Final = 100  # of one job: whenever one of them changes, all are looked at
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
