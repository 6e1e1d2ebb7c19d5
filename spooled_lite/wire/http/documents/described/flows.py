"""The routes of flows."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.flows.query import FLOWS_LISTED
from spooled_lite.core.tasks.runs import RUNS_LISTED
from spooled_lite.core.workflows.states import WORKFLOW_STATES
from spooled_lite.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    QuotaExceeded,
    RequestTimeout,
)
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.documents.described.tasks import PURGED
from spooled_lite.wire.http.resources import flow_runs, flows
from spooled_lite.wire.shapes import flow_bodies as bodies
from spooled_lite.wire.shapes import flow_run_bodies as runs
from spooled_lite.wire.shapes import flows as shapes
from spooled_lite.wire.shapes.run_bodies import RunsDeleted

_FLOW: Final = {
    "description": "Order handling",
    "retention_seconds": 7_776_000,
    "output_priority": ["publish", "rejected"],
    "steps": [
        {"key": "validate", "queue_name": "orders"},
        {
            "key": "publish",
            "queue_name": "orders",
            "depends_on": ["validate"],
            "condition": "validate.ok",
        },
        {
            "key": "rejected",
            "queue_name": "orders",
            "depends_on": ["validate"],
            "condition": "not validate.ok",
        },
    ],
}

FLOWS: Final[Mapping[Handler, Doc]] = {
    flows.list_all: Doc(
        summary="List flows by name",
        about="A key with a list of queues sees those all of whose queues it may use.",
        parameters=paging(FLOWS_LISTED, 500),
        answer=list[shapes.FlowView],
        is_paged=True,
    ),
    flows.create: Doc(
        summary="Create a flow, unless there is one of this name",
        about="200: there is one already, and it stays as it is.",
        body=bodies.CreateFlow,
        example={"name": "order_flow", **_FLOW},
        answer=shapes.FlowView,
        statuses=(201, 200),
        errors=(Conflict, PayloadTooLarge),
    ),
    flows.get: Doc(summary="Show one flow", answer=shapes.FlowView),
    flows.replace: Doc(
        summary="Create a flow, or replace its whole definition",
        about="What is left out gets its default. Runs that are there keep the definition that "
        "they were made with.",
        parameters=(
            Parameter(
                "If-Match",
                "A revision that was seen, or `*` for any: refused when the flow has another one",
                place="header",
                example="3",
            ),
        ),
        body=bodies.ReplaceFlow,
        example=_FLOW,
        answer=shapes.FlowView,
        errors=(Conflict, PreconditionFailed, PayloadTooLarge),
    ),
    flows.delete: Doc(
        summary="Delete a flow with all its runs and bindings",
        about="Also what runs now; whoever works on it is told that there is no such job.",
        statuses=(204,),
    ),
    flow_runs.create: Doc(
        summary="Run a flow",
        about="The run is a workflow, and its steps are jobs. 200: an unfinished run of the flow "
        "has its `concurrency_key`, and that one is answered.",
        body=runs.RunFlow,
        example={
            "input": {"order_id": 7},
            "concurrency_key": "order-7",
            "headers": {"trace_id": "t-9"},
        },
        answer=runs.FlowRunStored,
        statuses=(201, 200),
        errors=(NotFound, QuotaExceeded),
    ),
    flow_runs.list_all: Doc(
        summary="List the runs of a flow, newest first",
        parameters=(
            Parameter(
                "state", "Only runs in it", {"type": "string", "enum": list(WORKFLOW_STATES)}
            ),
            *paging(RUNS_LISTED),
        ),
        answer=list[runs.FlowRunView],
        is_paged=True,
        errors=(RequestTimeout,),
    ),
    flow_runs.purge: Doc(
        summary="Delete runs of a flow, with their steps",
        about="Those that ended so long ago, or all of them, whatever they do.",
        parameters=PURGED,
        answer=RunsDeleted,
        errors=(BadRequest,),
    ),
}
