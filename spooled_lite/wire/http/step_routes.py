"""The paths of the steps of workflows, by their keys, and of what ends a run early."""

from typing import Final

from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import Row, Trait
from spooled_lite.wire.http.resources import outcomes, step_items, steps, workflows

# As in `routes`, which has these with all others.
# ruff: noqa: E501
# fmt: off
STEP_ROUTES: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/workflows/{id}/complete",           workflows.complete,     Access.KEY, "workflows:write"),
    ("GET",  "/api/v1/workflows/{id}/steps",              steps.list_all,         Access.KEY, "workflows:read"),
    ("GET",  "/api/v1/workflows/{id}/steps/{key}",        steps.get,              Access.KEY, "workflows:read"),
    ("GET",  "/api/v1/workflows/{id}/steps/{key}/wait",   outcomes.wait_for_step, Access.KEY, "workflows:read"),
    ("POST", "/api/v1/workflows/{id}/steps/{key}/signal", steps.signal,           Access.KEY, "workflows:write", Trait.ONCE),
    ("GET",  "/api/v1/workflows/{id}/steps/{key}/items",  step_items.list_all,    Access.KEY, "workflows:read"),
    ("POST", "/api/v1/workflows/{id}/steps/{key}/items",  step_items.add,         Access.KEY, "workflows:write"),
    ("POST", "/api/v1/workflows/{id}/steps/{key}/items/complete", step_items.complete_many, Access.KEY, "workflows:write", Trait.SPARED),
)
# fmt: on
