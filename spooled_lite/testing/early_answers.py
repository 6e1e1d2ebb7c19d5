"""Answers that no world gives: to requests that belong to none, or to one that is gone."""

from contextlib import suppress

from starlette.types import Scope, Send

from spooled_lite.errors import Unavailable
from spooled_lite.wire.http.call import Reply


def over() -> Unavailable:
    return Unavailable("shutting_down", "The world is gone; it was reset or deleted")


async def answer_early(answer: Reply, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        with suppress(RuntimeError):
            await send({"type": "websocket.close", "code": 1008})
        return
    headers = [
        (b"content-type", answer.media),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
