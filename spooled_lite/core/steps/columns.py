"""What rows about jobs that wait for other jobs hold."""

from typing import TypedDict

from spooled_lite.core.jobs.columns import StepPhase


class NumberedRow(TypedDict):
    """Any row of a job; only its number is needed."""

    seq: int


class DependentRow(NumberedRow):
    """A job that may have to wait, run or be cancelled because of its parents."""

    status: str
    dependency_mode: str | None
    cancelled_by_parent: int
    dependencies_met: int | None
    workflow_id: str | None
    phase: StepPhase | None  # None: of no document, so that nothing but its parents holds it back


class ResolvedStepRow(NumberedRow):
    """A step of a document that waits for no other any more."""

    org: int
    status: str
    workflow_id: str | None
    step_position: int
    is_signalled: int  # 1: the signal it waits for has come


class OutputStepRow(NumberedRow):
    """The step that gives the output of its run."""

    step_position: int
    result: bytes | None
    result_bytes: int | None  # of a result that stands apart
    place: int  # among the choices


class StepAfterRow(NumberedRow):
    """A step that runs again with another one."""

    step_key: str
    status: str
    dependency_mode: str | None
    result_bytes: int | None
    has_items: int


class CascadeRow(TypedDict):
    """A job whose dependents have not all been told of its status."""

    job: int
    told_up_to: int  # dependents up to this one have been told


class ReleasedRow(TypedDict):
    """A job whose dependencies have become satisfied, or unsatisfied again."""

    org: int
    queue_name: str
    claimable: int


class WaitingRow(TypedDict):
    """A job that waits, and how many parents it has."""

    job: int
    edges: int
