"""Whether the steps of a document fit together: catbird-capabilities, 8.1, F4-F6 and F13."""

from typing import Any, Final

import pytest

from spooled_lite.core.workflows.document import FlowDocument, StepDocument, terminal_steps
from spooled_lite.core.workflows.document_checks import (
    DocumentPlace,
    check_document,
    warnings_about,
)
from spooled_lite.errors import RuleBroken

FLOW: Final = DocumentPlace('flow "f"')
WORKFLOW: Final = DocumentPlace('workflow "w"', steps_field="jobs", is_flow=False)


def a_step(key: str, *depends_on: str, **fields: Any) -> StepDocument:
    return StepDocument(key=key, queue_name="q", depends_on=depends_on, **fields)


def a_mapper(key: str, source: str, *depends_on: str, **fields: Any) -> StepDocument:
    return a_step(key, *depends_on, type="mapper", source=source, **fields)


def a_reducer(key: str, source: str, *depends_on: str, **fields: Any) -> StepDocument:
    return a_step(key, *depends_on, type="reducer", source=source, **fields)


def a_document(*steps: StepDocument, **fields: Any) -> FlowDocument:
    return FlowDocument(**{"steps": steps, "output_priority": terminal_steps(steps), **fields})


def told(*steps: StepDocument, place: DocumentPlace = FLOW, **fields: Any) -> str:
    """What is wrong with them; nothing: they can be run."""
    try:
        check_document(a_document(*steps, **fields), place)
    except RuleBroken as error:
        return error.message
    return ""


A: Final = a_step("a")
MAYBE: Final = a_step("maybe", condition="input.x")
LINES: Final = a_step("lines", type="generator")


@pytest.mark.parametrize(
    "steps",
    [
        [A],
        [a_step("b", "a"), A],  # any order
        [A, a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c")],
        [MAYBE, a_step("b", "maybe", optional_deps=("maybe",))],
        [MAYBE, a_step("b", "maybe", ignore_output=("maybe",))],
        [MAYBE, A, a_step("b", "maybe", "a", dependency_mode="any")],
        [a_step("lines", type="generator", condition="input.x"), a_reducer("r", "lines", "lines")],
        [a_mapper("m", "input"), a_reducer("r", "m", "m", condition="input.x")],
        [A, a_mapper("m", "a", "a", signal=True)],
        [A, a_mapper("m", "input", "a", ignore_output=("a",))],
        [A, a_step("b", "a", condition="a.ok", signal=True)],
        [A, a_step("b", "a", condition="input eq 5", ignore_output=("a",))],
    ],
)
def test_what_can_be_run(steps: list[StepDocument]) -> None:
    assert told(*steps) == ""


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        # names
        ([a_step("A")], 'step "A": a step name may contain small letters a to z, digits and `_`'),
        ([a_step("a-b")], 'step "a-b": a step name may contain'),
        ([a_step("a" * 59)], f'step "{"a" * 59}": a step name must have 1 to 58 characters'),
        ([a_step("input")], 'step "input": this name is reserved'),
        ([a_step("signal")], 'step "signal": this name is reserved'),
        ([a_step("item")], 'step "item": this name is reserved'),
        ([A, A], 'step "a": there is another step of this name'),
        # dependencies
        ([a_step("a", "b")], 'step "a": depends on unknown step "b"'),
        ([a_step("a", "a")], 'step "a": depends on itself'),
        ([A, a_step("b", "a", "a")], 'step "b": depends on step "a" twice'),
        (
            [a_step("a", "c"), a_step("b", "a"), a_step("c", "b")],
            'step "a": circular dependency: a -> c -> b -> a',
        ),
        ([a_step("b", *(f"s{n}" for n in range(101)))], 'step "b": may depend on at most 100'),
        # sources
        ([a_mapper("m", "m")], 'step "m": maps over itself'),
        ([a_mapper("m", "x")], 'step "m": maps over unknown step "x"'),
        (
            [A, a_mapper("m", "a")],
            'step "m": maps over step "a", which is not among its dependencies',
        ),
        (
            [A, a_mapper("m", "a", "a", optional_deps=("a",))],
            'step "m": maps over step "a", which may be skipped',
        ),
        (
            [MAYBE, a_mapper("m", "maybe", "maybe")],
            'step "m": maps over step "maybe", which may be skipped',
        ),
        (
            [A, a_mapper("m", "a", "a", ignore_output=("a",))],
            'step "m": ignores the output of step "a", which it maps over',
        ),
        ([a_mapper("m", "")], 'step "m": `map` needs a `source`'),
        ([a_reducer("r", "")], 'step "r": `reduce` needs a `source`'),
        ([a_reducer("r", "r")], 'step "r": reduces itself'),
        ([a_reducer("r", "input")], 'step "r": reduces unknown step "input"'),
        ([LINES, a_reducer("r", "lines")], "which is not among its dependencies"),
        (
            [A, a_reducer("r", "a", "a")],
            'step "r": reduces step "a", which is no mapper and no generator',
        ),
        # outputs that are ignored, or may be missing
        (
            [A, a_step("b", ignore_output=("a",))],
            'step "b": ignores the output of step "a", which is not among its dependencies',
        ),
        (
            [A, a_step("b", "a", ignore_output=("a",), condition="a.ok")],
            'step "b": ignores the output of step "a", which its condition looks at',
        ),
        (
            [A, a_step("b", optional_deps=("a",))],
            'step "b": step "a" is optional to it, which is not among its dependencies',
        ),
        (
            [MAYBE, a_step("b", "maybe")],
            'step "b": depends on conditional step "maybe" without declaring it optional',
        ),
        (
            [MAYBE, a_mapper("m", "input", "maybe")],
            'step "m": depends on conditional step "maybe" without declaring it optional',
        ),
        # conditions
        ([a_step("a", condition="input.x ?? 5")], "character 9: an operator is expected"),
    ],
)
def test_what_cannot_be_run_is_said_with_the_flow_and_the_step(
    steps: list[StepDocument], message: str
) -> None:
    said = told(*steps)

    assert said.startswith('flow "f" step "')
    assert message in said


@pytest.mark.parametrize(
    ("priority", "message"),
    [
        ((), "`output_priority` must not be empty"),
        (("x", "b", "c"), '`output_priority` names unknown step "x"'),
        (("b", "c", "b"), '`output_priority` names step "b" twice'),
        (("b",), '`output_priority` leaves out step "c", which nothing depends on'),
    ],
)
def test_the_outputs_are_known_steps_with_every_terminal_one(
    priority: tuple[str, ...], message: str
) -> None:
    steps = (A, a_step("b", "a"), a_step("c", "a"))

    assert told(*steps, output_priority=priority) == f'flow "f": {message}'
    assert told(*steps, output_priority=("a", "c", "b")) == "", "also inner ones"


def test_names_of_workflows_are_reserved_only_where_something_is_looked_up_by_them() -> None:
    plain = [a_step("input"), a_step("A-1")]

    assert told(*plain, place=WORKFLOW) == ""
    for more in (a_step("c", condition="input.x"), a_mapper("m", "input")):
        said = told(*plain, more, place=WORKFLOW)
        assert said == 'workflow "w" step "input": this name is reserved'


def test_a_message_names_the_place_in_the_body() -> None:
    with pytest.raises(RuleBroken) as caught:
        check_document(a_document(A, a_step("b", "a", "x")), WORKFLOW)

    [problem] = caught.value.details
    assert problem.field == "jobs[1].depends_on"


@pytest.mark.parametrize(
    ("steps", "fields", "warning"),
    [
        ([A, MAYBE], {}, ""),
        ([a_step("a", condition="b.ok"), a_step("b")], {}, "looks at `b`, which is not among"),
        ([a_step("a", condition="signal.ok")], {}, "looks at `signal`, and it waits for none"),
        ([a_step("a", condition="signal.ok", signal=True)], {}, ""),
        ([A, a_step("b", "a", dependency_condition="failure")], {"failure_policy": "continue"}, ""),
        (
            [A, a_step("b", "a", dependency_condition="failure")],
            {"failure_policy": "fail_fast"},
            "it waits for a failure, at which all steps end",
        ),
        ([a_step("a", item_queue_name="x")], {}, "`item_queue_name` says nothing"),
        ([a_step("a", needs_input=False)], {}, "`needs_input` says nothing"),
        ([A, a_step("b")], {}, ""),
        (
            [A, a_step("b")],
            {"output_priority": ("b", "a")},
            'step "b" is never skipped, so none of "a" is read',
        ),
        ([MAYBE, a_step("b")], {"output_priority": ("maybe", "b")}, ""),
    ],
)
def test_what_is_probably_wrong_is_warned_of(
    steps: list[StepDocument], fields: dict[str, Any], warning: str
) -> None:
    found = warnings_about(a_document(*steps, **fields))

    if warning:
        assert len(found) == 1
        assert warning in found[0]
    else:
        assert found == []
