"""`/`: the dashboard for a browser. A program is told that there is nothing here."""

from spooled_lite.errors import NotFound
from spooled_lite.wire.http.call import HTML, Call, Reply


async def page(call: Call) -> Reply:
    if b"text/html" not in call.headers.get(b"accept", b"").lower():
        raise NotFound("There is nothing at this path")
    from spooled_lite.wire.http import dashboard_files as files

    text, tag = files.page()
    asked_for = call.headers.get(b"if-none-match", b"")
    is_kept = tag in asked_for or asked_for.strip() == b"*"
    return Reply(
        304 if is_kept else 200,
        b"" if is_kept else text,
        files.page_headers(tag),
        media=HTML,
        policy=files.POLICY,
    )
