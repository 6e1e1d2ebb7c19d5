"""Renderers of live messages and notifications over HTTP. Contract: catbird, section 13, R7."""

from spooled_lite.core.renderers.define import (
    all_renderers,
    get_renderer,
    put_renderer,
    remove_renderer,
)
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.renderers import PutRenderer, RendererView


async def list_all(call: Call) -> Reply:
    rows = await call.reads.read(all_renderers, call.org)
    return reply([RendererView.of(row) for row in rows])


async def get(call: Call) -> Reply:
    found = await call.reads.read(get_renderer, call.org, call.path("name"))
    return reply(RendererView.of(found))


async def put(call: Call) -> Reply:
    new = (await call.body(PutRenderer)).new_renderer(call.path("name"))
    row = await Acting(call, "renderer", "update", new.name).write(put_renderer, call.org, new)
    return reply(RendererView.of(row))


async def delete(call: Call) -> Reply:
    name = call.path("name")
    await Acting(call, "renderer", "delete", name).write(remove_renderer, call.org, name)
    return NO_CONTENT
