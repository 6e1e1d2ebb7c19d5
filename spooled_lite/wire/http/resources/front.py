"""`/`: the dashboard for a browser. A program is told that there is nothing here."""

from typing import Final

from spooled_lite.errors import NotFound
from spooled_lite.wire.http.call import HTML, Call, Reply
from spooled_lite.wire.http.errors import refusal

# On every answer, the 404 too: a cache must not give a browser what a program was told.
VARY: Final = (b"vary", b"Accept")


async def page(call: Call) -> Reply:
    if b"text/html" not in call.headers.get(b"accept", b"").lower():
        nothing = refusal(NotFound("There is nothing at this path"))
        nothing.headers = (*nothing.headers, VARY)
        return nothing
    from spooled_lite.wire.http import dashboard_files as files

    text, tag = files.page()
    asked_for = call.headers.get(b"if-none-match", b"")
    is_kept = tag in asked_for or asked_for.strip() == b"*"
    return Reply(
        304 if is_kept else 200,
        b"" if is_kept else text,
        (*files.page_headers(tag), VARY),
        media=HTML,
        policy=files.POLICY,
    )
