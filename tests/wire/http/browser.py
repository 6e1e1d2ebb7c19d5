"""A page as a browser shows it, where the system's Chromium is installed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

CHROMIUM: Final = shutil.which("chromium")
SECONDS_MAX: Final = 60.0
# Of the page's own time: what it loads and does until then is in the picture.
PAGE_MS: Final = 10_000
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def shown_by_a_browser(url: str, profile: Path) -> str:
    """The document after its scripts have run. Skips the test without a browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    answer = subprocess.run(
        [
            *(CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"),
            *(f"--virtual-time-budget={PAGE_MS}", "--dump-dom", url),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return answer.stdout
