"""What bodies of flows and of workflows alike say of a step."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar, cast, get_args

from msgspec import Meta, Raw, Struct

from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.workflows.document import StepType, usually_gives_input
from spooled_lite.core.workflows.document_checks import StepPlace, type_of_step
from spooled_lite.core.workflows.records import PARENTS_MAX, Condition, Mode
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.shapes import step_fields as step
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.policy_bodies import BackoffBody, CircuitBreakerBody

W = TypeVar("W", bound=str)

_MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_CONDITIONS: Final[tuple[Condition, ...]] = get_args(Condition)

# The spellings of its key, of which the first one wins.
STEP_KEY_NAMES: Final = ("key", "id", "name", "step_name")


class NamedStep(Struct, frozen=True):
    """A dependency, as some clients write it."""

    name: Annotated[str, about("The key of the step", "account")]


# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
DependsOnGiven = Annotated[list[str | NamedStep] | str | None, about(f"The keys of the steps it waits for, at most {PARENTS_MAX}; a text is one of them", ["account"])]
SameDependsOnGiven = Annotated[list[str | NamedStep] | str | None, about("The same as `depends_on`", ["account"])]
# fmt: on


MAP: Final = about("What its items are made of; null: it has none of these")
REDUCE: Final = about("What it folds into one value; null: it is no reducer")
STEP_BACKOFF: Final = about("How long it waits when it has failed; null: as its queue says")
STEP_BREAKER: Final = about("When it is not handed out because one failure follows another")


class MapBody(Struct, frozen=True, omit_defaults=True):
    """What a step makes its items of: one for each element."""

    source: step.MapSource | None = None


class ReduceBody(Struct, frozen=True, omit_defaults=True):
    """What a step folds into one value."""

    source: step.ReduceSource | None = None
    initial: step.ReduceInitial = NULL


class StepFeatures(Struct, kw_only=True):
    """What a step can say beyond being a job that waits for others. Null means absent.

    Contract: catbird-capabilities, section 19.5.
    """

    description: Annotated[step.StepDescription, Meta(max_length=step.STEP_DESCRIPTION_MAX)] | None = None  # fmt: skip
    type: step.TypeGiven | None = None
    payload_mode: step.PayloadModeGiven | None = None
    optional_deps: step.OptionalDeps | None = None
    ignore_output: step.IgnoreOutput | None = None
    condition: step.StepCondition | None = None
    signal: step.HasSignal | None = None
    map: Annotated[MapBody | None, MAP] = None
    generate: step.Generates | None = None
    reduce: Annotated[ReduceBody | None, REDUCE] = None
    item_queue_name: step.ItemQueue | None = None
    needs_input: step.NeedsInput | None = None
    backoff: Annotated[BackoffBody | None, STEP_BACKOFF] = None
    circuit_breaker: Annotated[CircuitBreakerBody | None, STEP_BREAKER] = None
    max_concurrency: Annotated[step.StepConcurrency, step.STEP_CONCURRENCY] | None = None

    @property
    def says_more(self) -> bool:
        """Whether anything is said that is not so of every step."""
        return any(
            getattr(self, name) not in (None, False, (), [], _USUAL.get(name))
            for name in StepFeatures.__struct_fields__
        )

    def document_fields(self, place: StepPlace) -> dict[str, Any]:
        """Fields of a `StepDocument` but those that have other names there, or defaults.

        Raises RuleBroken: they do not fit together.
        """
        maps, reduces = self.map is not None, self.reduce is not None
        kind: StepType = type_of_step(
            place, self.type, maps=maps, generates=bool(self.generate), reduces=reduces
        )
        said: MapBody | ReduceBody | None = self.map or self.reduce
        source = None if said is None else said.source
        usual_input = usually_gives_input(kind, source)
        item_queue = self.item_queue_name
        if item_queue is not None:
            item_queue = checked_step_queue_name(item_queue, f"{place.at}.item_queue_name")
        at = f"{place.at}.backoff"
        breaker = self.circuit_breaker
        return {
            "type": kind,
            "description": self.description,
            "optional_deps": tuple(dict.fromkeys(self.optional_deps or ())),
            "ignore_output": tuple(dict.fromkeys(self.ignore_output or ())),
            "condition": self.condition,
            "signal": bool(self.signal),
            "source": source,
            "initial": _initial(self.reduce),
            "item_queue_name": item_queue,
            "needs_input": None if self.needs_input is usual_input else self.needs_input,
            "circuit_breaker": None if breaker is None else breaker.breaker(),
            "max_concurrency": self.max_concurrency,
            "backoff": None if self.backoff is None else self.backoff.checked(at),
        }


def usual(word: W) -> W:
    """The same text as in the program, by which a document leaves out what is the default: what
    says the same is stored as the same."""
    return cast(W, sys.intern(word))


_USUAL: Final[dict[str, object]] = {
    "type": "normal",
    "payload_mode": "static",
    "needs_input": True,
}


class StepBody(StepFeatures, kw_only=True):
    """A step, without what flows and workflows say of it in their own ways."""

    depends_on: DependsOnGiven = None
    dependencies: SameDependsOnGiven = None
    dependency_mode: workflow.ModeGiven | None = None
    dependency_type: workflow.ConditionGiven | None = None

    def parents(self, at: str) -> Sequence[str]:
        """Their keys as they were given. `at` goes in front of the names of fields in errors."""
        spelling = "dependencies" if self.depends_on is None else "depends_on"
        given: Any = getattr(self, spelling)
        items = [given] if isinstance(given, str) else given or []
        if len(items) > PARENTS_MAX:
            raise RuleBroken.of(
                f"{at}{spelling}",
                f"Field `{at}{spelling}` may name at most {PARENTS_MAX} jobs",
                "length",
            )
        return [each.name if isinstance(each, NamedStep) else each for each in items]

    def conditions(self, at: str) -> tuple[Mode, Condition]:
        """Whether it waits for all of them, and for which end of each."""
        mode, condition = self.dependency_mode, self.dependency_type
        if condition in _MODES:
            mode, condition = mode or condition, None
        for known_mode in _MODES:
            if known_mode == (mode or "all"):
                break
        else:
            raise RuleBroken.of(
                f"{at}dependency_mode",
                f"Field `{at}dependency_mode` must be `all` or `any`",
                "invalid_value",
            )
        for known_condition in _CONDITIONS:
            if known_condition == (condition or "success"):
                break
        else:
            raise RuleBroken.of(
                f"{at}dependency_type",
                f"Field `{at}dependency_type` must be `success`, `completion` or `failure`",
                "invalid_value",
            )
        return known_mode, known_condition


def _initial(reduce: ReduceBody | None) -> Raw | None:
    if reduce is None or bytes(reduce.initial) == b"null":
        return None
    return reduce.initial
