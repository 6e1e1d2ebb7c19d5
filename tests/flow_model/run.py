"""A run of a flow, written from the contract alone, to compare the product with.

Contract: catbird-capabilities, sections 8 and 19.2.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.flow_model.documents import Document, Outcome
from tests.flow_model.units import (
    BACKOFF_MS_MAX,
    SETTLED,
    Item,
    Lease,
    State,
    StepRun,
    Unit,
    units_of,
)

Json = Any
RunState = Literal["started", "canceling", "canceled", "completed", "failed", "expired"]

# What a dependency has to come to.
MET: Final[Mapping[Outcome, Set[State]]] = {
    "success": {"completed", "skipped"},
    "completion": SETTLED,
    "failure": {"failed"},
}
NO_CANDIDATE: Final = "no output candidate produced output"
NOT_AN_ARRAY: Final = "must be a JSON array"


@dataclass
class Run:
    document: Document
    input: Json
    now_ms: int
    visible_ms: int = 0  # of what is activated when it is created
    expires_ms: int | None = None
    concurrency_key: str | None = None
    state: RunState = "started"
    output: Json = None
    error: str | None = None  # how the message of a run that failed ends
    failed_step: str | None = None
    reason: str | None = None
    completion_reason: str | None = None
    was_claimed: bool = False
    has_no_candidate: bool = False
    steps: dict[str, StepRun] = field(default_factory=dict)
    _undecided: list[StepRun] = field(default_factory=list)
    _is_new: bool = True  # it is being created
    _was_retried: bool = False
    _is_stopping: bool = True  # running jobs are told to stop when it is cancelled

    def __post_init__(self) -> None:
        self.steps = units_of(self.document)
        self._settle()
        self._is_new = False

    # -- what is there -----------------------------------------------------------------------

    @property
    def units(self) -> Iterator[tuple[StepRun, Unit]]:
        """Each step and item, with the step it belongs to."""
        for each in self.steps.values():
            yield each, each
            for item in each.items:
                yield each, item

    @property
    def held(self) -> list[tuple[StepRun, Unit]]:
        return [(each, unit) for each, unit in self.units if unit.lease is not None]

    @property
    def statuses(self) -> set[str]:
        """One of these is its status."""
        match self.state:
            case "canceling" | "canceled" | "expired":
                return {"cancelled"}
            case "completed" | "failed":
                return {self.state}
        if self.was_claimed or any(not each.is_open for each in self.steps.values()):
            return {"running"}
        if any(each.state == "waiting_for_map_tasks" for each in self.steps.values()):
            return {"pending", "running"}
        return {"pending"}

    @property
    def completed_count(self) -> int:
        return sum(each.status == "completed" for each in self.steps.values())

    @property
    def failed_count(self) -> int:
        return sum(each.status == "deadletter" for each in self.steps.values())

    def dependencies(self, of: StepRun) -> tuple[dict[str, Json], list[str]]:
        """What its worker is given of the others, and which of them were skipped."""
        used = [key for key in of.step.depends_on if key not in of.step.ignored]
        parents = [(key, self.steps[key]) for key in used]
        results = {key: parent.result() for key, parent in parents if parent.state == "completed"}
        return results, [key for key, parent in parents if parent.state == "skipped"]

    # -- work --------------------------------------------------------------------------------

    def claim(self, unit: Unit, lease: Lease) -> None:
        assert self.may_go_on, f"{unit} is handed out of a run that is {self.state}"
        assert unit.is_waiting_for_workers, f"{unit} is handed out"
        assert unit.not_before_ms <= self.now_ms, f"{unit} is handed out too early"
        unit.state, unit.lease = "started", lease
        unit.claims += 1
        self.was_claimed = True

    def complete(self, of: StepRun, unit: Unit, result: Json) -> None:
        if unit is of and of.step.kind == "generator":
            of.lease, of.is_produced = None, True
            of.state = "waiting_for_map_tasks"
        else:
            unit.output = result
            unit.settle("completed")
        self._settle()

    def fail(self, of: StepRun, unit: Unit, message: str, *, is_final: bool = False) -> None:
        retries_until_ms = self.now_ms + BACKOFF_MS_MAX
        self._attempt_failed(of, unit, message, is_final=is_final, surely_ms=retries_until_ms)

    def lapse(self, of: StepRun, unit: Unit) -> None:
        """Its lease has run out, which counts as a failure."""
        self._attempt_failed(of, unit, "", surely_ms=self.now_ms + BACKOFF_MS_MAX)

    def _attempt_failed(
        self, of: StepRun, unit: Unit, message: str, *, surely_ms: int, is_final: bool = False
    ) -> None:
        if self.tells_to_stop:
            unit.settle("canceled")
        elif not is_final and unit.failures < of.step.max_retries:
            unit.wait_for_retry(self.now_ms, surely_ms)
        elif self.state == "canceling" and unit is not of:  # the others go on to their end
            unit.settle("failed")
            unit.has_failed_itself = True
        else:
            self._failed(of, unit, message)
        self._settle()

    def release(self, unit: Unit) -> None:
        """Handed back as if it had not been claimed."""
        unit.lease = None
        unit.state = "started" if unit.failures else "queued"
        unit.not_before_ms = unit.surely_from_ms = self.now_ms

    def _failed(self, of: StepRun, unit: Unit, message: str) -> None:
        unit.settle("failed")
        unit.has_failed_itself = True
        if unit is not of:
            of.settle("failed")
            of.has_failed_itself = True
        for item in of.open_items:
            item.settle("failed")
        if self.state == "canceling":
            return
        self.failed_step = self.failed_step or of.step.key
        self.error = self.error or message
        if self.document.fails_fast:
            self._close("failed")
            self.state = "failed"

    # -- items -------------------------------------------------------------------------------

    def produce(self, of: StepRun, values: list[Json], offset: int | None) -> int:
        """What its producer hands in; how many are new."""
        start = len(of.items) if offset is None else offset
        assert start <= len(of.items), "the model leaves no gaps"
        new = values[len(of.items) - start :]
        self._spread(of, new, self.now_ms, self.now_ms)
        return len(new)

    def _spread(self, of: StepRun, values: list[Json], from_ms: int, surely_ms: int) -> None:
        for value in values:
            item = Item("queued", index=len(of.items), value=value)
            item.queue_up(from_ms)
            item.surely_from_ms = surely_ms
            of.items.append(item)

    # -- from outside ------------------------------------------------------------------------

    def refusals_of_signal(self, key: str) -> set[str]:
        """Why a signal to this step is refused, as it may be said; none: it is delivered."""
        of, reasons = self.steps[key], set()
        if not of.step.has_signal:
            reasons.add("not_a_signal_step")
        if self.state != "started":
            reasons.add("workflow_terminal")
        if of.has_signal:
            reasons.add("already_delivered")
        if of.state not in ("waiting_for_dependencies", "waiting_for_signal"):
            reasons.add("step_not_waiting")
        return reasons

    def deliver(self, key: str, signal: Json) -> None:
        of = self.steps[key]
        of.has_signal, of.signal = True, signal
        self._settle()

    def complete_early(self, output: Json, reason: str | None) -> bool:
        if self.state != "started":
            return False
        self._close("canceled")
        self.state, self.output, self.completion_reason = "completed", output, reason
        return True

    def cancel(self, reason: str | None, *, stops_running: bool) -> None:
        """Also once more, of what was left to run, or waits for another attempt."""
        self._is_stopping = stops_running or self.tells_to_stop
        self.state, self.reason = "canceling", reason
        for of, unit in self.units:
            if unit is of and of.is_waiting_for_workers and any(it.lease for it in of.items):
                of.state = "waiting_for_map_tasks"  # no more items come
            elif unit.is_waiting_for_workers or unit.state in (
                "waiting_for_dependencies",
                "waiting_for_signal",
            ):
                unit.settle("canceled")
        self._settle()

    @property
    def may_go_on(self) -> bool:
        """What waits for a worker is handed out."""
        return self.state == "started" or (self.state == "canceling" and not self._is_stopping)

    @property
    def tells_to_stop(self) -> bool:
        """A renewal is refused."""
        return self.state == "canceling" and self._is_stopping

    def stop(self, unit: Unit) -> None:
        """Its worker has asked to renew a lease, and was told to stop."""
        unit.settle("canceled")
        self._settle()

    def advance(self, now_ms: int) -> None:
        """Go to a moment; before it, what ran out is settled in its order."""
        while (at_ms := self._next_end(now_ms)) is not None:
            self.now_ms = at_ms
            if self.expires_ms is not None and self.expires_ms <= at_ms and self._can_expire:
                self._close("canceled")
                self.state = "expired"
                continue
            for of, unit in self.held:
                if unit.lease is not None and unit.lease.ends_ms <= at_ms:
                    self.lapse(of, unit)
                    break
        self.now_ms = now_ms

    @property
    def _can_expire(self) -> bool:
        return self.state in ("started", "canceling")

    def _next_end(self, until_ms: int) -> int | None:
        ends = [unit.lease.ends_ms for _, unit in self.held if unit.lease is not None]
        if self.expires_ms is not None and self._can_expire:
            ends.append(self.expires_ms)
        return min((each for each in ends if each <= until_ms), default=None)

    def retry(self) -> None:
        """Begin again where it failed. What is completed or skipped stays as it is."""
        self.state, self.error, self.failed_step = "started", None, None
        self._was_retried = True
        for of, unit in list(self.units):
            if unit.state in ("failed", "canceled"):
                unit.revive(starts_over=unit.has_failed_itself or unit is not of)
                if unit is not of:
                    unit.queue_up(self.now_ms)
        self._settle()

    # -- what follows ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Until nothing changes: activate what may begin, complete what is whole, end the run."""
        while self.state == "started" and (
            any([self._moves(each) for each in self.steps.values()]) or self._decides_map()
        ):
            pass
        if self.state == "canceling":
            self._drain()
        elif self.state == "started" and not any(each.is_open for each in self.steps.values()):
            self._end()

    def _drain(self) -> None:
        """A step with items ends with the last one that somebody has; so does the run."""
        for of in self.steps.values():
            if of.state == "waiting_for_map_tasks" and not of.open_items:
                is_whole = of.is_produced and all(it.state == "completed" for it in of.items)
                of.settle("completed" if is_whole else "canceled")
        if not any(each.is_open for each in self.steps.values()):
            self.state = "canceled"

    def _moves(self, of: StepRun) -> bool:
        if self.state != "started":
            return False
        if of.state == "waiting_for_map_tasks":
            is_whole = (
                of not in self._undecided
                and of.is_produced
                and all(item.state == "completed" for item in of.items)
            )
            if is_whole:
                of.settle("completed")
            return is_whole
        if of.state not in ("waiting_for_dependencies", "waiting_for_signal"):
            return False
        if self._is_impossible(of):
            of.settle("canceled")
            return True
        if not self._is_resolved(of):
            return False
        if of.step.has_signal and not of.has_signal:
            has_moved = of.state != "waiting_for_signal"
            of.state = "waiting_for_signal"
            return has_moved
        self._activate(of)
        return True

    def _is_resolved(self, of: StepRun) -> bool:
        parents = [self.steps[key] for key in of.step.depends_on]
        if of.step.mode == "any" and any(each.state == "completed" for each in parents):
            return True
        return all(each.state in MET[of.step.outcome] for each in parents)

    def _is_impossible(self, of: StepRun) -> bool:
        parents = [self.steps[key] for key in of.step.depends_on]
        return any(not each.is_open and each.state not in MET[of.step.outcome] for each in parents)

    def _activate(self, of: StepRun) -> None:
        """What is activated when the run is created has its delay, and what is activated later has
        none. What comes back with a retry may have kept it.
        """
        delayed_ms = max(self.visible_ms, self.now_ms)
        from_ms = delayed_ms if self._is_new else self.now_ms
        surely_ms = delayed_ms if self._was_retried else from_ms
        step = of.step
        if step.condition is not None:
            results, _ = self.dependencies(of)
            scope = {"input": self.input, **results}
            if of.has_signal:
                scope["signal"] = of.signal
            if not step.condition.holds(scope):
                of.settle("skipped")
                return
        if step.kind != "mapper":
            if step.kind == "generator" and of.is_produced:
                of.state = "waiting_for_map_tasks"  # of a run that was retried
            else:
                of.queue_up(from_ms)
                of.surely_from_ms = surely_ms
            return
        of.not_before_ms, of.surely_from_ms = from_ms, surely_ms
        of.state = "waiting_for_map_tasks"
        self._undecided.append(of)

    def _decides_map(self) -> bool:
        """Look at the array of one map, once all else has settled that settles at that moment."""
        if not self._undecided:
            return False
        order = list(self.steps.values())
        arrays = [each for each in self._undecided if isinstance(self._source(each), list)]
        of = min(arrays or self._undecided, key=order.index)
        self._undecided.remove(of)
        values = self._source(of)
        if isinstance(values, list):
            of.is_produced = True
            self._spread(of, values[len(of.items) :], of.not_before_ms, of.surely_from_ms)
        else:
            self._is_new = False  # what is no array is found to be none a moment later
            self._failed(of, of, NOT_AN_ARRAY)
        return True

    def _source(self, of: StepRun) -> Json:
        assert of.step.source is not None
        source = self.steps.get(of.step.source)
        return self.input if source is None else source.result()

    def _end(self) -> None:
        states = {each.state for each in self.steps.values()}
        if "failed" in states:
            self.state = "failed"
            return
        if "canceled" in states:  # what only a failure would have begun
            self.state = "canceled"
            return
        for key in self.document.output_priority:
            if self.steps[key].state == "completed":
                self.state, self.output = "completed", self.steps[key].result()
                return
        self.state, self.error, self.has_no_candidate = "failed", NO_CANDIDATE, True

    def _close(self, state: Literal["failed", "canceled"]) -> None:
        for _, unit in self.units:
            if unit.is_open:
                unit.settle(state)
