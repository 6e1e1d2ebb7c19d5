"""Random flows: every kind of step, with conditions, signals and every way to wait for others.

Contract: catbird-capabilities, sections 8.1, 8.4 and 19.5.
"""

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from tests.flow_model.conditions import Condition, a_condition

Json = Any
Kind = Literal["normal", "mapper", "generator", "reducer"]
Outcome = Literal["success", "completion", "failure"]

FLOW: Final = "flow"
QUEUES: Final = (FLOW, "other")
ITEM_QUEUE: Final = "items"
INPUT: Final = "input"  # as the source of a map
KINDS: Final[Sequence[Kind]] = ("normal",) * 6 + ("mapper",) * 3 + ("generator",) * 2
ARRAYS: Final[tuple[Json, ...]] = ([], [1], [1, 2, 3], [{"n": 1}, None, "a", [2]])
VALUES: Final[tuple[Json, ...]] = (
    *(None, 0, 5, True, False, "a", *ARRAYS),
    *({"ok": True, "n": 1}, {"ok": False, "n": "a", "list": [5]}),
)


@dataclass(frozen=True)
class Step:
    key: str
    kind: Kind = "normal"
    depends_on: tuple[str, ...] = ()
    mode: Literal["all", "any"] = "all"
    outcome: Outcome = "success"  # what its dependencies have to come to
    optional: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    condition: Condition | None = None
    has_signal: bool = False
    source: str | None = None
    queue: str = FLOW
    item_queue: str | None = None
    max_retries: int = 2
    priority: int | None = None

    @property
    def has_items(self) -> bool:
        return self.kind in ("mapper", "generator")

    @cached_property
    def body(self) -> dict[str, Json]:
        body: dict[str, Json] = {
            "key": self.key,
            "queue_name": self.queue,
            "depends_on": list(self.depends_on),
            "max_retries": self.max_retries,
            "timeout_ms": 0,  # leases last as long as was asked for
        }
        if self.mode == "any":
            body["dependency_mode"] = "any"
        if self.outcome != "success":
            body["dependency_type"] = self.outcome
        if self.optional:
            body["optional_deps"] = list(self.optional)
        if self.ignored:
            body["ignore_output"] = list(self.ignored)
        if self.condition is not None:
            body["condition"] = self.condition.text
        if self.has_signal:
            body["signal"] = True
        if self.kind == "mapper":
            body["map"] = {"source": self.source}
        elif self.kind == "generator":
            body["generate"] = True
        elif self.kind == "reducer":
            body["reduce"] = {"source": self.source, "initial": 0}
        if self.item_queue is not None:
            body["item_queue_name"] = self.item_queue
        if self.priority is not None:
            body["priority"] = self.priority
        return body


@dataclass(frozen=True)
class Document:
    steps: tuple[Step, ...]  # in the order of the request
    output_priority: tuple[str, ...]
    is_output_given: bool = False
    fails_fast: bool = True
    has_on_fail: bool = False

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        return {step.key: step for step in self.steps}

    @cached_property
    def fan_outs(self) -> int:
        return sum(step.has_items for step in self.steps)

    @cached_property
    def mapped_over(self) -> Set[str]:
        """Steps, and the input, that ought to be arrays."""
        return {step.source for step in self.steps if step.kind == "mapper" and step.source}

    @cached_property
    def body(self) -> dict[str, Json]:
        body: dict[str, Json] = {"steps": [step.body for step in self.steps]}
        if self.is_output_given:
            body["output_priority"] = list(self.output_priority)
        if not self.fails_fast:
            body["failure_policy"] = "continue"
        if self.has_on_fail:
            body["on_fail"] = {}
        return body


def a_value(choose: random.Random, document: Document, of: str) -> Json:
    """An input of a run, or a result of a step: most often an array where that is expected."""
    is_array = of in document.mapped_over and choose.random() < 0.9
    return choose.choice(ARRAYS if is_array else VALUES)


def a_document(choose: random.Random, step_count: int) -> Document:
    return _Draft(choose, fails_fast=choose.random() < 0.7).document(step_count)


@dataclass
class _Draft:
    choose: random.Random
    fails_fast: bool
    steps: list[Step] = field(default_factory=list)
    _conditional: set[str] = field(default_factory=set)
    _with_items: list[str] = field(default_factory=list)

    def document(self, step_count: int) -> Document:
        for number in range(step_count):
            self._add(f"s{number}")
        steps, choose = list(self.steps), self.choose
        if choose.random() < 0.3:  # any order of declaration is taken
            choose.shuffle(steps)
        needed = {parent for step in steps for parent in step.depends_on}
        output = [step.key for step in steps if step.key not in needed]
        is_given = choose.random() < 0.5
        if is_given:
            inner = sorted(needed)
            output += choose.sample(inner, choose.randint(0, min(2, len(inner))))
            choose.shuffle(output)
        return Document(
            steps=tuple(steps),
            output_priority=tuple(output),
            is_output_given=is_given,
            fails_fast=self.fails_fast,
            has_on_fail=choose.random() < 0.4,
        )

    def _add(self, key: str) -> None:
        choose = self.choose
        depends_on = self._parents()
        kind = choose.choice(KINDS)
        source = None
        if kind == "mapper":
            # What may be skipped is no source: that is refused.
            surely = [parent for parent in depends_on if parent not in self._conditional]
            source = choose.choice((INPUT, *surely))
        sources = [parent for parent in depends_on if parent in self._with_items]
        if kind != "mapper" and sources and choose.random() < 0.5:
            kind, source = "reducer", choose.choice(sources)
        # With `any`, what is there of the others when it is looked at is a matter of time.
        takes_any = kind in ("normal", "generator") and len(depends_on) > 1 and self.fails_fast
        mode: Literal["all", "any"] = "any" if takes_any and choose.random() < 0.2 else "all"
        outcome: Outcome = "success"
        if depends_on and kind == "normal" and not self.fails_fast and choose.random() < 0.3:
            outcome = choose.choice(("completion", "completion", "failure"))
        condition, has_signal = None, choose.random() < 0.15
        if choose.random() < 0.3:
            names = [INPUT] if mode == "any" else [INPUT, *depends_on]
            names += ["signal"] * has_signal
            condition = a_condition(choose, names)
            self._conditional.add(key)
        ignored, optional = self._spared(depends_on, source, condition)
        self.steps.append(
            Step(
                key=key,
                kind=kind,
                depends_on=depends_on,
                mode=mode,
                outcome=outcome,
                optional=optional,
                ignored=ignored,
                condition=condition,
                has_signal=has_signal,
                source=source,
                queue=choose.choice(QUEUES),
                item_queue=choose.choice((None, ITEM_QUEUE)) if kind in _FANS else None,
                max_retries=choose.choice((0, 0, 1, 2)),
                priority=choose.choice((None, None, 1, -1)),
            )
        )
        if kind in _FANS:
            self._with_items.append(key)

    def _parents(self) -> tuple[str, ...]:
        """Most often the last ones, so that there are long ways as well as wide places."""
        known, choose = [step.key for step in self.steps], self.choose
        if not known or choose.random() < 0.2:
            return ()
        near = known[-6:]
        return tuple(choose.sample(near, choose.randint(1, min(3, len(near)))))

    def _spared(
        self, depends_on: Sequence[str], source: str | None, condition: Condition | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which dependencies are ignored, and which are optional: the conditional ones are one
        of both, the others now and then."""
        ignored, optional = [], []
        used = {source, condition and condition.field[0]}
        for parent in depends_on:
            is_conditional = parent in self._conditional
            if parent not in used and self.choose.random() < 0.2:
                ignored.append(parent)
            elif is_conditional or (parent != source and self.choose.random() < 0.1):
                optional.append(parent)
        return tuple(ignored), tuple(optional)


_FANS: Final = ("mapper", "generator")
