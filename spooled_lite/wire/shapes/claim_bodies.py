"""Bodies of calls that claim jobs. Null means absent."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from spooled_lite.core.jobs.records import queue_of
from spooled_lite.core.lifecycle.handlers import HANDLERS_MAX, StepName
from spooled_lite.core.queues.names import STEP_QUEUE_NAME_MAX
from spooled_lite.core.tasks.names import checked_task_name
from spooled_lite.errors import Problem, RuleBroken, WrongShape
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QueueName, SameQueueName
from spooled_lite.wire.shapes.job_bodies import HowMany, LeaseSeconds
from spooled_lite.wire.shapes.step_handlers import StepNameGiven, read_step_names

CLAIM_MAX: Final = 100
CLAIM_WAIT_MS_MAX: Final = 30_000

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
WaitMs = Annotated[int, Meta(ge=0, le=CLAIM_WAIT_MS_MAX), about("How long to wait for a job when there is none", 20_000)]
TaskNames = Annotated[list[str], Meta(max_length=HANDLERS_MAX), about(f"Only runs of these tasks, up to {HANDLERS_MAX}; without a queue those of all queues that the key may use, in one order", ["send_email"], minItems=1, items={"type": "string", "pattern": "^(?!input$)[a-z0-9_]{1,58}$"})]
StepHandlers = Annotated[list[str | StepNameGiven], Meta(max_length=HANDLERS_MAX), about(f"Only these steps of flows and their items, each as `flow.step` or as an object; with `task_names` up to {HANDLERS_MAX} together, in one order", ["order_flow.approve"])]
PhaseGiven = Annotated[Literal["run", "generate", "item"], about("Of the steps only this: what they do themselves (`run`), finding the items of a generator (`generate`), or one item (`item`)", "run")]
RawGiven = Annotated[bool, about("True: without `payload` where `step` says all that is in it", False)]
# fmt: on


class DequeueJob(Struct, frozen=True, kw_only=True):
    """Body of POST /jobs/dequeue."""

    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    worker_id: Annotated[job.WorkerId, Meta(min_length=1, max_length=255)] | None = None
    lease_duration_secs: LeaseSeconds | None = None
    wait_ms: WaitMs | None = None
    lease_id: job.ChosenLeaseId | None = None

    def named_queue(self) -> str:
        return queue_of(self.queue_name, self.queue, most=STEP_QUEUE_NAME_MAX)

    def queue_if_named(self) -> str | None:
        return None if self.queue_name is None and self.queue is None else self.named_queue()


class NamedHandlers(Struct, frozen=True):
    """What a claim names besides a queue, or instead of one."""

    task_names: Sequence[str]
    steps: Sequence[StepName]


class ClaimJobs(DequeueJob, frozen=True, kw_only=True):
    """Body of POST /jobs/claim."""

    limit: Annotated[HowMany, Meta(ge=1, le=CLAIM_MAX)] | None = None
    task_names: TaskNames | None = None
    step_handlers: StepHandlers | None = None
    phase: PhaseGiven | None = None
    raw: RawGiven | None = None

    def handlers(self) -> NamedHandlers | None:
        """Each task and step once; None: whatever the queue has.

        Raises:
            WrongShape: nothing is named, and no queue either.
            RuleBroken: a name that no task or step can have; too many; a phase of nothing.
        """
        if self.task_names is None and self.step_handlers is None and self.phase is None:
            return None  # as nearly all
        if self.phase not in (None, "run") and not self.step_handlers:
            said = "Field `phase` is about `step_handlers`; name the steps"
            raise RuleBroken.of("phase", said, "invalid_value")
        if not self.task_names and not self.step_handlers:
            self._check_without_handlers()
            return None
        for position, name in enumerate(self.task_names or ()):
            checked_task_name(name, f"task_names[{position}]")
        tasks = tuple(dict.fromkeys(self.task_names or ()))
        steps = read_step_names(self.step_handlers or ())
        if len(tasks) + len(steps) > HANDLERS_MAX:
            said = f"Fields `task_names` and `step_handlers` name more than {HANDLERS_MAX} together"
            raise RuleBroken.of("step_handlers", said, "length")
        if self.phase not in (None, "run"):
            tasks = ()  # they have nothing else
        return NamedHandlers(tasks, steps)

    def _check_without_handlers(self) -> None:
        for field in ("task_names", "step_handlers"):
            if getattr(self, field) is not None and self.queue_if_named() is None:
                what = "task" if field == "task_names" else "step"
                said = f"Field `{field}` is empty; name a {what}, or a queue with `queue_name`"
                raise WrongShape([Problem(field, said, "missing_field")])
