"""Run pytest, and once more the few tests that failed: `python -m tests.second_try ARGUMENTS`.

Among so many tests, one in several runs on a busy machine meets a race of its own making. A
test that fails twice fails the run; one that passes by itself is named, to be mended.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SECOND_TRIES_MAX: Final = 3  # more that fail in one run are no accident
_SOME_FAILED: Final = 1  # pytest's exit code; others say that it did not get to the end


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 when each test has passed, at the second try at the latest."""
    with tempfile.TemporaryDirectory() as folder:
        code = _pytest(*arguments, "-o", f"cache_dir={folder}")
        failed = _failed(Path(folder))
    if code != _SOME_FAILED or not 0 < len(failed) <= SECOND_TRIES_MAX:
        return code
    _say(f"\n{len(failed)} failed; now by themselves:")
    if (code := _pytest("-q", *failed)) == 0:
        _say("\nFAILED ONCE and passed by themselves; each is a race to be mended:", *failed)
    return code


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()  # before the output of what is run next


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed(cache: Path) -> list[str]:
    found = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(found.read_bytes())) if found.exists() else []


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
