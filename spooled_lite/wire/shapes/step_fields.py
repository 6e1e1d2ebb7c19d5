"""The fields of steps that say more than which job they are, with their descriptions."""

from typing import Annotated, Final, get_args

from msgspec import Meta, Raw

from spooled_lite.core.conditions.parse import CONDITION_CHARACTERS_MAX
from spooled_lite.core.queues.names import STEP_QUEUE_NAME_MAX
from spooled_lite.core.tasks.records import RUNS_AT_ONCE_MAX
from spooled_lite.core.workflows.document import FailurePolicy, PayloadMode, StepType
from spooled_lite.core.workflows.flow_names import FLOW_NAME_MAX, STEP_NAME_MAX
from spooled_lite.wire.shapes.about import about, one_of

STEP_DESCRIPTION_MAX: Final = 1_000
_QUEUE: Final = {"minLength": 1, "maxLength": STEP_QUEUE_NAME_MAX}

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
FlowName = Annotated[str, about(f"The flow. 1 to {FLOW_NAME_MAX} small letters, digits and `_`", "order_flow", maxLength=FLOW_NAME_MAX)]
StepName = Annotated[str, about(f"Its name in the flow. 1 to {STEP_NAME_MAX} small letters, digits and `_`; not `input`, `signal` or `item`", "validate", maxLength=STEP_NAME_MAX)]
SameStepName = Annotated[str, about("The same as `key`", "validate", maxLength=STEP_NAME_MAX)]
StepQueue = Annotated[str, about("Where its workers take it; default: the name of the flow", "orders", **_QUEUE)]
SameStepQueue = Annotated[str, about("The same as `queue_name`", "orders", **_QUEUE)]
ItemQueue = Annotated[str, about("Where workers take its items, if not from the queue of the step", "order_lines", **_QUEUE)]
StepDescription = Annotated[str, about("A description for people", "Look at the address")]
TypeGiven = Annotated[str, about("`normal`, `mapper`, `generator` or `reducer`; by default by what is said of it", "normal")]
TypeShown = Annotated[str, one_of("What kind of step it is", *get_args(StepType))]
PayloadModeGiven = Annotated[PayloadMode, about("What a worker is given as `payload`: `static`: the payload of the step; `envelope`: the input of the run, the outputs of its dependencies, the signal and the item", "envelope")]
PayloadModeShown = Annotated[str, one_of("What a worker is given as `payload`", *get_args(PayloadMode))]
OptionalDeps = Annotated[list[str], about("Which of its dependencies may have been skipped", ["discount"])]
IgnoreOutput = Annotated[list[str], about("Which of its dependencies it only waits for: it is not given their outputs", ["audit"])]
StepCondition = Annotated[str, about("Looked at when its dependencies have ended: without it the step is `skipped`. One test of `input`, of a dependency, of `signal`, or of a part of one", "validate.score gte 80", maxLength=CONDITION_CHARACTERS_MAX)]
HasSignal = Annotated[bool, about("True: it waits for a signal, too", False)]
Generates = Annotated[bool, about("True: its worker stores items, which other workers take; it is completed when it and they are", False)]
NeedsInput = Annotated[bool, about("Whether its items are given the input of the run; by default those of a map over the input are not", True)]
StepConcurrency = Annotated[int, about(f"Of it, with its items, are processed at once at most, over all runs, up to {RUNS_AT_ONCE_MAX:,}; null: no limit", 10)]
StepRetries = Annotated[int, about("How often it is tried again; default of a flow 2, of a workflow that of the queue", 3)]
StepSeconds = Annotated[float | int | None, about("How long an attempt may take, in seconds; default of a flow 30", 20)]
StepTimeoutMs = Annotated[int, about("The same in milliseconds, with precedence; 0: without end", 20_000)]
StepPriority = Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647), about("Higher first, then older first; null: that of the run", 5)]
StepPayload = Annotated[Raw, about("Any JSON value for its workers, beside what the run is about", {"template": "letter"})]
MapSource = Annotated[str, about("`input`: an array that the run is given; or a dependency whose output is an array", "input")]
ReduceSource = Annotated[str, about("A dependency with items", "lines")]
ReduceInitial = Annotated[Raw, about("What its worker begins with: any JSON value", 0)]
FailurePolicyGiven = Annotated[FailurePolicy, about("When a step has failed for good: `fail_fast`: everything ends at once; `continue`: what does not depend on it goes on. Default of a flow `fail_fast`, of a workflow `continue`", "fail_fast")]
FailurePolicyShown = Annotated[str, one_of("What becomes of the others when a step has failed for good", *get_args(FailurePolicy))]
OutputPriority = Annotated[list[str], about("The output of the run is that of the first completed one of these; they must have among them every step that nothing depends on. Default: those, in their order", ["publish", "rejected"])]
OutputStep = Annotated[str, about("The same as `output_priority` with one step", "publish")]
# fmt: on

STEP_PAYLOAD_MISSING: Final = Raw(b"")  # what stands in for a payload that was left out
STEP_CONCURRENCY: Final = Meta(ge=1, le=RUNS_AT_ONCE_MAX)
