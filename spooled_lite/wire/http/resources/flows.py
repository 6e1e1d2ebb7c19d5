"""Flows over HTTP. Contract: catbird-capabilities, section 8.1, A6."""

import asyncio

from spooled_lite.core.flows.define import create_flow, define_flow
from spooled_lite.core.flows.query import (
    FLOWS_LISTED,
    FoundFlow,
    check_flow_scope,
    get_flow,
    list_flows,
)
from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.maintenance.remove_flow import delete_flow, remove_runs_of_leaving_flow
from spooled_lite.core.tasks.revision import Defined
from spooled_lite.core.workflows.document_checks import warnings_about
from spooled_lite.core.workflows.flow_names import checked_flow_name
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.if_match import if_match_of
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.unknown_fields import body_and_unknown
from spooled_lite.wire.shapes.flow_bodies import CreateFlow, ReplaceFlow
from spooled_lite.wire.shapes.flows import FlowView


async def list_all(call: Call) -> Reply:
    shown = page(call, default=FLOWS_LISTED, max=500)
    found = await call.reads.read(
        list_flows, call.org, call.scope, limit=shown.fetch, offset=shown.offset
    )
    # These may be megabytes, of very many steps.
    return paged(await asyncio.to_thread(_views, found), shown)


async def create(call: Call) -> Reply:
    body, unknown = await body_and_unknown(call, CreateFlow, FlowView)
    name = checked_flow_name(body.name)
    wanted = await call.off_loop(_wanted, call, name, body)

    def answer(made: Defined[FoundFlow]) -> Reply:
        return reply(_told(made, unknown if made.is_new else []), 201 if made.is_new else 200)

    return await Acting(call, "flow", "create", name, count=lambda it: it.is_new).write_once(
        answer, create_flow, call.org, name, wanted, call.scope
    )


async def get(call: Call) -> Reply:
    found = await call.reads.point(get_flow, call.org, call.path("name"), call.scope)
    return reply(FlowView.of(found.row, found.document))


async def replace(call: Call) -> Reply:
    name = checked_flow_name(call.path("name"))
    body, unknown = await body_and_unknown(call, ReplaceFlow, FlowView)
    wanted = await call.off_loop(_wanted, call, name, body)
    made = await Acting(call, "flow", "change", name, count=lambda it: it.is_changed).write(
        define_flow, call.org, name, wanted, call.scope, if_match_of(call)
    )
    return reply(_told(made, unknown))


async def delete(call: Call) -> Reply:
    """The runs go in passes, so that no other caller waits long. When the caller goes away, a loop
    deletes those that are left.
    """
    name = call.path("name")
    await Acting(call, "flow", "delete", name).write(delete_flow, call.org, name, call.scope)
    while not await call.write(remove_runs_of_leaving_flow, call.org, name):
        pass
    return NO_CONTENT


def _wanted(call: Call, name: str, body: ReplaceFlow) -> FlowDefinition:
    """Raises: as `ReplaceFlow.definition`; AccessDenied when the key does not open a queue."""
    wanted = body.definition(name)
    check_flow_scope(name, wanted.document, call.scope)
    return wanted


def _told(made: Defined[FoundFlow], unknown: list[str]) -> FlowView:
    """`unknown`: warnings about fields of the call that are ignored."""
    document = made.row.document
    view = FlowView.of(made.row.row, document)
    view.changed = made.is_changed
    view.warnings = unknown + ([] if document is None else warnings_about(document))
    return view


def _views(found: list[FoundFlow]) -> list[FlowView]:
    return [FlowView.of(each.row, each.document) for each in found]
