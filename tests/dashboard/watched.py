"""A page of the browser, with everything in it that must not happen written down."""

import re
from typing import Final

from playwright.sync_api import ConsoleMessage, Error, Page, Request, Response

# In the page, before its own scripts: what the policy refuses is an error like any other.
SAY_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", it =>
  console.error(`policy: ${it.violatedDirective} refused ${it.blockedURI} ${it.sample}`));
"""

# In the page: how long, in milliseconds, the longest task took from now on.
WATCH_TASKS: Final = """
window.longest = 0;
new PerformanceObserver(all => all.getEntries().forEach(it => { longest = Math.max(longest, it.duration); }))
  .observe({ type: "longtask" });
"""


class Watch:
    """What went wrong in a page. `allow` names what a scenario asks for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._seen: list[str] = []
        self._allowed: list[str] = []
        page.add_init_script(SAY_VIOLATIONS)
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("requestfailed", self._request_failed)
        page.on("response", self._response)

    def allow(self, pattern: str) -> None:
        """`pattern`: found in the line, as `console: …`, `request: GET … 404`, `error: …`."""
        self._allowed.append(pattern)

    @property
    def problems(self) -> list[str]:
        return [
            line
            for line in self._seen
            if not any(re.search(pattern, line) for pattern in self._allowed)
        ]

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium also says each refused request here; that is told by `_response`.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._seen.append(f"console: {message.text}")

    def _page_error(self, error: Error) -> None:
        self._seen.append(f"error: {error}")

    def _request_failed(self, request: Request) -> None:
        # What the page ends by itself: a stream when it is left, a read that a newer one replaced.
        if request.failure != "net::ERR_ABORTED":
            self._seen.append(f"request: {request.method} {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            asked = response.request
            self._seen.append(f"request: {asked.method} {asked.url} {response.status}")
