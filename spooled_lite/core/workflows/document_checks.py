"""Whether the steps of a document fit together, before anything is stored.

Messages name the flow and the step. Contract: catbird-capabilities, section 8.1 and F13.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from msgspec import Struct

from spooled_lite.core.conditions.parse import ParsedCondition, parse_condition
from spooled_lite.core.workflows.document import (
    FlowDocument,
    StepDocument,
    StepType,
    terminal_steps,
)
from spooled_lite.core.workflows.flow_names import (
    INPUT,
    RESERVED_STEP_NAMES,
    SIGNAL,
    checked_step_name,
)
from spooled_lite.core.workflows.graph import find_cycle, shown_cycle
from spooled_lite.core.workflows.records import PARENTS_MAX, STEPS_MAX
from spooled_lite.errors import RuleBroken

_SHOWN_MAX: Final = 100  # characters of what a caller says, in messages
_TYPES: Final[tuple[StepType, ...]] = get_args(StepType)


class DocumentPlace(Struct, frozen=True):
    """Where a document stands: whose it is, and the field of the body that has its steps."""

    of: str  # such as `flow "order"`
    steps_field: str = "steps"
    is_flow: bool = True

    def step(self, index: int, key: str) -> "StepPlace":
        return StepPlace(f'{self.of} step "{key[:_SHOWN_MAX]}"', f"{self.steps_field}[{index}]")

    def broken(self, field: str, what: str, code: str) -> RuleBroken:
        return RuleBroken.of(field, f"{self.of}: {what}", code)


class StepPlace(Struct, frozen=True):
    """A step in a body, and what messages call it."""

    of: str
    at: str

    def broken(self, field: str, what: str, code: str) -> RuleBroken:
        return RuleBroken.of(f"{self.at}.{field}", f"{self.of}: {what}", code)


def type_of_step(
    place: StepPlace, given: str | None, *, maps: bool, generates: bool, reduces: bool
) -> StepType:
    """What kind of step it is by what is said of it.

    Raises RuleBroken: that does not fit together.
    """
    said: list[StepType] = []
    said += ["mapper"] if maps else []
    said += ["generator"] if generates else []
    said += ["reducer"] if reduces else []
    if len(said) > 1:
        raise place.broken(
            "generate" if generates else "map",
            "only one of `map`, `generate` and `reduce` is possible",
            "invalid_step",
        )
    if given is None:
        return said[0] if said else "normal"
    for known in _TYPES:
        if given == known:
            break
    else:
        choices = ", ".join(f"`{each}`" for each in _TYPES)
        raise place.broken(
            "type", f"unknown type `{given[:_SHOWN_MAX]}`; choose {choices}", "invalid_value"
        )
    if not said and known == "generator":
        return known
    if not said and known != "normal":
        needed = "map" if known == "mapper" else "reduce"
        raise place.broken("type", f"a {known} needs `{needed}` with its source", "missing_source")
    if said and said[0] != known:
        raise place.broken("type", f"`type` is `{known}`, but it is a {said[0]}", "invalid_step")
    return known


def check_document(document: FlowDocument, place: DocumentPlace) -> None:
    """Raises RuleBroken: it cannot be run. Slow for the largest: not for the writing thread."""
    if not 1 <= len(document.steps) <= STEPS_MAX:
        raise place.broken(
            place.steps_field,
            f"must have 1 to {STEPS_MAX} steps, not {len(document.steps)}",
            "length",
        )
    _check_names(document.steps, place)
    steps = document.by_key
    for index, step in enumerate(document.steps):
        at = place.step(index, step.key)
        _check_dependencies(step, steps, at)
        _check_source(step, steps, at)
        _check_ignored(step, at)
        _check_optional(step, steps, at)
    _check_for_cycle(document.steps, place)
    _check_output_priority(document, place)


def _check_names(steps: Iterable[StepDocument], place: DocumentPlace) -> None:
    seen = set[str]()
    steps = tuple(steps)
    # Names of plain workflows mean nothing until something is looked up by them.
    are_reserved = place.is_flow or any(
        step.condition is not None or step.source is not None for step in steps
    )
    for index, step in enumerate(steps):
        at = place.step(index, step.key)
        if place.is_flow:
            checked_step_name(step.key, at.of, f"{at.at}.key")
        if are_reserved and step.key in RESERVED_STEP_NAMES:
            raise at.broken("key", "this name is reserved", "reserved_name")
        if step.key in seen:
            raise at.broken("key", "there is another step of this name", "duplicate")
        seen.add(step.key)


def _check_dependencies(
    step: StepDocument, steps: Mapping[str, StepDocument], at: StepPlace
) -> None:
    if len(step.depends_on) > PARENTS_MAX:
        raise at.broken("depends_on", f"may depend on at most {PARENTS_MAX} steps", "length")
    for position, parent in enumerate(step.depends_on):
        if parent == step.key:
            raise at.broken("depends_on", "depends on itself", "circular")
        if parent not in steps:
            raise at.broken("depends_on", f'depends on unknown step "{parent}"', "unknown_step")
        if parent in step.depends_on[:position]:
            raise at.broken("depends_on", f'depends on step "{parent}" twice', "duplicate")


def _check_source(step: StepDocument, steps: Mapping[str, StepDocument], at: StepPlace) -> None:
    if step.type not in ("mapper", "reducer"):
        return
    field, verb = ("map", "maps over") if step.type == "mapper" else ("reduce", "reduces")
    source = step.source
    if not source:
        raise at.broken(f"{field}.source", f"`{field}` needs a `source`", "missing_source")
    if step.type == "mapper" and source == INPUT:
        return
    if source == step.key:
        raise at.broken(f"{field}.source", f"{verb} itself", "circular")
    if source not in steps:
        raise at.broken(f"{field}.source", f'{verb} unknown step "{source}"', "unknown_step")
    if source not in step.depends_on:
        what = f'{verb} step "{source}", which is not among its dependencies'
        raise at.broken(f"{field}.source", what, "not_a_dependency")
    if step.type == "reducer":
        if not steps[source].has_items:
            what = f'reduces step "{source}", which is no mapper and no generator'
            raise at.broken("reduce.source", what, "invalid_source")
        return
    if source in step.optional_deps or steps[source].condition is not None:
        what = f'maps over step "{source}", which may be skipped'
        raise at.broken("map.source", what, "optional_source")
    if source in step.ignore_output:
        what = f'ignores the output of step "{source}", which it maps over'
        raise at.broken("ignore_output", what, "ignored_source")


def _check_ignored(step: StepDocument, at: StepPlace) -> None:
    condition = _condition_of(step, at)
    for name in step.ignore_output:
        if name not in step.depends_on:
            what = f'ignores the output of step "{name}", which is not among its dependencies'
            raise at.broken("ignore_output", what, "not_a_dependency")
        if condition is not None and condition.path[0] == name:
            what = f'ignores the output of step "{name}", which its condition looks at'
            raise at.broken("ignore_output", what, "used_in_condition")


def _condition_of(step: StepDocument, at: StepPlace) -> ParsedCondition | None:
    if step.condition is None:
        return None
    try:
        return parse_condition(step.condition, f"{at.at}.condition")
    except RuleBroken as error:
        [problem] = error.details
        raise RuleBroken.of(problem.field, f"{at.of}: {problem.message}", problem.code) from None


def _check_optional(step: StepDocument, steps: Mapping[str, StepDocument], at: StepPlace) -> None:
    """One of several that may do must not be there, and a reducer is given none of them."""
    for name in step.optional_deps:
        if name not in step.depends_on:
            what = f'step "{name}" is optional to it, which is not among its dependencies'
            raise at.broken("optional_deps", what, "not_a_dependency")
    if step.type == "reducer" or step.dependency_mode == "any":
        return
    for name in step.depends_on:
        is_needed = name not in step.optional_deps and name not in step.ignore_output
        if is_needed and steps[name].condition is not None:
            what = f'depends on conditional step "{name}" without declaring it optional'
            raise at.broken("optional_deps", what, "not_optional")


def _check_for_cycle(steps: Iterable[StepDocument], place: DocumentPlace) -> None:
    cycle = find_cycle({step.key: step.depends_on for step in steps})
    if cycle:
        index, first = next((n, it) for n, it in enumerate(steps) if it.key == cycle[0])
        at = place.step(index, first.key)
        raise at.broken("depends_on", f"circular dependency: {shown_cycle(cycle)}", "circular")


def _check_output_priority(document: FlowDocument, place: DocumentPlace) -> None:
    named = document.output_priority
    if not named:
        raise place.broken("output_priority", "`output_priority` must not be empty", "length")
    seen = set[str]()
    for key in named:
        if key not in document.by_key:
            what = f'`output_priority` names unknown step "{key}"'
            raise place.broken("output_priority", what, "unknown_step")
        if key in seen:
            what = f'`output_priority` names step "{key}" twice'
            raise place.broken("output_priority", what, "duplicate")
        seen.add(key)
    for key in terminal_steps(document.steps):
        if key not in seen:
            what = f'`output_priority` leaves out step "{key}", which nothing depends on'
            raise place.broken("output_priority", what, "missing_step")


def warnings_about(document: FlowDocument) -> list[str]:
    """What may be said but is probably wrong, in the order of the steps."""
    found = [each for step in document.steps for each in _warnings_about_step(step, document)]
    return found + _outputs_never_read(document)


def _warnings_about_step(step: StepDocument, document: FlowDocument) -> Iterable[str]:
    called = f'step "{step.key}"'
    if step.condition is not None:
        root = parse_condition(step.condition).path[0]
        if root == SIGNAL and not step.signal:
            yield f"{called}: its condition looks at `{SIGNAL}`, and it waits for none"
        elif root not in {INPUT, SIGNAL, *step.depends_on}:
            yield f"{called}: its condition looks at `{root}`, which is not among its dependencies"
    if step.dependency_condition == "failure" and document.failure_policy == "fail_fast":
        yield f"{called}: it waits for a failure, at which all steps end: see `failure_policy`"
    if step.item_queue_name is not None and not step.has_items:
        yield f"{called}: `item_queue_name` says nothing of a step without items"
    if step.needs_input is False and not step.has_items:
        yield f"{called}: `needs_input` says nothing of a step without items"


def _outputs_never_read(document: FlowDocument) -> list[str]:
    """Behind a step that is never skipped. What is chosen by default nobody has to be told of."""
    if document.output_priority == terminal_steps(document.steps):
        return []
    for position, key in enumerate(document.output_priority):
        never = document.output_priority[position + 1 :]
        if document.by_key[key].condition is None and never:
            named = ", ".join(f'"{each}"' for each in never[:5])
            return [f'`output_priority`: step "{key}" is never skipped, so none of {named} is read']
    return []
