"""What a claim by handlers names: tasks and steps of flows, and where their work waits."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.columns import StepPhase
from spooled_lite.storage.transaction import Line

HANDLERS_MAX: Final = 100  # that one claim may name, tasks and steps together
NO_QUEUE: Final = ""  # what waits here waits for nothing: no queue has this name


class StepName(Struct, frozen=True):
    """A step of a flow: what a worker says that runs it."""

    flow_name: str
    step_name: str

    @property
    def handler(self) -> str:
        """The name of both; no task has a name with a dot in it."""
        return f"{self.flow_name}.{self.step_name}"


class HandlerPlace(Struct, frozen=True):
    """Where work for a handler waits: a task by its name, or a step by both of its names."""

    queue_name: str
    handler: str

    def line(self, org: int) -> Line:
        """Where claims of this work stand."""
        return (org, self.queue_name, self.handler)


class HandlerClaim(Struct, frozen=True, kw_only=True):
    """A claim: for which handlers, which worker, how many jobs, for how long."""

    queue_name: str | None  # None: whichever queues they are in that the key may use
    task_names: Sequence[str] = ()
    steps: Sequence[StepName] = ()
    phase: StepPhase | None = None  # of the steps; None: any
    places: Sequence[HandlerPlace]  # where such work is made: what the claim waits for
    worker_id: str
    limit: int
    lease_ms: int
    lease_id: str | None = None  # chosen by the caller, for a claim that may be made again
