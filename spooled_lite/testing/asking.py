"""Who asked for a move of the clock, and whether they are still there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spooled_lite.wire.http.call import Call

Gone = asyncio.Task[None]  # done when the caller has left


@asynccontextmanager
async def asking(call: Call) -> AsyncIterator[Gone]:
    """Notice when the caller leaves: nobody wants its move any more, and the next caller is not to
    wait for the end of it. Use it once the body was read, or when there is none."""
    gone = asyncio.create_task(call.until_gone(), name="until-gone")
    try:
        yield gone
    finally:
        gone.cancel()
        await asyncio.wait({gone})
