"""What a body of POST /workflows may say beyond jobs that wait for each other.

Clients that refuse to send unknown fields put it into `metadata.ext`. Contract:
catbird-capabilities, sections 19.3 and 19.5.
"""

from typing import Annotated, Self, TypeVar

from msgspec import Raw, Struct, structs

from spooled_lite.core.jobs.policy import OnFail
from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.errors import WrongShape
from spooled_lite.wire.shapes import run_bodies as run
from spooled_lite.wire.shapes import step_fields as step
from spooled_lite.wire.shapes.flow_bodies import STEP_ON_FAIL
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody
from spooled_lite.wire.shapes.send_fields import options_given
from spooled_lite.wire.shapes.step_bodies import StepFeatures

S = TypeVar("S", bound=Struct)
_NULL = Raw(b"null")


class RunFeatures(Struct, kw_only=True):
    """What can be said of a workflow as a whole. Null means absent."""

    input: run.RunInput = _NULL
    headers: run.RunHeaders = _NULL
    output_priority: step.OutputPriority | None = None
    output: step.OutputStep | None = None
    on_fail: Annotated[OnFailBody | None, STEP_ON_FAIL] = None
    failure_policy: step.FailurePolicyGiven | None = None
    concurrency_key: run.RunKey | None = None
    priority: run.RunPriority | None = None
    visible_at: run.RunVisibleAt = None
    scheduled_at: run.SameRunVisibleAt = None
    delay_ms: run.RunDelayMs | None = None
    delay_seconds: run.RunDelaySeconds | None = None
    expires_at: run.RunExpiresAt = None
    expires_in_ms: run.RunExpiresInMs | None = None

    @property
    def says_something(self) -> bool:
        return any(not _is_absent(getattr(self, name)) for name in RunFeatures.__struct_fields__)


class WorkflowExtensions(RunFeatures, kw_only=True):
    """`metadata.ext`."""

    steps: dict[str, StepFeatures] | None = None

    @classmethod
    def of(cls, top: RunFeatures, copy: "WorkflowExtensions | None") -> Self:
        """What the body says itself, and what else its copy says."""
        said = cls(**{name: getattr(top, name) for name in RunFeatures.__struct_fields__})
        if copy is None:
            return said
        is_chosen = top.output_priority is not None or top.output is not None
        said = together(said, copy)
        said.steps = copy.steps
        if is_chosen:  # in one of two spellings
            said.output_priority, said.output = top.output_priority, top.output
        return said

    def checked_on_fail(self) -> OnFail | None:
        """Raises WrongShape: a workflow has no name that a queue could be called by."""
        if self.on_fail is None:
            return None
        if self.on_fail.queue_name is None:
            raise WrongShape.missing("on_fail.queue_name")
        return self.on_fail.checked()

    def new_options(self, *, input_bytes_max: int) -> RunOptions:
        """Raises: as `options_given`; PayloadTooLarge."""
        given = bytes(self.input)
        check_json_size(given, input_bytes_max, "input")
        return RunOptions(input=None if given == b"null" else given, **options_given(self, ""))


def together(first: S, second: Struct | None) -> S:
    """What the first says, and what the second says of the rest of its fields."""
    if second is None:
        return first
    more = {
        name: getattr(second, name)
        for name in second.__struct_fields__
        if _is_absent(getattr(first, name, _NULL)) and name in first.__struct_fields__
    }
    return structs.replace(first, **more)


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, Raw) and bytes(value) == b"null")
