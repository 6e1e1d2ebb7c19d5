"""The API described: `/openapi.json` for programs, `/docs` for people. Contract: README, 8."""

import asyncio
import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final

from spooled_lite.wire.http.call import HTML, Call, Reply

_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


async def openapi(call: Call) -> Reply:
    return Reply(200, await asyncio.to_thread(call.services.document_text))


async def docs(call: Call) -> Reply:
    page, policy = docs_page()
    return Reply(200, page, media=HTML, policy=policy)


@cache
def docs_page() -> tuple[bytes, bytes]:
    """The page, and a policy that lets it run its own script and load nothing but the document."""
    page = (
        resources.files("spooled_lite.wire.http.documents").joinpath("docs.html").read_text("utf-8")
    )
    own = {kind: _digest(text) for kind, text in _INLINE.findall(page)}
    policy = (
        f"default-src 'none'; script-src {own['script']}; style-src {own['style']}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy.encode("ascii")


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
