"""The part of a claimed job that says which step it is, and what its worker is given."""

from collections.abc import Mapping

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.steps.envelope import payload_given
from spooled_lite.core.steps.given import GivenToWorker, OfDocument
from spooled_lite.wire.http.resources.job_views import NOT_THERE, attempts_of
from spooled_lite.wire.shapes.jobs import ClaimedJob, Job, ReduceView, Step


def add_step(view: Job | ClaimedJob, job: JobRow, given: GivenToWorker | None) -> None:
    """Show of a step or an item what its worker is given."""
    if given is None:
        return
    view.step = _step(job, given)
    view.workflow_id = given.workflow_id  # which the row of an item does not name
    payload = payload_given(job, given)
    if payload is not None:
        view.payload = Raw(payload)


def says_all(given: GivenToWorker | None, job: JobRow) -> bool:
    """Whether its `step` has everything that its payload has."""
    of = None if given is None else given.of_document
    return of is not None and (of.payload_mode == "envelope" or job["kind"] == "item")


def _step(job: JobRow, given: GivenToWorker) -> Step:
    step = Step(
        workflow_id=given.workflow_id,
        flow_name=job["flow_name"],
        key=given.key,
        type="normal",
        phase=job["phase"] or "run",
        item=NOT_THERE,
        item_index=job["item_index"],
        attempts=attempts_of(job),
    )
    if given.deps is None:
        step.deps_omitted = True
    else:
        step.deps = _raws(given.deps)
    if given.of_document is not None:
        _add_of_document(step, job, given.of_document)
    return step


def _add_of_document(step: Step, job: JobRow, of: OfDocument) -> None:
    step.type = of.type
    if job["kind"] == "item" and job["payload"] is not None:
        step.item = Raw(job["payload"])
    step.input = NOT_THERE if of.input is None else Raw(of.input)
    step.signal = NOT_THERE if of.signal is None else Raw(of.signal)
    step.skipped_deps = list(of.skipped_deps)
    if of.payload is not None:
        step.payload = Raw(of.payload)
    if of.reduce is not None:
        step.reduce = ReduceView(of.reduce.source, of.reduce.count, Raw(of.reduce.initial))


def _raws(values: Mapping[str, bytes]) -> dict[str, Raw]:
    return {key: Raw(value) for key, value in values.items()}
