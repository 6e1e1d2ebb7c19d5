"""The examples, each run as its reader would run it.

What they need is used where it is installed: nothing is fetched.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.testing import Server

ROOT: Final = Path(__file__).parent.parent
EXAMPLES: Final = ROOT / "examples" / "testing"
SECONDS_MAX: Final = 240.0  # Go compiles its standard library first, once on a machine

pytestmark = pytest.mark.slow


def ran(folder: str, *command: str) -> str:
    """What the tests of an example say."""
    done = subprocess.run(
        command, cwd=EXAMPLES / folder, env=environ(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def environ() -> dict[str, str]:
    """With `spooled-lite` of this environment and of this source, and no settings by chance."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPOOLED", "PYTEST"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT)}


def needed(program: str, example: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program} here: examples/testing/{example} was not run")
    return found


def number_of_tests(files: str, pattern: str) -> int:
    return sum(len(re.findall(pattern, file.read_text())) for file in EXAMPLES.glob(files))


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.long)])
def test_the_shop_in_python_is_tested_in_parallel(workers: int) -> None:
    pytest.importorskip("spooled")
    plugins = ("no:cacheprovider", "no:schemathesis", "spooled_lite.pytest_plugin")

    said = ran(
        "", sys.executable, "-m", "pytest", "-q", f"-n{workers}", *(f"-p{each}" for each in plugins)
    )

    number = number_of_tests("*/test_*.py", r"(?m)^def test_")
    assert int(said.rpartition(" passed")[0].split()[-1]) >= number, said


def test_the_shop_in_javascript_is_tested_with_nothing_installed() -> None:
    node = needed("node", "js")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].partition(".")[0]) < 20:
        pytest.skip(f"node {version.strip()} is too old: examples/testing/js was not run")

    said = ran("js", node, "--test", "--test-reporter=tap")

    number = number_of_tests("js/*.test.js", r"(?m)^ +test\(")
    assert f"# pass {number}\n" in said, said


def test_the_shop_in_go_is_tested_with_the_standard_library_only() -> None:
    go = needed("go", "go")

    said = ran("go", go, "test", "-count=1", "-v", "./...")

    assert (
        said.count("--- PASS") == number_of_tests("go/*_test.go", r"(?m)^func Test[A-Z]\w*\(t ") > 0
    ), said


def test_the_shop_in_php_is_tested_with_phpunit() -> None:
    needed("php", "php")
    phpunit = needed("phpunit", "php")

    said = ran("php", phpunit)

    number = number_of_tests("php/tests/*Test.php", r"function test[A-Z]")
    assert f"OK ({number} tests" in said, said


def said_by(example: str) -> list[str]:
    """What a program of `examples` prints, against a server of its own."""
    with Server(clock="real") as server:
        done = subprocess.run(
            (sys.executable, str(ROOT / "examples" / example)),
            env={**environ(), "SPOOLED_URL": server.url, "SPOOLED_API_KEY": server.api_key},
            capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_progress_of_an_import_is_one_notification_at_any_time() -> None:
    assert said_by("inbox/import_progress.py") == [
        'after 500 rows: <p class="import">500 rows (25 %)</p>',
        'after 1000 rows: <p class="import">1000 rows (50 %)</p>',
        'after 1500 rows: <p class="import">1500 rows (75 %)</p>',
        'next morning: <p class="import">all 2000 rows (100 %)</p>',
        "seen: 1",
        "and again: nothing new",
    ]


def test_large_orders_wait_for_an_approval() -> None:
    assert said_by("flows/orders.py") == [
        "small: completed, published 50 at once",
        "large: started, None",
        "bad: completed, bad prices",
        "large: completed, published 170, approved by ann",
    ]


def test_a_report_is_folded_from_the_items_of_all_shops_in_their_order() -> None:
    assert said_by("flows/nightly_report.py") == [
        "completed: {'total': 120, 'lines': ['north 30', 'south 0', 'west 90']}"
    ]


def test_what_a_failed_trip_has_booked_is_given_back() -> None:
    assert said_by("flows/trip.py") == [
        "Rome: completed",
        "Venice: failed",
        "car failed: no cars there",
        "gave back hotel-Venice",
        "gave back flight-Venice",
    ]
