"""Tells the span of the work under way when what it has written is committed."""

import asyncio
from functools import partial
from typing import Any

from spooled_lite.spans import SPAN, OpenSpan
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.slow import name_of

COMMIT = "commit"


def note_commit(request: Request) -> None:
    """Called in the task that asks for an operation: nothing is done unless its span is sampled."""
    span = SPAN.get()
    if span is not None:
        taker: asyncio.Future[Any] = request.taker
        taker.add_done_callback(partial(_answered, span, request))


def _answered(span: OpenSpan, request: Request, taker: "asyncio.Future[Any]") -> None:
    # An operation that was refused has left nothing to commit.
    if not taker.cancelled() and taker.exception() is None:
        span.event(COMMIT, {"spooled.operation": name_of(request)})
