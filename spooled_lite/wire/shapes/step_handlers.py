"""Steps of flows as workers name them: `flow.step`, or an object with both names."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Struct

from spooled_lite.core.lifecycle.handlers import StepName
from spooled_lite.errors import RuleBroken
from spooled_lite.wire.shapes.about import about

_NAME: Final = re.compile(r"[a-z0-9_]{1,58}")


class StepNameGiven(Struct, frozen=True):
    """A step of a flow. `flow.step` says the same."""

    flow_name: Annotated[str, about("The flow", "order_flow")]
    step_name: Annotated[str, about("The key of the step", "approve")]


def read_step_names(
    given: Sequence[str | StepNameGiven], field: str = "step_handlers"
) -> tuple[StepName, ...]:
    """Each step once. Raises RuleBroken: no step of a flow can have such a name."""
    names = [_read(each, f"{field}[{position}]") for position, each in enumerate(given)]
    return tuple(dict.fromkeys(names))


def _read(given: str | StepNameGiven, field: str) -> StepName:
    if isinstance(given, str):
        flow_name, _, step_name = given.partition(".")
    else:
        flow_name, step_name = given.flow_name, given.step_name
    if _NAME.fullmatch(flow_name) is None or _NAME.fullmatch(step_name) is None:
        raise RuleBroken.of(
            field,
            f"Field `{field}` must name a flow and a step of it, as `flow.step`; both have 1 to 58"
            " small letters a to z, digits and `_`",
            "invalid_step_name",
        )
    return StepName(flow_name, step_name)
