"""What the workers of steps and items are given, read for a whole claim at once.

For a hundred jobs there are as many statements as for one: what several of them are given, such as
the input of their run, is read once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import body_bytes
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.steps import given_statements as statements
from spooled_lite.core.steps.deps import GivenParent, outputs_of, parents_of
from spooled_lite.core.steps.given_statements import AroundStepRow
from spooled_lite.core.workflows.document import (
    FlowDocument,
    PayloadMode,
    StepDocument,
    StepType,
    document_of,
)
from spooled_lite.storage.transaction import Reading

DEPS_BYTES_MAX: Final = 1024 * 1024  # of the results of all parents of one job
DEPS_BYTES_MAX_OF_ANSWER: Final = 4 * 1024 * 1024  # of all jobs of one claim
ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024  # of a claim of steps and items; one always fits
_NULL: Final = b"null"
AROUND_BYTES: Final = 2_048  # what an answer says of a job beside what is large


class Reduce(Struct, frozen=True):
    """What a reducer folds."""

    source: str
    count: int  # of the items of the source
    initial: bytes


class OfDocument(Struct, frozen=True, kw_only=True):
    """What only a step or an item of a workflow with a document is given. JSON is as it is stored.

    Contract: catbird-capabilities, F11, F33 and F42.
    """

    type: StepType
    payload_mode: PayloadMode
    input: bytes | None  # None: the run has none, or the item needs none
    signal: bytes | None
    skipped_deps: Sequence[str]
    reduce: Reduce | None
    payload: bytes | None  # what the step says for its worker, where that is not the payload shown


class GivenToWorker(Struct, frozen=True, kw_only=True):
    """What the worker of a step or an item is given beside its row."""

    workflow_id: str
    key: str
    deps: Mapping[str, bytes] | None  # outputs of parents; None: too large, or one is damaged
    of_document: OfDocument | None = None


class _Plan(Struct):
    """What one job is to be given, before anything large is read."""

    workflow_id: str
    key: str
    parents: Sequence[GivenParent]  # whose outputs it is given
    of: "_Featured | None" = None
    has_deps: bool = True

    @property
    def deps_bytes(self) -> int:
        return sum(each.size_bytes for each in self.parents)


class _Featured(Struct):
    """The same, of a workflow with a document."""

    around: AroundStepRow
    step: StepDocument
    skipped: Sequence[str]
    source: GivenParent | None  # of a reducer
    is_item: bool
    has_input: bool
    has_signal: bool

    @property
    def shared_bytes(self) -> int:
        """Of the input, the signal and what the step says, which others are given as well."""
        size_bytes = (self.around["input_bytes"] or 0) if self.has_input else 0
        size_bytes += (self.around["signal_bytes"] or 0) if self.has_signal else 0
        return size_bytes + len(self.payload or b"")

    @property
    def payload(self) -> bytes | None:
        """Of the step, where its worker does not see it in another place."""
        is_shown = self.step.payload_mode == "static" and not self.is_item
        return None if is_shown or self.step.payload is None else bytes(self.step.payload)


def step_of(job: JobRow) -> int | None:
    """The number of the step that the job is, or is an item of."""
    if job["kind"] == "item":
        return job["step_job"]
    return None if job["workflow_id"] is None else job["seq"]


def given_to(tx: Reading, jobs: Sequence[JobRow], *, copies: int = 1) -> list[GivenToWorker | None]:
    """What the workers of these jobs are given, which were claimed just now, in this order; None
    for what is no step.

    The list is shorter than that of the jobs when the last ones would make the answer larger than
    ANSWER_BYTES_MAX; at least one has room. `copies` is how often an answer has what is in an
    envelope. Outputs of parents are left out where they are over DEPS_BYTES_MAX for one job, or
    past DEPS_BYTES_MAX_OF_ANSWER for all.

    Contract: schedules-workflows-webhooks, section 2.3; catbird-capabilities, section 19.6;
    amendments, G10.
    """
    look = _Look(tx, jobs)
    plans: list[_Plan | None] = []
    deps_left, left = DEPS_BYTES_MAX_OF_ANSWER, ANSWER_BYTES_MAX
    for job in jobs:
        plan = look.plan(job)
        deps_bytes = 0 if plan is None else plan.deps_bytes
        if plan is not None and deps_bytes > min(deps_left, DEPS_BYTES_MAX):
            plan.has_deps, deps_bytes = False, 0
        left -= AROUND_BYTES + body_bytes(job)
        if plan is not None and plan.of is not None:
            left -= (plan.of.shared_bytes + deps_bytes) * copies
            left -= body_bytes(job) if job["kind"] == "item" else 0  # it stands in `step` as well
            if left < 0 and plans:
                break
        deps_left -= deps_bytes
        plans.append(plan)
    read = _Read(tx, [plan for plan in plans if plan is not None])
    return [None if plan is None else read.given(plan) for plan in plans]


class _Look:
    """Which steps there are, what they wait for, and how large everything is."""

    def __init__(self, tx: Reading, jobs: Sequence[JobRow]) -> None:
        around = self._read_around(tx, jobs)
        self._documents = {
            each: document_of(tx, each) for each in {row["document"] for row in around.values()}
        }
        # A file may have been imported in which a document says nothing of one of its steps.
        self._around = {
            step: row
            for step, row in around.items()
            if row["step_key"] in self._documents[row["document"]].by_key
        }
        with_deps = {
            step
            for job in jobs
            if (step := step_of(job)) is not None and not self._is_generated(job, step)
        }
        self._parents: Mapping[int, Sequence[GivenParent]] = {}
        if with_deps:
            self._parents = parents_of(
                tx,
                with_deps,
                {step: _lists_in(self._document(step)) for step in with_deps & set(self._around)},
            )

    @staticmethod
    def _read_around(tx: Reading, jobs: Sequence[JobRow]) -> dict[int, AroundStepRow]:
        numbers = {step_of(job) for job in jobs if job["phase"] is not None} - {None}
        if not numbers:
            return {}
        steps = msgspec.json.encode(sorted(each for each in numbers if each is not None)).decode()
        return {row["step"]: row for row in tx.rows(statements.AROUND, {"steps": steps})}

    def _document(self, step: int) -> FlowDocument:
        return self._documents[self._around[step]["document"]]

    def _is_generated(self, job: JobRow, step: int) -> bool:
        """Whether it is an item of a generator, which is given nothing else."""
        around = self._around.get(step)
        if job["kind"] != "item" or around is None:
            return False
        return self._document(step).by_key[around["step_key"]].type == "generator"

    def plan(self, job: JobRow) -> _Plan | None:
        number = step_of(job)
        if number is None:
            return None
        around = self._around.get(number)
        if around is None:  # without a document, or the workflow was deleted
            if job["workflow_id"] is None:
                return None
            parents = self._parents.get(number, ())
            return _Plan(job["workflow_id"], job["step_key"] or "", parents)
        step = self._document(number).by_key[around["step_key"]]
        is_item, is_generated = job["kind"] == "item", self._is_generated(job, number)
        by_key = {} if is_generated else {each.key: each for each in self._parents.get(number, ())}
        asked = [key for key in step.depends_on if key not in step.ignore_output and key in by_key]
        taken_apart = step.source if is_item or step.type == "reducer" else None
        return _Plan(
            around["workflow_id"],
            step.key,
            [by_key[key] for key in asked if key != taken_apart and not by_key[key].is_skipped],
            _Featured(
                around,
                step,
                skipped=[key for key in asked if by_key[key].is_skipped],
                source=by_key.get(step.source or "") if step.type == "reducer" else None,
                is_item=is_item,
                has_input=step.gives_input or not is_item,
                has_signal=not is_generated,
            ),
        )


class _Read:
    """Everything large that was planned, each read once."""

    def __init__(self, tx: Reading, plans: Sequence[_Plan]) -> None:
        featured = [plan.of for plan in plans if plan.of is not None]
        self._inputs: dict[int, bytes] = {}
        workflows = {each.around["workflow"] for each in featured if each.has_input}
        if workflows:
            rows = tx.rows(statements.INPUTS, {"workflows": _json(workflows)})
            self._inputs = {row["workflow"]: row["body"] for row in rows}
        self._signals: dict[int, bytes] = {}
        signalled = {
            each.around["step"]
            for each in featured
            if each.has_signal and each.around["is_signalled"]
        }
        if signalled:
            found = tx.rows(statements.SIGNALS, {"steps": _json(signalled)})
            self._signals = {row["job"]: row["signal"] for row in found}
        parents = {parent.job: parent for plan in plans if plan.has_deps for parent in plan.parents}
        self._outputs = outputs_of(tx, parents.values())

    def given(self, plan: _Plan) -> GivenToWorker:
        return GivenToWorker(
            workflow_id=plan.workflow_id,
            key=plan.key,
            deps=self._deps(plan) if plan.has_deps else None,
            of_document=None if plan.of is None else self._of_document(plan.of),
        )

    def _deps(self, plan: _Plan) -> Mapping[str, bytes] | None:
        if not all(parent.job in self._outputs for parent in plan.parents):
            return None  # one is damaged; asking for it by itself says so
        return {parent.key: self._outputs[parent.job] for parent in plan.parents}

    def _of_document(self, of: _Featured) -> OfDocument:
        step, reduce = of.step, None
        if step.type == "reducer":
            count = 0 if of.source is None else of.source.items_total or 0
            initial = _NULL if step.initial is None else bytes(step.initial)
            reduce = Reduce(step.source or "", count, initial)
        return OfDocument(
            type=step.type,
            payload_mode=step.payload_mode,
            input=self._inputs.get(of.around["workflow"]) if of.has_input else None,
            signal=self._signals.get(of.around["step"]) if of.has_signal else None,
            skipped_deps=of.skipped,
            reduce=reduce,
            payload=of.payload,
        )


def _lists_in(document: FlowDocument) -> Collection[str]:
    """The keys of the steps whose output is a list of the results of their items."""
    return [step.key for step in document.steps if step.has_items]


def _json(numbers: Collection[int]) -> str:
    return msgspec.json.encode(sorted(numbers)).decode()
