"""What a browser that measures needs: where it is, who it is signed in as, and its own clocks."""

import json
import shutil
from typing import Final

from spooled_lite.cli.load.serial import KeptConnection
from spooled_lite.cli.load.shapes import LoadTarget

# In a page, before its own scripts: a promise of the milliseconds from the address to the frame
# that shows the first row of a table.
FIRST_ROW: Final = """
window.firstRowMs = new Promise(tell => new MutationObserver((_, self) => {
  if (!document.querySelector("tbody tr")) return;
  self.disconnect();
  requestAnimationFrame(() => setTimeout(() => tell(performance.now())));
}).observe(document, { childList: true, subtree: true }));
"""
API_READS: Final = """
performance.getEntriesByType("resource")
  .filter(it => /api|health/.test(it.name) && !/events/.test(it.name)).map(it => it.duration)
"""
TASKS: Final = """
window.longestMs = 0;
new PerformanceObserver(all => all.getEntries().forEach(it => {
  window.longestMs = Math.max(window.longestMs, it.duration); })).observe({ type: "longtask" });
"""


class NoBrowser(Exception):
    """Chromium is not installed."""


def chromium() -> str:
    """Raises: NoBrowser."""
    found = shutil.which("chromium")
    if found is None:
        raise NoBrowser("the workload `pages` needs the package chromium")
    return found


def enter(target: LoadTarget) -> str:
    """Before the scripts of a page: the tokens of somebody who has signed in with the key."""
    with KeptConnection(target) as line:
        answer = line.post("/api/v1/auth/login", {"api_key": target.api_key})
    kept = {name: answer[name] for name in ("access_token", "refresh_token")}
    return f"""
      for (const [name, value] of Object.entries({json.dumps(kept)}))
        sessionStorage.setItem(`spooled.${{name}}`, value);
    """
